"""Windows of the inference log, as commands, flows and schedules name them."""

import json
import time

from factory.config import ModelConfig
from factory.errors import BadData
from factory.nouns import Schema, Window
from flows.workplace import Workplace
from registry.inference.windows import PREFIX, Judged, LogWindow, latest, newest, read_log
from registry.sources import read_window

LOG = "log"
"""Stands for the newest window of the log."""
JUDGED = 200
"""Newest decisions that are looked through for windows of the log."""


def next_window(model: str, schema: Schema, settings: ModelConfig, place: Workplace) -> str | None:
    """Return the name of the window of the log that is to be judged next.

    That is the newest, unless it was decided on; then one decided on before for which many more
    labels came, so that what was said of it is said again with them.

    Args:
        model: registered name.
        schema: of the champion.
        settings: how windows are cut, under ``log``.
        place: the home.

    Returns:
        None where nothing is new.
    """
    past = judged_windows(model, place)
    now = time.time_ns()
    found = newest(place.home, model, schema, settings.log, now=now, judged=past)
    return None if found is None else found.name


def judged_windows(model: str, place: Workplace) -> list[Judged]:
    """Return the windows of the log that a model was judged on lately, oldest first."""
    found = []
    for decision in place.ledger.decisions(model)[-JUDGED:]:
        body = json.loads(decision.body)
        if body["source"].startswith(PREFIX):
            window = LogWindow.of(body["source"])
            found.append(Judged(window, body["window"]["rows"], body["check"]["labelled"]))
    return found


def window_to_judge(
    asked: str, model: str, schema: Schema, settings: ModelConfig, place: Workplace
) -> str:
    """Return where the window lies that a run is asked to judge.

    Args:
        asked: a file, table or URL, a window of the log by name, or ``log``: the next one, or
            the one judged last where nothing is new.
        model: registered name.
        schema: of the champion.
        settings: how windows are cut, under ``log``.
        place: the home.

    Raises:
        BadData: the log has no window yet.
    """
    if asked != LOG:
        return asked
    found = next_window(model, schema, settings, place)
    if found is not None:
        return found
    past = judged_windows(model, place)
    if not past:
        raise _none(model, settings)
    return past[-1].window.name


def window_to_check(asked: str, model: str, settings: ModelConfig, place: Workplace) -> str:
    """Return where the window lies that is only looked at: for ``log`` the newest of the log.

    Raises:
        BadData: the log has no window yet.
    """
    if asked != LOG:
        return asked
    found = latest(place.home, model, settings.log, now=time.time_ns())
    if found is None:
        raise _none(model, settings)
    return found.name


def rows_of(location: str, schema: Schema, whole: Schema, place: Workplace) -> Window:
    """Read a window, wherever it lies; see ``registry.sources.read_window``."""
    if location.startswith(PREFIX):
        return read_log(place.home, LogWindow.of(location), schema, whole)
    return read_window(location, schema, whole)


def _none(model: str, settings: ModelConfig) -> BadData:
    cut = settings.log
    size = f"{cut.hours:g} hours" if cut.hours is not None else f"{cut.length:g} predictions"
    return BadData(
        f"The inference log of {model!r} holds no whole window of {size} yet.",
        hint="predict more, make log.rows or log.hours smaller, or give --window",
    )
