"""What a check leaves behind: a page, and a run in MLflow that holds it, the JSON and metrics."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from factory.config import CheckConfig
from factory.errors import Unavailable
from flows.check_report import Subject, check_report
from flows.past_checks import KIND, check_metrics, check_tags
from flows.report.check import CheckReport, moved_of, seen_of
from flows.report.check_page import render_check
from flows.report.history import known
from flows.samples import Sides, sides
from flows.workplace import Workplace
from registry.runs import Runs
from training.plugins import plugin

REPORTS = {"evidently": "flows.evidently:drift_report"}
"""Reports of other libraries, which are imported only where they are asked for."""
OVER_TIME = "performance"
"""Name of the run that holds a model's metrics over time, one point a check."""
PAGE, FACTS = "check.html", "check.json"


@dataclass(frozen=True)
class Kept:
    """Where a check's evidence is.

    Attributes:
        run_id: the run in MLflow.
        link: where MLflow shows the page.
        page: the page itself.
        others: pages and data of other libraries, by file name.
        notes: what is missing of those, and why.
    """

    run_id: str
    link: str
    page: str
    others: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def keep_evidence(
    told: dict[str, Any],
    subject: Subject,
    place: Workplace,
    *,
    at: str,
    decision: Mapping[str, Any] | None = None,
    evidently: bool = False,
) -> Kept:
    """Write a check's page, and log it as a run of the model's experiment.

    The same evidence of the same window is logged once: a repeated check finds its run.

    Args:
        told: the JSON of the check.
        subject: what was checked.
        place: the stores.
        at: the present moment, UTC, ISO format.
        decision: what came of it; None where nothing was decided.
        evidently: whether Evidently's report is wanted whatever the config says.
    """
    wanted = evidently or _configured(subject.config, told)
    report = check_report(told, subject, place, at=at, decision=decision)
    others, notes = evidently_files(subject) if wanted else ({}, ())
    runs, model = Runs(place.home), told["model"]
    digest = _digest([told, decision and decision["decision"], sorted(others)])
    same = runs.tagged(model, "evidence", digest, 1)
    page = render_check(report)
    run_id = same[0].run_id if same else _log(runs, report, digest, page, others)
    return Kept(run_id, runs.link(run_id, PAGE), page, others, tuple(notes))


def require_evidently(config: CheckConfig, *, asked: bool = False) -> None:
    """Refuse a check that would need Evidently where it is not installed.

    Raises:
        Unavailable: it is not.
    """
    if (asked or config.evidently != "never") and find_spec("evidently") is None:
        raise Unavailable(
            "Evidently's report was asked for, and Evidently is not installed.",
            hint="pip install 'drift-factory[evidently]'",
        )


def evidently_files(subject: Subject) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return Evidently's page and JSON by file name, and what is missing in them.

    Raises:
        Unavailable: Evidently is not installed.
    """
    require_evidently(subject.config, asked=True)
    handed = sides(
        subject.champion,
        subject.window.frame,
        subject.outputs,
        rows=subject.config.evidently_rows,
        seed=subject.seed,
    )
    notes = tuple(
        f"Evidently was not shown {name!r}: {why}" for name, why in handed.left_out.items()
    )
    if not _comparable(handed):
        return {}, (*notes, "Evidently was asked for nothing: there is nothing to compare")
    written = plugin(REPORTS, "evidently")(handed)
    return {"evidently.html": written.html, "evidently.json": written.json}, notes


def write_files(folder: Path, files: Mapping[str, str], told: Mapping[str, Any]) -> list[str]:
    """Write files into a folder under the window's name, and return where they are.

    Raises:
        Unavailable: the folder cannot be written.
    """
    stem = f"{told['model']}-v{told['version']}-{told['window']['sha256'][:12]}"
    return [write_file(folder / f"{stem}-{name}", text) for name, text in files.items()]


def write_file(path: Path, text: str) -> str:
    """Write a file for people, and return its name.

    Raises:
        Unavailable: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}.", hint="give another file or folder"
        ) from None
    return str(path)


def _log(runs: Runs, report: CheckReport, digest: str, page: str, others: Mapping[str, str]) -> str:
    told, model = report.told, report.told["model"]
    seen = seen_of(told, report.at)
    moved, features = moved_of(told)
    effects = [known(s.get("effect")) or 0.0 for s in told["drift"]["features"]]
    metrics = {
        **check_metrics(seen),
        "alarm": float(told["alarm"]),
        "largest_effect": max(effects, default=0.0),
        "features": float(features),
        "features_moved": float(len(moved)),
        "problems": float(sum(not p.get("handled") for p in told["quality"])),
        "labelled": float(told["labelled"]),
    }
    tags = {**check_tags(seen), "evidence": digest, "mlflow.parentRunId": _over_time(runs, model)}
    if report.decision is not None:
        tags["decision"] = report.decision["decision"]
    with runs.run(model, "check", tags) as run_id:
        runs.log(run_id, metrics=metrics)
        runs.log_text(run_id, json.dumps(told, indent=1), FACTS)
        for name, text in {PAGE: page, **others}.items():
            runs.log_text(run_id, text, name)
    runs.log(tags["mlflow.parentRunId"], metrics=metrics, moment=_seconds(seen.moment, report.at))
    return run_id


def _over_time(runs: Runs, model: str) -> str:
    found = runs.tagged(model, KIND, OVER_TIME, 1)
    if found:
        return found[0].run_id
    with runs.run(model, OVER_TIME, {KIND: OVER_TIME}) as run_id:
        return run_id


def _seconds(moment: str, at: str) -> int:
    """Return a window's moment in seconds since 1970; that of the check where it is no date."""
    for text in (moment, at):
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            continue
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0, int(when.timestamp()))
    return 0


def _configured(config: CheckConfig, told: Mapping[str, Any]) -> bool:
    return config.evidently == "always" or (config.evidently == "incidents" and bool(told["alarm"]))


def _comparable(handed: Sides) -> bool:
    return min(*handed.reference.shape, *handed.window.shape) > 0


def _digest(told: list[Any]) -> str:
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
