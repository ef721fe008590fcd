"""Whole rows of the window beside those of the reference, as rules on rows see them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from factory.nouns import Bools, Schema
from factory.quality.order import Times, rate


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a window and of its reference.

    Attributes:
        reference: canonical rows.
        window: canonical rows.
        schema: their columns.
        absent: features that the window's table had no column for.
        now: the present moment in UTC without a zone; None leaves it open.
    """

    reference: pd.DataFrame
    window: pd.DataFrame
    schema: Schema
    absent: tuple[str, ...] = ()
    now: np.datetime64 | None = None

    @property
    def columns(self) -> list[str]:
        """Timestamp, target and features that both tables have, those that tell most first."""
        order = {"number": 0, "date": 1, "category": 2, "text": 3, "image": 4}
        features = sorted(self.schema.features, key=lambda column: order[column.kind])
        roles = [] if self.schema.timestamp is None else [self.schema.timestamp]
        names = [*roles, self.schema.target, *(column.name for column in features)]
        both = [n for n in names if n in self.reference and n in self.window]
        return [n for n in both if n not in self.absent and _holds_any(self.window[n])]

    @property
    def labelled(self) -> Bools:
        """Rows of the window with a label, shape (rows,)."""
        if self.schema.target not in self.window:
            return np.zeros(len(self.window), dtype=np.bool_)
        return self.window[self.schema.target].notna().to_numpy()

    @property
    def density(self) -> float:
        """How many times as many rows per time the window has as the reference."""
        return rate(self.times) / rate(self.known_times)

    @property
    def times(self) -> Times | None:
        """Moments of the window's rows, shape (rows,); None without a timestamp."""
        return _times(self.window, self.schema)

    @property
    def known_times(self) -> Times | None:
        """Moments of the reference's rows; None without a timestamp."""
        return _times(self.reference, self.schema)


def _holds_any(column: pd.Series) -> bool:
    return bool(pd.notna(column.to_numpy()[0]) or column.notna().any())


def _times(frame: pd.DataFrame, schema: Schema) -> Times | None:
    if schema.timestamp is None or schema.timestamp not in frame:
        return None
    times: Times = frame[schema.timestamp].to_numpy("datetime64[ns]")
    return times
