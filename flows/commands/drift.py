"""``factory drift``: two files, no model."""

from argparse import Namespace
from time import perf_counter

from factory.check import drift
from factory.config import CheckConfig
from factory.told import signal_json
from flows.commands.check import print_signals
from flows.console import answers, print_json
from registry.sources import read_pair


def run(args: Namespace) -> int:
    """Compare two files feature by feature."""
    started = perf_counter()
    reference, current, schema = read_pair(args.reference, args.current)
    signals = [signal_json(s) for s in drift(reference, current, schema, CheckConfig())]
    alarm = any(s["alarm"] for s in signals)
    told = {
        "alarm": alarm,
        "features": signals,
        "rows": [len(reference), len(current)],
        "seconds": perf_counter() - started,
    }
    if args.json:
        print_json(told)
    else:
        answers.print("[red]alarm[/red]" if alarm else "[green]no alarm[/green]")
        print_signals(signals)
    return 1 if args.exit_code and alarm else 0
