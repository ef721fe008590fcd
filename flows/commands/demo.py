"""``factory demo``: a year of flights, told as it happens."""

import shutil
from argparse import Namespace

from flows.console import answers, print_json, say
from flows.environment import run_flow


def run(args: Namespace) -> int:
    """Live through the year in a home folder of its own, and say where to look."""
    home = args.home / "demo"
    if home.exists():
        say(f"Removing the earlier demo in {home} ...")
        shutil.rmtree(home)
    told = run_flow("flows.demo.story:live", home, trials=args.trials, report=args.report)
    if args.json:
        print_json(told)
        return 0
    answers.print(f"\n[bold]{told['verdict']}[/bold]")
    answers.print(f"report   {told['report']}")
    answers.print(f"models   mlflow ui --backend-store-uri {told['mlflow']}")
    answers.print(f"history  factory history flights --home {home}")
    answers.print(f"again    factory decisions flights --home {home}")
    return 0
