"""``factory diagnose``: why a window looks as it does; no action."""

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from rich.markup import escape

from factory.diagnosis.importance import importances
from factory.diagnosis.told import diagnosis_json
from factory.told import check_json
from flows.case import Case
from flows.check_report import Subject, check_report
from flows.console import answers, print_json, print_table
from flows.evidence import write_file
from flows.log_windows import rows_of, window_to_check
from flows.loop import examine
from flows.monitor import history
from flows.recall import Stored
from flows.report.check_page import render_check
from flows.report.check_why import SOURCES
from flows.workplace import Workplace, config_of, now, open_workplace, resolve

SHOWN = 20
"""Features in the table, those of the highest priority."""


def run(args: Namespace) -> int:
    """Check a window, and say what its fall comes from and which features to look at."""
    place = open_workplace(args.home)
    case = _case(args.name, args.window, place)
    examined = examine(case)
    evidence = check_json(examined.checked.evidence)
    diagnosis = diagnosis_json(examined.diagnosis)
    worth = [asdict(found) for found in importances(case.champion, case.config.seed)]
    told = {
        "model": case.model,
        "version": case.version,
        "window": evidence["window"],
        "performance": evidence["performance"],
        "diagnosis": diagnosis,
        "importance": worth,
        "report": None,
    }
    if args.report:
        subject = Subject(case.champion, case.window, examined.checked.outputs, case.config.check,
                          case.config.seed)  # fmt: skip
        page = check_report(evidence, subject, place, at=case.at, diagnosis=diagnosis)
        told["report"] = write_file(args.report, render_check(page))
    if args.json:
        print_json(told)
    else:
        tell(told)
    return 0


def _case(model: str, window: str, place: Workplace) -> Case:
    name, config = resolve(model)
    version = place.models.champion(name)
    champion = place.models.load(name, version)
    config = config or config_of(champion.config, name)
    where = window_to_check(window, name, config, place)
    rows = rows_of(where, champion.schema, champion.whole, place)
    past, memory = history(name, config.policy, place), Stored(place, name)
    return Case(name, version, champion, config, rows, past, memory, now())


def tell(told: dict[str, Any]) -> None:
    """Print a diagnosis for people."""
    diagnosis = told["diagnosis"]
    cause = diagnosis["cause"].replace("_", " ")
    answers.print(f"[bold]{told['model']} version {told['version']}: {cause}[/bold]")
    because = diagnosis["because"]
    answers.print(escape(f"{because[:1].upper()}{because[1:]}."))
    if diagnosis["shares"]:
        rows = [
            (_percent(s["share"]), f"{_percent(s['low'])} to {_percent(s['high'])}",
             SOURCES.get(s["source"], s["source"]))
            for s in diagnosis["shares"]
        ]  # fmt: skip
        print_table("where the fall comes from", ("share", "interval", "source"), rows)
    tell_features(diagnosis["features"], told["importance"])
    for found in told["importance"]:
        for warning in found["warnings"]:
            answers.print(f"[yellow]{found['kind']}[/yellow] {escape(warning)}")
    if told["report"]:
        answers.print(f"written: {escape(told['report'])}", soft_wrap=True)


def tell_features(features: list[dict[str, Any]], worth: list[dict[str, Any]]) -> None:
    """Print drift x importance, and what features are worth told in other ways."""
    beside = [found for found in worth if found["kind"] != "permutation" and found["by_feature"]]
    totals = [sum(found["by_feature"].values()) or 1.0 for found in beside]
    rows = [
        (
            escape(f["feature"]),
            f"{f['priority']:.3f}",
            f"{f['drift']:.3f}{' alarm' if f['alarm'] else ''}",
            _percent(f["importance"]),
            *(
                _percent(found["by_feature"].get(f["feature"], 0.0) / total)
                for found, total in zip(beside, totals, strict=True)
            ),
            "" if f["loss"] is None else _percent(f["loss"]),
        )
        for f in features[:SHOWN]
    ]
    kinds = [found["kind"] for found in beside]
    columns = ("feature", "priority", "drift", "permutation", *kinds, "of the fall")
    print_table("drift x importance; importances as shares of all", columns, rows)


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{share:.0%}"
