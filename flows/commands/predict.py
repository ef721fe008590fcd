"""``factory predict``: score a file with the champion."""

from argparse import Namespace

from flows.console import answers, print_json
from flows.environment import run_flow


def run(args: Namespace) -> int:
    """Write predictions with ids, and log them."""
    told = run_flow(
        "flows.predict:predict",
        args.home,
        model=args.name,
        source=args.input,
        output=args.output,
    )
    if args.json:
        print_json(told)
    else:
        answers.print(
            f"{told['rows']:,} rows scored with {told['model']} version {told['version']}, "
            f"written to {told['output']} in {told['seconds']:.1f} s"
        )
    return 0
