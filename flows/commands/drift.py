"""``factory drift``: two files, no model."""

from argparse import Namespace
from time import perf_counter

from factory.config import CheckConfig
from factory.told import signal_json
from flows.commands.check import print_signals
from flows.console import answers, print_json
from flows.pair import compare_tables


def run(args: Namespace) -> int:
    """Compare two files feature by feature."""
    started = perf_counter()
    found, rows = compare_tables(args.reference, args.current, CheckConfig())
    signals = [signal_json(signal) for signal in found]
    alarm = any(s["alarm"] for s in signals)
    told = {
        "alarm": alarm,
        "features": signals,
        "rows": list(rows),
        "seconds": perf_counter() - started,
    }
    if args.json:
        print_json(told)
    else:
        answers.print("[red]alarm[/red]" if alarm else "[green]no alarm[/green]")
        print_signals(signals)
    return 1 if args.exit_code and alarm else 0
