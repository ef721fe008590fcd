"""``factory train``: from data to champion."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from rich.live import Live
from rich.table import Table

from factory.config import load_config
from flows.console import answers, print_json, print_table, progress, say
from flows.environment import run_flow
from flows.progress import on_trial


def run(args: Namespace) -> int:
    """Search, fit, evaluate, register, gate and promote."""
    settings = load_config(Path(args.config))
    search = settings.search
    say(f"{settings.name}: up to {search.trials} trials in {search.seconds:g} s ...")
    board = Board()
    token = on_trial.set(board.hear)
    try:
        with Live(get_renderable=board.table, console=progress, transient=True):
            told = run_flow(
                "flows.train:train_model",
                args.home,
                config=str(args.config),
                data=args.data,
            )
    finally:
        on_trial.reset(token)
    if args.json:
        print_json(told)
    else:
        tell(told)
    return 1 if args.exit_code and not told["verdict"]["passed"] else 0


class Board:
    """The trials so far: a live table on a terminal, a line each elsewhere."""

    def __init__(self) -> None:
        self.trials: list[Any] = []

    def hear(self, trial: Any) -> None:
        """Take in a finished trial."""
        self.trials.append(trial)
        if not progress.is_terminal:
            say(f"trial {trial.number}: {trial.family} {trial.state} {_score(trial)}")

    def table(self) -> Table:
        """Return the newest ten trials."""
        table = Table("trial", "family", "score", "state", header_style="bold")
        for trial in self.trials[-10:]:
            table.add_row(str(trial.number), trial.family, _score(trial), trial.state)
        return table


def _score(trial: Any) -> str:
    return "" if trial.score is None else f"{trial.score:.5g}"


def tell(told: dict[str, Any]) -> None:
    """Print a training's outcome for people."""
    verdict = told["verdict"]
    state = "champion" if verdict["passed"] else "not promoted"
    answers.print(f"[bold]{told['model']} version {told['version']}: {state}[/bold]")
    answers.print(f"{verdict['because']}.")
    answers.print(
        f"{told['metric']} {told['score']:.5g} on held-out rows; {told['trials']} trials, "
        f"{told['rows']:,} rows, {told['seconds']:.0f} s; MLflow run {told['run_id']}"
    )
    dropped = {f"{count:,} rows": f"dropped: {why}" for why, count in told["dropped"].items()}
    for what, why in {**dropped, **told["ignored"]}.items():
        answers.print(f"[yellow]{what}[/yellow] {why}")
    for note in told["notes"]:
        answers.print(f"[yellow]note[/yellow] {note}")
    print_table(
        "metrics", ("metric", "value"), [(k, f"{v:.5g}") for k, v in told["metrics"].items()]
    )
