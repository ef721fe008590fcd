"""Where a scheduled check finds its window: the newest one that is there."""

import glob
from pathlib import Path

from factory.config import ModelConfig
from factory.errors import BadConfig
from flows.log_windows import LOG, next_window
from flows.workplace import Workplace


def newest_window(settings: ModelConfig, place: Workplace) -> str | None:
    """Return where the newest window is; older ones that were missed are passed over.

    Args:
        settings: of the model, with ``deploy.monitor.windows``.
        place: the home, whose inference log is cut where ``windows`` is ``log``.

    Returns:
        A path, a URL or a window of the log by name; None where nothing is there, or nothing
        new in the log.

    Raises:
        BadConfig: the config names no source of windows.
        NoChampion: the log has no model to judge yet.
    """
    where = settings.deploy.monitor.windows
    if where is None:
        raise BadConfig(
            f"The config of {settings.name!r} does not say where windows are found.",
            hint="set deploy.monitor.windows, or give the run a window",
        )
    if where == LOG:
        champion = place.models.load(settings.name, place.models.champion(settings.name))
        return next_window(settings.name, champion.schema, settings, place)
    if "://" in where:
        return where
    found = glob.glob(where) if glob.has_magic(where) else [where]  # noqa: PTH207 - an absolute pattern
    there = [Path(name) for name in found if Path(name).exists()]
    newest = max(there, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)
    return None if newest is None else str(newest)
