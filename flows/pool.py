"""Labelled rows of earlier windows that join a small window's, so that enough are measured on."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from factory.adapt.unit import aligned
from factory.bundle import row_hashes
from factory.change import change_point
from factory.check import Checked
from factory.metrics import row_losses
from factory.nouns import ROWS, Bools
from flows.case import Case, Pool


def pooled(case: Case, checked: Checked, known: Bools) -> Pool:
    """Put rows of earlier windows before those of a small one.

    They are the newest that have sound labels and features, that neither the champion nor any
    version it may be replaced by has learnt from, and that came since the champion's losses
    changed last; as many as make up ``policy.pooled_rows``.

    Args:
        case: the window.
        checked: what was measured of it.
        known: its rows with a sound label that the champion was not trained on, shape (rows,).
    """
    alone = Pool.of(case.window.frame, checked.broken)
    wanted = case.config.policy.pooled_rows - int(known.sum())
    parts = [part for part in _fresh(case, wanted) if len(part)]
    if not parts or not known.any():
        return alone
    earlier = pd.concat(parts[::-1], ignore_index=True)
    schema = case.champion.schema
    if schema.timestamp is not None:
        earlier = earlier.sort_values(schema.timestamp, kind="stable")
    earlier = earlier.tail(wanted)
    said = case.champion.outputs(earlier), checked.outputs[known]
    frames = earlier, case.window.frame.loc[known]
    losses = [
        row_losses(schema, frame[schema.target].to_numpy(), outputs)
        for frame, outputs in zip(frames, said, strict=True)
    ]
    change = change_point(np.concatenate(losses), seed=case.config.seed) or 0
    earlier = earlier.iloc[change:]
    return alone if earlier.empty else alone.after(earlier)


def _fresh(case: Case, wanted: int) -> Iterator[pd.DataFrame]:
    """Yield usable rows of earlier windows, the newest window first, until they are enough."""
    schema, whole = case.champion.schema, case.champion.whole
    versions = case.history.earlier[: case.config.policy.versions]
    models = [case.champion, *(case.memory.load(version) for version in versions)]
    taken = row_hashes(case.window.frame, whole)
    for table in reversed(case.memory.tables()):
        if table.trained or wanted <= 0:
            return
        if table.sha256 == case.window.version.sha256:
            continue
        frame, broken = table.read()
        columns = {*schema.names, schema.target}
        if not columns <= set(frame.columns):
            continue
        frame = aligned(case.champion, frame)
        usable = _sound(frame, broken, (*columns, ROWS)) & frame[schema.target].notna().to_numpy()
        for model in models:
            usable &= model.unseen(frame)
        if schema.identifiable:
            usable &= ~np.isin(row_hashes(frame, whole), taken)
            taken = np.union1d(taken, row_hashes(frame.loc[usable], whole))
        wanted -= int(usable.sum())
        yield frame.loc[usable]


def _sound(frame: pd.DataFrame, broken: Mapping[str, Bools], names: tuple[str, ...]) -> Bools:
    sound = np.ones(len(frame), dtype=bool)
    for name in names:
        if name in broken:
            sound &= ~broken[name]
    return sound
