"""Lives through the year: train once, then one window after another, incidents included."""

from collections import Counter
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import yaml
from rich.live import Live
from rich.table import Table

from factory.metrics import metric_named
from flows.console import progress, say
from flows.demo.stream import Stretch, write_stream
from flows.monitor import monitor
from flows.report import ReportData, ReportRow, render_report
from flows.report.history import remedy_words
from flows.train import train_model
from flows.workplace import Workplace, now, open_workplace
from registry.sources import read_window

MODEL = "flights"


def live(home: str, trials: int, report: Path | None) -> dict[str, Any]:
    """Tell the whole story and write its report.

    Args:
        home: a fresh home folder.
        trials: models tried in the first training.
        report: HTML file to write; under the home folder when None.

    Returns:
        The verdict in words, means, counts of remedies, the rows, and where to look further.
    """
    folder = Path(home) / "stream"
    stretches = write_stream(folder)
    config = write_config(folder, trials)
    say(f"Training on January to March, {trials} trials ...")
    told = train_model(config=str(config), home=home)
    say(f"version {told['version']}: {told['metric']} {told['score']:.3g} on held-out rows")
    place = open_workplace(home)
    rows: list[ReportRow] = []
    with Live(get_renderable=lambda: board(rows), console=progress, refresh_per_second=2):
        for stretch in stretches:
            if stretch.bad_training is not None:
                release_badly(stretch.bad_training, config, home, place)
            rows.append(one_window(stretch, home, place))
    return conclude(rows, told["metric"], home, place, report)


def write_config(folder: Path, trials: int) -> Path:
    """Write the example's config beside its data."""
    values = yaml.safe_load(files("configs").joinpath("flights.yaml").read_text(encoding="utf-8"))
    values["search"]["trials"] = trials
    path = folder / "flights.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


def one_window(stretch: Stretch, home: str, place: Workplace) -> ReportRow:
    """Run the loop once, and score the model of the first day on the same rows."""
    body = monitor(model=MODEL, window=str(stretch.path), home=home)
    first = place.models.load(MODEL, 1)
    window = read_window(str(stretch.path), first.schema)
    truth = window.frame[first.schema.target].to_numpy()
    known = ~np.isnan(truth)
    metric = metric_named(first.metric, first.schema)
    return ReportRow(
        name=stretch.name,
        start=stretch.start,
        end=stretch.end,
        incident=stretch.incident,
        score=body["check"]["performance"]["realised"]["value"],
        static_score=metric.value(truth[known], first.outputs(window.frame)[known]),
        run=body,
    )


def release_badly(rows: Path, config: Path, home: str, place: Workplace) -> None:
    """Do what a hurried person does: train on a stale export, see the gate refuse, promote."""
    told = train_model(config=str(config), home=home, data=str(rows))
    place.models.promote(
        MODEL,
        told["version"],
        expected=place.ledger.champion(MODEL),
        who="a person",
        why="promoted by hand against the gate",
        at=now(),
    )


def board(rows: list[ReportRow]) -> Table:
    """Return the year so far as a table: what moved, what was done, what it cost."""
    table = Table(header_style="bold")
    for name in ("window", "score", "untouched", "champion"):
        table.add_column(name, no_wrap=True)
    table.add_column("what moved -> remedy")
    for row in rows:
        before, after = row.run["champion_before"], row.run["champion_after"]
        table.add_row(
            row.name,
            f"{row.score:.2f}",
            f"{row.static_score:.2f}",
            str(before) if before == after else f"{before} -> {after}",
            told(row),
        )
    return table


def told(row: ReportRow) -> str:
    """Say in a line what moved, what was done, and what the policy was not told of."""
    found = row.run["diagnosis"]
    moved = ", ".join(found["culprits"][:2])
    cause = found["cause"].replace("_", " ") + (f" ({moved})" if moved else "")
    line = f"{cause} -> [bold]{remedy_words(row.run['remedy'])}[/bold]"
    return f"{line}\n[yellow]{row.incident}[/yellow]" if row.incident else line


def conclude(
    rows: list[ReportRow], metric: str, home: str, place: Workplace, report: Path | None
) -> dict[str, Any]:
    """Sum the year up in one sentence and one page."""
    mean = fmean(row.score for row in rows if row.score is not None)
    static = fmean(row.static_score for row in rows if row.static_score is not None)
    remedies = Counter(row.run["remedy"]["kind"] for row in rows)
    counted = ", ".join(f"{kind} {count}" for kind, count in remedies.most_common())
    verdict = (
        f"{metric}: {mean:.2f} minutes over {len(rows)} windows, {1 - mean / static:.0%} less than "
        f"the untouched model's {static:.2f} ({counted})"
    )
    page = render_report(
        ReportData(
            title="A year of flights",
            metric=metric,
            greater_is_better=False,
            rows=tuple(rows),
            notes=("Incidents are marked here; the policy is not told of them.",),
            links=(),
        )
    )
    path = report or place.home.reports / "flights.html"
    path.write_text(page, encoding="utf-8")
    return {
        "verdict": verdict,
        "mean": mean,
        "static_mean": static,
        "remedies": dict(remedies),
        "windows": [
            {"name": r.name, "incident": r.incident, "score": r.score, "static": r.static_score,
             "remedy": r.run["remedy"], "cause": r.run["diagnosis"]["cause"]}
            for r in rows
        ],
        "report": str(path),
        "mlflow": place.home.tracking_uri,
        "home": home,
    }  # fmt: skip
