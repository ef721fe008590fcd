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
    board = Board(search.trials, search.seconds)
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
    """The trials so far: a live table on a terminal, a line each elsewhere.

    Args:
        trials: most trials.
        seconds: of the search.
    """

    def __init__(self, trials: int, seconds: float) -> None:
        self.most, self.seconds = trials, seconds
        self.trials: list[Any] = []
        self.best: Any = None

    def hear(self, trial: Any, *, best: bool) -> None:
        """Take in a finished trial, and whether it is the best so far."""
        self.trials.append(trial)
        self.best = trial if best else self.best
        if not progress.is_terminal:
            told = f"trial {trial.number}: {trial.family} {trial.state} {_score(trial)}"
            say(f"{told}, best {_score(self.best)}, {self.left()}")

    def left(self) -> str:
        """Say what is left of the search: at most so many seconds, or trials if that is less."""
        first, last = self.trials[0], self.trials[-1]
        spent = last.ended - first.started
        each = spent / len(self.trials)
        seconds = min(self.seconds - spent, each * (self.most - len(self.trials)))
        return f"{max(0.0, seconds):.0f} s left"

    def table(self) -> Table:
        """Return the newest ten trials below the best one."""
        pruned = sum(trial.state == "pruned" for trial in self.trials)
        title = f"{len(self.trials)} of {self.most} trials"
        if self.trials:
            title = f"{title}, {pruned} pruned, best {_score(self.best)}, {self.left()}"
        table = Table(
            "trial", "family", "score", "state", title=title, header_style="bold", min_width=64
        )
        table.title_justify = "left"
        for trial in self.trials[-10:]:
            style = "green" if trial is self.best else "dim" if trial.state != "complete" else ""
            row = (str(trial.number), trial.family, _score(trial), trial.state)
            table.add_row(*row, style=style)
        return table


def _score(trial: Any) -> str:
    return "" if trial is None or trial.score is None else f"{trial.score:.5g}"


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
