"""``factory reproduce``: a version made again from what was recorded of it."""

from argparse import Namespace
from dataclasses import asdict

from flows.console import answers, print_json
from flows.reproduce import Reproduced, reproduce
from flows.workplace import open_workplace, resolve


def run(args: Namespace) -> int:
    """Make a version again and compare what both predict."""
    name, _ = resolve(args.name)
    made = reproduce(name, args.version, open_workplace(args.home))
    if args.json:
        print_json({**asdict(made), "same": made.difference == 0})
    else:
        tell(made)
    return 1 if args.exit_code and made.difference else 0


def tell(made: Reproduced) -> None:
    """Print what came of making a version again for people."""
    state = "[red]other predictions[/red]" if made.difference else "[green]the same[/green]"
    answers.print(f"[bold]{made.model} version {made.version}[/bold] ({made.made}): {state}")
    answers.print(
        f"largest difference {made.difference:g} over {made.rows:,} reference rows; "
        f"rows {made.data_sha256[:12]}"
    )
    if made.moved:
        answers.print(f"the registered model itself predicts other values by {made.moved:g}")
    for change in made.changes:
        answers.print(f"other code: {change}", markup=False)
