"""Two tables compared without a model, however large they are."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from factory.config import CheckConfig
from factory.nouns import Signal
from factory.profile import Profile
from factory.reference import Reference
from factory.sketch import Sketch
from flows.stream import large
from registry.parts import Part, read_part
from registry.sources import canonical_features, common_schema
from registry.tables import read_table, to_frame

ROWS = 100_000
"""Rows of a large reference that are drawn, evenly."""


def compare_tables(
    reference: str, current: str, config: CheckConfig
) -> tuple[tuple[Signal, ...], tuple[int, int]]:
    """Compare the features that two tables share.

    Of a table too large for memory every row counts as the current one, read part by part; as
    the reference, a sample does.

    Args:
        reference: location of the table to compare with.
        current: location of the other.
        config: when to alarm.

    Returns:
        The signals, and the rows of both tables.

    Raises:
        BadData: a table cannot be read, or nothing is left to compare.
        BadConfig: a malformed URL.
        Unavailable: a database does not answer.
    """
    before, rows = _reference(reference)
    pieces = _pieces(current)
    piece = next(pieces)
    schema = common_schema(before, piece, f"{reference} and {current}")
    fitted = Reference.fit(canonical_features(before, schema)[0], schema)
    sketch: Sketch | None = None
    profile = Profile.of(canonical_features(piece, schema)[0], schema)
    for further in pieces:
        sketch = (sketch or Sketch.of(profile, fitted.profile)).merge(
            Sketch.of(Profile.of(canonical_features(further, schema)[0], schema), fitted.profile),
            fitted.profile,
        )
    now = profile if sketch is None else sketch.profile(fitted.profile)
    return fitted.compare(now, config), (rows, now.rows)


def _reference(location: str) -> tuple[pd.DataFrame, int]:
    parts = large(location)
    if not parts:
        frame = read_table(location)
        return frame, len(frame)
    rows = sum(part.rows for part in parts)
    rng = np.random.default_rng(0)
    drawn = [piece.loc[rng.random(len(piece)) < ROWS / rows] for piece in _of(parts)]
    return pd.concat(drawn, ignore_index=True), rows


def _pieces(location: str) -> Iterator[pd.DataFrame]:
    parts = large(location)
    return _of(parts) if parts else iter([read_table(location)])


def _of(parts: tuple[Part, ...]) -> Iterator[pd.DataFrame]:
    for part in parts:
        for table in read_part(part):
            if len(table):
                yield to_frame(table)
