"""What a person reads in the Prefect UI: a summary in words, and what drifted as a table."""

from collections.abc import Mapping
from typing import Any

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from flows.report.check import interval_of, signals_of
from flows.report.check_figures import Figures, metric_words
from flows.report.history import remedy_words
from flows.workplace import Workplace

STATES = {True: "passed", False: "failed", None: "not known"}
"""What came of a test of the gate."""


def publish_decision(body: dict[str, Any], place: Workplace) -> None:
    """Write a decision's artifacts: the summary, tables of the evidence, links to MLflow."""
    model, check = body["model"], body["check"]
    key = artifact_key(model)
    said = f"{remedy_words(body['remedy'])}: {body['diagnosis']['cause'].replace('_', ' ')}"
    create_markdown_artifact(decision_markdown(body), key=f"{key}-decision", description=said)
    for name, rows in evidence_tables(check).items():
        create_table_artifact(rows, key=f"{key}-{name}", description=f"{name} of {model}")
    page = body["evidence"]["report"]
    create_link_artifact(page, key=f"{key}-check", description="the check's page in MLflow")
    if body["challenger"] is not None:
        link = place.models.link(model, body["challenger"])
        create_link_artifact(link, key=f"{key}-mlflow", description="challenger in MLflow")


def evidence_tables(check: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return what a check measured as tables by name; a table without rows says so.

    Args:
        check: the JSON of a check.
    """
    drift = [{**signal, "alarm": _yes(signal["alarm"])} for signal in signals_of(check)]
    quality = [{**problem, "handled": _yes(problem["handled"])} for problem in check["quality"]]
    told = check["performance"]
    performance = [
        {"metric": told["metric"], "how": how, "value": i.value, "low": i.low, "high": i.high}
        for how in ("reference", "realised", "estimated", "predicted")
        if (i := interval_of(told.get(how))) is not None
    ]
    tables = {"drift": drift, "quality": quality, "performance": performance}
    segments = check.get("segments") or ()
    if segments:
        tables["segments"] = [_segment_row(segment) for segment in segments]
    return {name: rows or [{name: "nothing was found"}] for name, rows in tables.items()}


def _segment_row(segment: Mapping[str, Any]) -> dict[str, Any]:
    told = segment["performance"]
    now = interval_of(told.get("realised") or told.get("estimated"))
    places = (f"{name} = {at}" for name, at in segment["segment"].items())
    return {
        "segment": ", ".join(places) or "all others",
        "rows": segment["rows"],
        "expected": told.get("reference"),
        "now": None if now is None else now.value,
        "alarm": "cannot tell" if segment["alarm"] is None else _yes(segment["alarm"]),
    }


def _yes(alarm: object) -> str:
    return "yes" if alarm else ""


def publish_training(told: dict[str, Any], place: Workplace) -> None:
    """Write a training's artifacts: the summary and the link to its MLflow run."""
    key = artifact_key(told["model"])
    said = f"version {told['version']}, {told['metric']} {told['score']:.5g}"
    create_markdown_artifact(training_markdown(told), key=f"{key}-training", description=said)
    link = place.models.link(told["model"], told["version"])
    create_link_artifact(link, key=f"{key}-mlflow", description="version in MLflow")


def decision_markdown(body: dict[str, Any]) -> str:
    """Tell a decision in Markdown, with a link to the page of its check."""
    window, verdict = body["window"], body["verdict"]
    tests = verdict["tests"] if verdict else []
    when = f", {window['start']} to {window['end']}" if window["start"] else ""
    lines = [
        f"# {body['model']}: {remedy_words(body['remedy'])}",
        "",
        f"{body['because']}.",
        "",
        f"- window: {window['rows']:,} rows{when}, `{window['sha256'][:12]}`",
        f"- cause: {body['diagnosis']['cause']}. {body['diagnosis']['because']}",
        f"- performance: {_performance_line(body['check']['performance'])}",
        f"- champion: version {body['champion_before']} -> {body['champion_after']}",
        f"- gate: {'nothing to judge' if verdict is None else verdict['because']}",
        *(f"  - {t['name']}: {STATES[t['passed']]}. {t['because']}" for t in tests),
        f"- [what the check found]({body['evidence']['report']})",
        "",
    ]
    if body["rehearsals"]:
        lines += ["| remedy | score | interval | gain | seconds |", "|---|---|---|---|---|"]
        lines += [
            f"| {remedy_words(r['remedy'])} | {r['score']:.4g} | {r['low']:.4g} to {r['high']:.4g} "
            f"| {r['gain']:+.1%} | {r['cost_seconds']:.1f} |"
            for r in body["rehearsals"]
        ]
    return "\n".join(lines) + "\n"


def _performance_line(told: Mapping[str, Any]) -> str:
    found = {how: interval_of(told.get(how)) for how in ("reference", "realised", "estimated")}
    show = Figures.of([i.value for i in found.values() if i is not None])
    parts = [f"{how} {show.interval(i)}" for how, i in found.items() if i is not None]
    return f"{metric_words(told['metric'])}, {', '.join(parts) or 'not known'}"


def training_markdown(told: dict[str, Any]) -> str:
    """Tell a training in Markdown."""
    metrics = "\n".join(f"| {name} | {value:.5g} |" for name, value in told["metrics"].items())
    params = "\n".join(f"| {name} | {value} |" for name, value in told["params"].items())
    return (
        f"# {told['model']} version {told['version']}\n\n"
        f"{told['metric']} {told['score']:.5g} on held-out rows. {told['verdict']['because']}.\n\n"
        f"| metric | value |\n|---|---|\n{metrics}\n\n| parameter | value |\n|---|---|\n{params}\n"
    )


def artifact_key(model: str) -> str:
    """Return a name that Prefect accepts: lower-case letters, digits and dashes."""
    return "".join(c if c.isalnum() else "-" for c in model.lower()).strip("-") or "model"
