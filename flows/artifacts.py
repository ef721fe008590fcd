"""What a person reads in the Prefect UI: a summary in words, and what drifted as a table."""

from typing import Any

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from flows.report.history import remedy_words
from flows.workplace import Workplace


def publish_decision(body: dict[str, Any], place: Workplace) -> None:
    """Write a decision's artifacts: the summary, the drift table, the challenger's MLflow run."""
    key = artifact_key(body["model"])
    said = f"{remedy_words(body['remedy'])}: {body['diagnosis']['cause'].replace('_', ' ')}"
    create_markdown_artifact(decision_markdown(body), key=f"{key}-decision", description=said)
    rows = [
        {**signal, "alarm": "yes" if signal["alarm"] else ""}
        for signal in body["check"]["drift"]["features"]
    ]
    create_table_artifact(rows, key=f"{key}-drift", description=f"Drift of {body['model']}")
    if body["challenger"] is not None:
        link = place.models.link(body["model"], body["challenger"])
        create_link_artifact(link, key=f"{key}-mlflow", description="challenger in MLflow")


def publish_training(told: dict[str, Any], place: Workplace) -> None:
    """Write a training's artifacts: the summary and the link to its MLflow run."""
    key = artifact_key(told["model"])
    said = f"version {told['version']}, {told['metric']} {told['score']:.5g}"
    create_markdown_artifact(training_markdown(told), key=f"{key}-training", description=said)
    link = place.models.link(told["model"], told["version"])
    create_link_artifact(link, key=f"{key}-mlflow", description="version in MLflow")


def decision_markdown(body: dict[str, Any]) -> str:
    """Tell a decision in Markdown."""
    window, verdict = body["window"], body["verdict"]
    when = f", {window['start']} to {window['end']}" if window["start"] else ""
    lines = [
        f"# {body['model']}: {remedy_words(body['remedy'])}",
        "",
        f"{body['because']}.",
        "",
        f"- window: {window['rows']:,} rows{when}, `{window['sha256'][:12]}`",
        f"- cause: {body['diagnosis']['cause']}. {body['diagnosis']['because']}",
        f"- champion: version {body['champion_before']} -> {body['champion_after']}",
        f"- gate: {'nothing to judge' if verdict is None else verdict['because']}",
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
