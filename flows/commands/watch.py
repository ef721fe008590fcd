"""``factory watch``: rows fed one by one to the champion's online detectors.

Where the detectors stand is kept in the home folder, one file a version, and the next call goes
on from there. After an alarm a detector starts again with the next row as it started at first,
with the thresholds of its training; so a drift that stays alarms again and again.
"""

from argparse import Namespace
from typing import Any

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.errors import BadConfig
from factory.nouns import Schema, Window
from factory.online.monitor import Monitor
from factory.online.protocol import Online
from factory.online.stream import Alarm, Stream
from flows.console import answers, print_json, print_table
from flows.report.trace import TraceLine, TraceReport, render_trace
from flows.workplace import Workplace, open_workplace, resolve
from registry.sources import read_window
from registry.states import States

HEAD = ("row", "time", "moved most", "window", "statistic", "threshold")
SHOWN = 20
"""Alarms that people see on a terminal."""


def run(args: Namespace) -> int:
    """Feed a file's rows, in time order, to the detectors of the champion."""
    place = open_workplace(args.home)
    name, _ = resolve(args.name)
    version = place.models.champion(name)
    champion = place.models.load(name, version)
    if champion.online is None:
        raise BadConfig(
            f"Version {version} of {name!r} has no online detectors.",
            hint="add check: {online: {detector: mmd}} to its config, and train it again",
        )
    window = read_window(args.input, champion.schema, champion.whole)
    told = watch(name, version, champion, champion.online, window, place)
    if args.json:
        print_json(told)
    else:
        tell(told)
    return 1 if args.exit_code and told["alarms"] else 0


def watch(
    name: str,
    version: int,
    champion: Bundle,
    monitor: Monitor,
    window: Window,
    place: Workplace,
) -> dict[str, Any]:
    """Carry the version's stream on with a window's rows; all of them count, or none.

    Args:
        name: the model.
        version: the champion's.
        champion: whose predictions and losses may be watched.
        monitor: its online detectors.
        window: canonical rows.
        place: the home folder.

    Returns:
        What ``factory watch --json`` prints.

    Raises:
        BadConfig: the version's detectors could not be fitted.
        Unavailable: another process carries the stream on.
    """
    states, schema = States(place.home), champion.schema
    with states.alone(name, version):
        stream = Stream(monitor, states.read(name, version))
        said = np.zeros(len(window.frame))
        if monitor.config.on != "features" and len(window.frame):
            said = champion.outputs(window.frame)
        rows, kept = monitor.rows(schema, window.frame, said)
        alarms = [
            alarm_json(alarm, window.frame, schema, int(kept[alarm.row - 1]))
            for alarm in stream.feed(rows)
        ]
        trace = place.home.reports / f"{name}-{version}-watch.html"
        told = {
            "model": name,
            "version": version,
            "rows": len(window.frame),
            "fed": len(rows),
            **stream_json(stream),
            "alarms": alarms,
            "trace": str(trace),
        }
        trace.write_text(render_trace(report_of(told, stream)), encoding="utf-8")
        states.write(name, version, stream.to_state())
    return told


def stream_json(stream: Stream) -> dict[str, Any]:
    """Return where a stream stands, as plain JSON."""
    config = stream.monitor.config
    both = zip(stream.detectors, stream.traces, strict=True)
    return {
        "seen": stream.seen,
        **_standing(stream.nearest()),
        "detectors": [
            {
                "detector": config.detector,
                "window": detector.window,
                **_standing(detector),
                "alarms": sum(trace.alarms),
            }
            for detector, trace in both
        ],
        "watched": config.on,
        "one_false_alarm_per": config.one_false_alarm_per,
        "left_out": stream.monitor.missing,
    }


def alarm_json(alarm: Alarm, frame: pd.DataFrame, schema: Schema, row: int) -> dict[str, Any]:
    """Return one alarm as plain JSON, with what names its row.

    Args:
        alarm: of a detector.
        frame: canonical rows.
        schema: names the columns of time and id.
        row: position in ``frame``.
    """
    keys = {"time": schema.timestamp, "id": schema.id}
    names = {key: str(frame[column].iloc[row]) for key, column in keys.items() if column}
    return {
        "row": row + 1,
        **names,
        "seen": alarm.seen,
        "detector": alarm.detector,
        "window": alarm.window,
        "feature": alarm.column,
        "statistic": alarm.statistic,
        "threshold": alarm.threshold,
    }


def _standing(detector: Online) -> dict[str, float]:
    return {"statistic": detector.statistic, "threshold": detector.threshold}


def report_of(told: dict[str, Any], stream: Stream) -> TraceReport:
    """Return what the page of a stream shows."""
    shown = []
    for detector, trace in zip(stream.detectors, stream.traces, strict=True):
        alone = detector.window is None or len(stream.detectors) == 1
        name = stream.monitor.config.detector
        title = name if alone else f"{name}, window of {detector.window}"
        limits = np.where(np.isnan(trace.highest), np.nan, trace.thresholds).tolist()
        places = trace.places().tolist()
        shown.append(TraceLine(title, places, trace.highest, limits, trace.alarms))
    return TraceReport(
        f"{told['model']} version {told['version']}: watched row by row",
        words_of(told),
        shown,
        HEAD,
        [_cells(alarm) for alarm in told["alarms"]],
    )


def words_of(told: dict[str, Any]) -> str:
    """Say in a few sentences what the stream came to."""
    total = sum(each["alarms"] for each in told["detectors"])
    per = told["one_false_alarm_per"]
    words = (
        f"{told['seen']:,} rows so far, {total:,} alarms on the {told['watched']}; without drift "
        f"about {told['seen'] / per:,.1f} would be usual, one per {per:,} rows."
    )
    return f"{words} {told['left_out']}".strip()


def _cells(alarm: dict[str, Any]) -> tuple[str, ...]:
    limit = alarm["threshold"]
    return (
        f"{alarm['seen']:,}",
        str(alarm.get("time", alarm.get("id", ""))),
        alarm["feature"] or "",
        str(alarm["window"] or ""),
        f"{alarm['statistic']:.4g}",
        f"{limit:.4g}" if np.isfinite(limit) else "",
    )


def tell(told: dict[str, Any]) -> None:
    """Print what the rows came to, for people."""
    found = told["alarms"]
    state = f"[red]{len(found):,} alarms[/red]" if found else "[green]no alarm[/green]"
    answers.print(f"[bold]{told['model']} version {told['version']}[/bold]: {state}")
    answers.print(f"{told['fed']:,} rows fed. {words_of(told)}")
    if found:
        title = "alarms" if len(found) <= SHOWN else f"the first {SHOWN} alarms"
        print_table(title, HEAD, [_cells(alarm) for alarm in found[:SHOWN]])
    answers.print(f"trace: {told['trace']}")
