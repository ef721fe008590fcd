"""Where a scheduled check finds its window: the newest one that is there."""

import glob
from pathlib import Path

import pandas as pd

from factory.config import ModelConfig
from factory.errors import BadConfig, BadData
from flows.workplace import Workplace
from registry.inference import read

FEATURE = "feature_"


def newest_window(settings: ModelConfig, place: Workplace) -> str | None:
    """Return where the newest window is; older ones that were missed are passed over.

    Args:
        settings: of the model, with ``deploy.monitor.windows``.
        place: the home whose inference log is cut where ``windows`` is ``log``.

    Returns:
        A path or URL, None where nothing is there yet.

    Raises:
        BadConfig: the config names no source of windows.
    """
    where = settings.deploy.monitor.windows
    if where is None:
        raise BadConfig(
            f"The config of {settings.name!r} does not say where windows are found.",
            hint="set deploy.monitor.windows, or give the run a window",
        )
    if where == "log":
        return _cut_log(settings, place)
    if "://" in where:
        return where
    found = glob.glob(where) if glob.has_magic(where) else [where]  # noqa: PTH207 - an absolute pattern
    there = [Path(name) for name in found if Path(name).exists()]
    newest = max(there, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)
    return None if newest is None else str(newest)


def _cut_log(settings: ModelConfig, place: Workplace) -> str | None:
    """Write what was predicted since the last cut as a file, None where it is too little."""
    log = read(place.home, settings.name)
    if log.empty:
        return None
    folder = place.home.path / "windows" / settings.name
    folder.mkdir(parents=True, exist_ok=True)
    log = log.sort_values("predicted_at", kind="stable")
    cuts = sorted(folder.glob("*.parquet"))
    if cuts:
        log = log.loc[log["predicted_at"] > moment_of(cuts[-1])]
    if len(log) < settings.deploy.monitor.log_rows:
        # The last cut is still the newest window; whether it was decided on, the ledger knows.
        return str(cuts[-1]) if cuts else None
    cut = folder / f"{str(log['predicted_at'].iloc[-1]).replace(':', '_')}.parquet"
    partial = cut.with_suffix(".part")
    _as_served(log, settings).to_parquet(partial, index=False)
    partial.replace(cut)
    return str(cut)


def moment_of(cut: Path) -> str:
    """Return the moment of the newest prediction in a cut of the log, ISO format.

    >>> moment_of(Path("2025-01-01T10_00_00.000000+00_00.parquet"))
    '2025-01-01T10:00:00.000000+00:00'
    """
    return cut.stem.replace("_", ":")


def _as_served(log: pd.DataFrame, settings: ModelConfig) -> pd.DataFrame:
    """Return logged rows under the names that the model's data has."""
    features = [name for name in log.columns if name.startswith(FEATURE)]
    if not features:
        raise BadData(
            f"The inference log of {settings.name!r} holds no features.",
            hint="predict with factory predict or factory serve",
        )
    data = settings.data
    keys = [name for name in (data.id, data.timestamp, data.target) if name and name in log]
    rows = log[[*keys, *features]].rename(columns={n: n.removeprefix(FEATURE) for n in features})
    return rows.loc[:, ~rows.columns.duplicated()]
