"""The flow of a backtest; its work is done outside Prefect, in processes of its own."""

import json
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact

from factory.config import load_config
from flows.artifacts import artifact_key
from flows.backtest.names import named
from flows.backtest.run import Plan, backtest
from flows.console import say
from flows.evidence import write_file
from flows.report.backtest_page import render_backtest
from registry.home import open_home


@flow(name="backtest", flow_run_name="backtest-{config}", validate_parameters=False)
def replay_stream(
    config: str,
    stream: str,
    home: str,
    policies: str,
    window_rows: int | None = None,
    train_rows: int | None = None,
    label_delay: int = 0,
    processes: int | None = None,
    out: str | None = None,
) -> dict[str, Any]:
    """Replay a stream in time order under several policies; no model is registered.

    Args:
        config: the model's YAML file.
        stream: .csv, .parquet, a Delta table's folder, or URL#table.
        home: the factory's home folder.
        policies: names with commas between, see ``flows.backtest.names``.
        window_rows: rows of a window.
        train_rows: first rows, that train the first model.
        label_delay: windows until labels are known.
        processes: policies at a time.
        out: folder for backtest.json and backtest.html; one among the home's reports when absent.

    Returns:
        What ``factory backtest --json`` prints.
    """
    settings = load_config(Path(config))
    plan = Plan(
        config=settings,
        stream=stream,
        policies=named(policies),
        train_rows=train_rows,
        window_rows=window_rows,
        label_delay=label_delay,
        processes=processes,
    )
    told = backtest(plan, say)
    reports = open_home(Path(home), {}).reports
    folder = Path(out) if out is not None else reports / f"{settings.name}-backtest"
    write_file(folder / "backtest.json", json.dumps(told, indent=1) + "\n")
    page = write_file(folder / "backtest.html", render_backtest(told))
    create_markdown_artifact(markdown(told), key=f"{artifact_key(settings.name)}-backtest")
    get_run_logger().info("backtest of %s: digest %s", told["model"], told["digest"])
    return told | {"page": page}


def markdown(told: dict[str, Any]) -> str:
    """Tell a backtest as a table in Markdown."""
    lines = [
        f"# Backtest of {told['model']}, {told['windows']} windows",
        "",
        f"| policy | mean {told['metric']} | trainings | fits | seconds |",
        "|---|---|---|---|---|",
    ]
    for name, one in told["policies"].items():
        mean = "" if one["mean"] is None else f"{one['mean']:.5g}"
        costs = f"{one['trainings']} | {one['fits']} | {one['seconds']:.1f}"
        lines.append(f"| {name} | {mean} | {costs} |")
    return "\n".join(lines) + "\n"
