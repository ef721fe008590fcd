"""``factory backtest``: a stream lived through again under several policies."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from factory.config import load_config
from factory.errors import BadConfig
from flows.backtest.names import named
from flows.console import answers, print_json, print_table
from flows.environment import run_flow


def run(args: Namespace) -> int:
    """Replay a stream, and write what became of each policy as JSON and as a page."""
    # What can be refused without reading the stream is refused before a server starts.
    load_config(Path(args.config))
    named(args.policies)
    if args.out is not None and args.out.exists() and not args.out.is_dir():
        raise BadConfig(f"{args.out} is no folder.", hint="give --out another name")
    told = run_flow(
        "flows.backtest.flow:replay_stream",
        args.home,
        config=str(args.config),
        stream=args.stream,
        policies=args.policies,
        window_rows=args.window_rows,
        train_rows=args.train_rows,
        label_delay=args.label_delay,
        processes=args.processes,
        out=None if args.out is None else str(args.out),
    )
    if args.json:
        print_json(told)
    else:
        tell(told)
    return 0


def tell(told: dict[str, Any]) -> None:
    """Print the policies for people."""
    columns = ("policy", f"mean {told['metric']}", "regret", "trainings", "fits", "seconds")
    rows = [
        (
            name,
            _number(one["mean"]),
            _number(one["regret"]),
            one["trainings"],
            one["fits"],
            f"{one['seconds']:.1f}",
        )
        for name, one in told["policies"].items()
    ]
    print_table(f"{told['model']}: {told['windows']} windows", columns, rows)
    answers.print(f"page    {told['page']}", soft_wrap=True)
    answers.print(f"digest  {told['digest']}", soft_wrap=True)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"
