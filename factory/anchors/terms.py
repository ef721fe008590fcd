"""Terms of a rule: what a row's features are, told by the reference's quarters and categories."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from factory.nouns import Bools, Column, Floats, Schema

QUARTERS = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Terms:
    """One term a feature, all of them true of one row.

    Attributes:
        rows: the reference's features, and the row itself as the last, shape (n + 1, features).
        holds: whether a feature's term is true of a reference row, shape (n, features).
        words: each term in words.
    """

    rows: pd.DataFrame
    holds: Bools
    words: tuple[str, ...]

    @classmethod
    def of(cls, row: pd.DataFrame, reference: pd.DataFrame, schema: Schema) -> Self:
        """Return the terms that are true of a row.

        Numbers and dates are told by the quarter of the reference that they fall in.

        Args:
            row: canonical, shape (1, columns).
            reference: canonical, at least one row.
            schema: names the features.

        >>> schema = Schema((Column("a", "number"), Column("c", "category")), "y", "regression")
        >>> known = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "c": ["u", "v", "u", None]})
        >>> terms = Terms.of(known.tail(1), known, schema)
        >>> terms.words, terms.holds[:, 0].tolist()
        (('a > 3.25', 'c is missing'), [False, False, False, True])
        """
        names = list(schema.names)
        rows = pd.concat([reference[names], row[names]], ignore_index=True)
        found = [_term(rows[column.name], column) for column in schema.features]
        holds = np.column_stack([mask[:-1] for mask, _ in found])
        return cls(rows, holds, tuple(words for _, words in found))

    def coverage(self, rule: frozenset[int]) -> float:
        """Return the share of the reference that a rule is true of."""
        return float(self.holds[:, sorted(rule)].all(axis=1).mean())

    def draw(self, rule: frozenset[int], count: int, rng: np.random.Generator) -> Any:
        """Draw rows under a rule; tell of which row each feature takes its value.

        A reference row is drawn; where a term is not true of it, that feature takes its value of
        another reference row of which it is, or of the row itself where there is none.

        Returns:
            Places in ``rows``, shape (count, features).
        """
        n, features = self.holds.shape
        taken = np.repeat(rng.integers(n, size=count)[:, None], features, axis=1)
        for feature in sorted(rule):
            known = np.flatnonzero(self.holds[:, feature])
            wrong = ~self.holds[taken[:, feature], feature]
            if len(known):
                taken[wrong, feature] = rng.choice(known, size=int(wrong.sum()))
            else:
                taken[:, feature] = n
        return taken

    def table(self, taken: Any) -> pd.DataFrame:
        """Return drawn rows as a canonical table."""
        columns = enumerate(self.rows.columns)
        return pd.DataFrame(
            {name: self.rows[name].to_numpy()[taken[:, place]] for place, name in columns}
        )


def _term(values: pd.Series, column: Column) -> tuple[Bools, str]:
    missing = values.isna().to_numpy()
    if missing[-1]:
        return missing, f"{column.name} is missing"
    if column.kind not in {"number", "date"}:
        same = (values == values.iloc[-1]).to_numpy() & ~missing
        return same, f"{column.name} = {values.iloc[-1]}"
    numbers = _numbers(values)
    known = numbers[:-1][~missing[:-1]]
    if not len(known):
        return ~missing & (numbers == numbers[-1]), f"{column.name} = {values.iloc[-1]}"
    edges = np.unique(np.quantile(known, QUARTERS, method="linear"))
    quarter = np.searchsorted(edges, numbers)
    low = _shown(edges[quarter[-1] - 1], column) if quarter[-1] else None
    high = _shown(edges[quarter[-1]], column) if quarter[-1] < len(edges) else None
    same = (quarter == quarter[-1]) & ~missing
    match low, high:
        case None, _:
            return same, f"{column.name} <= {high}"
        case _, None:
            return same, f"{column.name} > {low}"
        case _:
            return same, f"{low} < {column.name} <= {high}"


def _numbers(values: pd.Series) -> Floats:
    if values.dtype.kind == "M":
        return np.asarray(values.to_numpy("datetime64[ns]").astype(np.int64), np.float64)
    return values.to_numpy(np.float64)


def _shown(edge: float, column: Column) -> str:
    if column.kind == "date":
        return str(np.datetime64(int(edge), "ns").astype("datetime64[s]"))
    return f"{edge:.6g}"
