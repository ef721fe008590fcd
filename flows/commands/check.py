"""``factory check``: the evidence, no action."""

from argparse import Namespace
from datetime import datetime
from typing import Any

from rich.markup import escape

from factory.bundle import Bundle
from factory.check import check
from factory.nouns import Window
from factory.stream import Whole
from factory.told import check_json
from flows.breakdown import tell_breakdown
from flows.check_report import Subject
from flows.console import answers, print_json, print_table
from flows.environment import run_flow
from flows.evidence import Kept, keep_evidence, require_evidently, write_file, write_files
from flows.log_windows import rows_of, window_to_check
from flows.stream import gather, large, look
from flows.workplace import Workplace, config_of, now, open_workplace, resolve


def run(args: Namespace) -> int:
    """Measure a window against the champion."""
    place = open_workplace(args.home)
    name, config = resolve(args.name)
    version = place.models.champion(name)
    champion = place.models.load(name, version)
    config = config or config_of(champion.config, name)
    require_evidently(config.check, asked=args.evidently is not None)
    location = window_to_check(args.window, name, config, place)
    workers = args.workers or config.deploy.workers
    kind = args.runner or config.deploy.runner
    window, whole = _window(location, workers, kind, (champion, name, version), place)
    at = now()
    checked = check(
        champion,
        window,
        config.check,
        model=name,
        version=version,
        seed=config.seed,
        now=datetime.fromisoformat(at),
        whole=whole,
    )
    told = check_json(checked.evidence)
    subject = Subject(champion, window, checked.outputs, config.check, config.seed)
    asked = args.evidently is not None
    kept = keep_evidence(told, subject, place, at=at, evidently=asked)
    where = {
        "run_id": kept.run_id,
        "report": str(write_file(args.report, kept.page)) if args.report else None,
        "evidently": write_files(args.evidently, kept.others, told) if asked else [],
    }
    if args.json:
        print_json({**told, **where})
    else:
        tell(told)
        tell_where(kept, where)
    return 1 if args.exit_code and told["alarm"] else 0


def _window(
    location: str, workers: int, kind: str, served: tuple[Bundle, str, int], place: Workplace
) -> tuple[Window, Whole | None]:
    """Read the window, or a sample of it and what its parts say together where it is large."""
    champion, name, version = served
    parts = large(location)
    if not parts:
        return rows_of(location, champion.schema, champion.whole, place), None
    if workers == 1:
        return gather([look(parts, champion)], champion)
    told = {"parts": parts, "model": name, "version": version}
    spread = run_flow("flows.spread:spread", place.home.path, **told, workers=workers, kind=kind)
    return gather(spread, champion)


def tell(told: dict[str, Any]) -> None:
    """Print the evidence for people."""
    state = "[red]alarm[/red]" if told["alarm"] else "[green]no alarm[/green]"
    answers.print(f"[bold]{told['model']} version {told['version']}[/bold]: {state}")
    performance = told["performance"]
    realised = performance["realised"]
    said = (
        "no labels"
        if realised is None
        else f"{realised['value']:.5g} ({realised['low']:.5g} to {realised['high']:.5g}) "
        f"on {realised['rows']:,} labelled rows"
    )
    answers.print(f"{performance['metric']}: reference {performance['reference']:.5g}, now {said}")
    estimated = performance["estimated"]
    if estimated is not None:
        answers.print(
            f"estimated without labels: {estimated['value']:.5g} "
            f"({estimated['low']:.5g} to {estimated['high']:.5g})"
        )
    tell_beside(performance)
    if told["quality"]:
        rows = [
            (q["feature"], q["problem"], f"{q['share']:.1%}", escape(q["detail"]))
            for q in told["quality"]
        ]
        print_table("quality", ("feature", "problem", "share of rows", "detail"), rows)
    print_signals(told["drift"]["features"])
    tell_breakdown(told)


def tell_beside(performance: dict[str, Any]) -> None:
    """Print what stands beside the estimate: of the whole window, a second one, and its limits."""
    realised, combined = performance["realised"], performance["combined"]
    if realised is not None and combined is not None and combined["value"] != realised["value"]:
        answers.print(
            f"whole window, labelled rows as they are: {combined['value']:.5g} "
            f"({combined['low']:.5g} to {combined['high']:.5g})"
        )
    predicted = performance["predicted"]
    if predicted is not None:
        answers.print(
            f"second opinion, from the outputs alone: {predicted['value']:.5g} "
            f"({predicted['low']:.5g} to {predicted['high']:.5g})"
        )
    if realised is None:
        needed, fall = performance["labels_needed"], performance["tolerance"]
        told = "the reference has too few rows to say how many labels would show one"
        if needed is not None:
            told = f"{needed:,} labelled rows would show a fall of {100 * fall:.3g} %"
        answers.print(f"without labels a change of the relation itself cannot be seen; {told}")


def tell_where(kept: Kept, where: dict[str, Any]) -> None:
    """Print where the check is kept."""
    for note in kept.notes:
        answers.print(f"[yellow]note[/yellow] {escape(note)}")
    for file in filter(None, [where["report"], *where["evidently"]]):
        answers.print(f"written: {escape(file)}", soft_wrap=True)
    answers.print(f"kept in MLflow: {kept.link}", soft_wrap=True)


def print_signals(signals: list[dict[str, Any]]) -> None:
    """Print drift signals, largest effect first."""
    rows = [
        (
            s["feature"],
            s["kind"],
            s["detector"],
            f"{s['effect']:.3f}",
            f"{s['p_value']:.2g}",
            "alarm" if s["alarm"] else "",
        )
        for s in sorted(signals, key=lambda s: -s["effect"])
    ]
    print_table("drift", ("feature", "kind", "detector", "effect", "p-value", ""), rows)
