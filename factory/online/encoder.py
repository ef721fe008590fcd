"""Rows as numbers, one by one: an encoding that was fitted to a reference and never changes."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from factory.detectors.joint import COMMONEST, FARTHEST
from factory.nouns import Bools, Column, Floats, Kind
from factory.online.protocol import Values

QUARTILES = 1.349
"""Distance of the quartiles of a normal law in its standard deviations."""
PAIR = 2


@dataclass(frozen=True)
class Coded:
    """How one column becomes numbers.

    Attributes:
        name: the column's.
        kind: number or category.
        middle: of a number; what is missing or infinite stands there.
        spread: of a number, above 0.
        unit: what both are in, so that numbers of any size can be told apart.
        marks: a number that takes two values, which become 0 and 1.
        names: the commonest categories; others share a column.
        gaps: whether what is missing is marked in a column of its own.
    """

    name: str
    kind: Kind
    middle: float = 0.0
    spread: float = 1.0
    unit: float = 1.0
    marks: bool = False
    names: tuple[str, ...] = ()
    gaps: bool = True

    @classmethod
    def fit(cls, column: Column, values: "pd.Series[Any]", *, gaps: bool) -> Self:
        """Learn from the reference's values."""
        if column.kind == "category":
            names = values.value_counts().index[:COMMONEST]
            texts = tuple(str(name) for name in names)
            return cls(column.name, "category", names=texts, gaps=gaps)
        plain = values.to_numpy(dtype=np.float64)
        return cls(column.name, "number", gaps=gaps).measured(np.sort(plain[np.isfinite(plain)]))

    def measured(self, known: Floats) -> Self:
        """Return the same with the middle and spread of sorted values."""
        if len(known) == 0:
            return self
        unit = float(np.abs(known).max()) or 1.0
        scaled = known / unit
        if len(np.unique(scaled)) == PAIR:
            low, high = float(scaled[0]), float(scaled[-1])
            return replace(self, middle=low, spread=high - low, unit=unit, marks=True)
        last = len(known) - 1
        middle, quartiles = scaled[last // 2], scaled[3 * last // 4] - scaled[last // 4]
        # Where most rows repeat one value the quartiles are equal, and the deviation tells more.
        spread = float(quartiles) / QUARTILES or float(scaled.std()) or 1.0
        return replace(self, middle=float(middle), spread=spread, unit=unit)

    def labels(self) -> list[tuple[str, bool]]:
        """Name the numbers a value becomes, and say which can only be 0 and 1."""
        lost = [(f"{self.name} missing", True)] if self.gaps else []
        if self.kind == "number":
            return [(self.name, self.marks), *lost]
        marks = [*(f"{self.name} = {name}" for name in self.names), f"{self.name} other"]
        return [*((mark, True) for mark in marks), *lost]

    def rows(self, values: "pd.Series[Any]") -> Floats:
        """Return numbers of shape (rows, len(labels)), all finite."""
        if self.kind == "category":
            codes = pd.Index(self.names, dtype=object).get_indexer(pd.Index(values))
            codes[(codes < 0) & values.notna().to_numpy()] = len(self.names)
            # Missing rows have code -1, the last column.
            found: Floats = np.eye(len(self.names) + 2)[codes]
            return found if self.gaps else found[:, :-1]
        plain = values.to_numpy(dtype=np.float64)
        lost = ~np.isfinite(plain)
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (plain / self.unit - self.middle) / self.spread
        scaled = np.clip(np.where(lost, 0.0, scaled), -FARTHEST, FARTHEST)
        return np.column_stack([scaled, lost]) if self.gaps else scaled[:, None]


@dataclass(frozen=True)
class Encoder:
    """From the columns of a table to numbers; each row by itself, whatever stands beside it."""

    columns: tuple[Coded, ...]

    @classmethod
    def fit(cls, table: pd.DataFrame, columns: tuple[Column, ...], *, gaps: bool = True) -> Self:
        """Learn from the reference; dates are left out, because they always tell.

        Texts and images are left out as well.

        Args:
            table: of the reference.
            columns: what to encode of it.
            gaps: whether missing values are marked; else they stand in the middle only.

        >>> table = pd.DataFrame({"a": [1.0, 3.0, 2.0, np.nan], "c": ["x", "x", "y", None]})
        >>> encoder = Encoder.fit(table, (Column("a", "number"), Column("c", "category")))
        >>> [label for label, _ in encoder.labels()]
        ['a', 'a missing', 'c = x', 'c = y', 'c other', 'c missing']
        >>> encoder.rows(pd.DataFrame({"a": [2.0], "c": ["z"]})).tolist()
        [[0.0, 0.0, 0.0, 0.0, 1.0, 0.0]]
        """
        known = [column for column in columns if column.plain]
        return cls(tuple(Coded.fit(each, table[each.name], gaps=gaps) for each in known))

    def labels(self) -> list[tuple[str, bool]]:
        """Name the numbers of a row, and say which can only be 0 and 1."""
        return [label for column in self.columns for label in column.labels()]

    @property
    def marks(self) -> Bools:
        """Which numbers of a row can only be 0 and 1, shape (k,)."""
        return np.array([mark for _, mark in self.labels()], dtype=np.bool_)

    def rows(self, table: pd.DataFrame) -> Floats:
        """Return numbers of shape (rows, k), all finite."""
        blocks = [column.rows(table[column.name]) for column in self.columns]
        return np.hstack([np.empty((len(table), 0)), *blocks])

    def to_values(self) -> list[Values]:
        """Return plain values, from which ``of`` makes the same encoder."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def of(cls, values: list[Values]) -> Self:
        """Return the encoder whose ``to_values`` these are."""
        return cls(tuple(Coded(**{**each, "names": tuple(each["names"])}) for each in values))
