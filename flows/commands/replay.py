"""``factory replay``: a decision made again from what was recorded."""

from argparse import Namespace
from dataclasses import asdict

from rich.padding import Padding

from flows.console import answers, print_json
from flows.replay import Replayed, replay
from flows.report.history import remedy_words
from flows.workplace import open_workplace


def run(args: Namespace) -> int:
    """Make a decision again and compare it with the record, byte for byte."""
    made = replay(args.decision, open_workplace(args.home), deep=args.deep)
    if args.json:
        print_json({**asdict(made), "same": made.same})
    else:
        tell(made)
    return 1 if args.exit_code and not made.same else 0


def tell(made: Replayed) -> None:
    """Print what came of a replay for people."""
    what = "made again from its rows and models" if made.deep else "made again from its inputs"
    state = "[green]the same bytes[/green]" if made.same else "[red]another[/red]"
    answers.print(f"[bold]{made.decision}[/bold] on {made.model}, {what}: {state}")
    answers.print(remedy_words(made.remedy))
    answers.print(Padding(made.because, (0, 0, 0, 2)))
    for path in made.differences:
        answers.print(f"other than recorded: {path}", markup=False)
    for change in made.changes:
        answers.print(f"other code: {change}", markup=False)
