"""Reweighting: labelled rows counted as often as rows like them come in a window.

Every column is cut into a few cells. Weights are sought that are as even as can be while each
cell of each column has the share it has in the window: what survey statistics call raking. They
are the density ratio of window and labelled rows, as far as it is a product over columns. Only
the window's shares enter, and no model has to be fitted on its rows.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize

from factory.calibrate import judged
from factory.nouns import Floats, Outputs, Schema

QUANTILES = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
"""Where numbers are cut: what moves far moves into the tails, so that these have cells."""
COMMONEST = 8
"""Categories with a cell of their own; the others share one."""
PRIOR_ROWS = 200
"""How strongly weights are held together: as by so many rows that speak for even ones."""
LARGEST = 50.0
"""A row counts at most this many times."""
STEPS = 60
"""Iterations of the solver at most."""
Cells = NDArray[np.int32]


@dataclass(frozen=True)
class Coder:
    """Cuts every column of rows, and what a champion says of them, into cells.

    Cell 0 of a column is for missing values. Dates have no cells, for they always move.

    Attributes:
        numbers: names of numeric features.
        cuts: per numeric feature, then per judged output, where its cells part, increasing.
        categories: names of categorical features.
        kept: per categorical feature, its commonest categories.
        starts: number of the first cell of each column, and of all cells at the end.
    """

    numbers: tuple[str, ...]
    cuts: tuple[Floats, ...]
    categories: tuple[str, ...]
    kept: tuple[tuple[str, ...], ...]
    starts: NDArray[np.int64]

    @classmethod
    def fit(cls, schema: Schema, frame: pd.DataFrame, outputs: Outputs) -> Self:
        """Learn cells from labelled rows.

        >>> from factory.nouns import Column
        >>> schema = Schema((Column("a", "category"),), "y", "regression")
        >>> frame = pd.DataFrame({"a": ["x", "x", "z"]}, dtype=object)
        >>> coder = Coder.fit(schema, frame, np.zeros(3))
        >>> coder.cells(frame.assign(a=["x", None, "new"]), np.zeros(3))[:, 1].tolist()
        [4, 3, 6]
        """
        numbers = tuple(c.name for c in schema.features if c.kind == "number")
        categories = tuple(c.name for c in schema.features if c.kind == "category")
        columns = [*(_floats(frame[name]) for name in numbers), *_judged(outputs)]
        cuts = tuple(_cuts(column) for column in columns)
        kept = tuple(
            tuple(str(value) for value in frame[name].value_counts().index[:COMMONEST])
            for name in categories
        )
        sizes = [*(len(each) + 2 for each in cuts), *(len(each) + 2 for each in kept)]
        return cls(numbers, cuts, categories, kept, np.cumsum([0, *sizes]))

    @property
    def width(self) -> int:
        """Number of cells of all columns."""
        return int(self.starts[-1])

    def cells(self, frame: pd.DataFrame, outputs: Outputs) -> Cells:
        """Return each row's cell in each column, numbered through, shape (n, columns)."""
        columns = [*(_floats(frame[name]) for name in self.numbers), *_judged(outputs)]
        codes = [
            np.where(np.isfinite(column), np.searchsorted(cuts, column, "right") + 1, 0)
            for column, cuts in zip(columns, self.cuts, strict=True)
        ]
        for name, kept in zip(self.categories, self.kept, strict=True):
            values = frame[name].to_numpy(dtype=object)
            found = pd.Index(kept, dtype=object).get_indexer(pd.Index(values, dtype=object))
            found = np.where(found < 0, len(kept), found)
            codes.append(np.where(pd.isna(values), 0, found + 1))
        return np.asarray(np.column_stack(codes) + self.starts[:-1], dtype=np.int32)


def shares(cells: Cells, width: int, weights: Floats | None = None) -> Floats:
    """Return the share of rows in each cell, shape (width,).

    >>> shares(np.array([[0, 2], [1, 2]], dtype=np.int32), 3).tolist()
    [0.5, 0.5, 1.0]
    """
    each = None if weights is None else np.repeat(weights, cells.shape[1])
    total = len(cells) if weights is None else weights.sum()
    return np.asarray(np.bincount(cells.ravel(), each, minlength=width) / total)


def balance(cells: Cells, wanted: Floats) -> Floats:
    """Return weights under which the rows' shares come close to those wanted.

    They maximise their entropy less the squared imbalance, each cell's in its own standard
    deviations, times n / 400; so weights stay even where a share is out of reach, and where the
    labelled rows are too few to tell.

    Args:
        cells: of labelled rows, shape (n, columns).
        wanted: the share of each cell in the window, shape (width,).

    Returns:
        Weights between 0 and 50, 1 on average unless some are cut there, shape (n,).

    Source:
        Deming and Stephan, On a least squares adjustment of a sampled frequency table (1940);
        Hainmueller, Entropy balancing for causal effects (2012).

    >>> cells = np.array([[0], [0], [0], [1]] * 1000, dtype=np.int32)
    >>> balance(cells, np.array([0.5, 0.5]))[:4].round(1).tolist()
    [0.7, 0.7, 0.7, 2.0]
    """
    sums = tilts(cells, wanted)[cells.ravel()].reshape(cells.shape).sum(axis=1)
    odds = np.exp(sums - sums.max())
    return np.asarray(np.minimum(odds / odds.mean(), LARGEST))


def tilts(cells: Cells, wanted: Floats) -> Floats:
    """Return what each cell adds to the logarithm of its rows' weights, shape (width,).

    See ``balance``, whose weights are the exponentials of these sums but for their cut.

    >>> cells = np.array([[0], [0], [0], [1]], dtype=np.int32)
    >>> low, high = tilts(cells, np.array([0.5, 0.5]))
    >>> bool(low < 0 < high)
    True
    """
    n, columns = cells.shape
    here = shares(cells, len(wanted))
    spread = np.sqrt(here * (1 - here))
    # A cell without rows cannot be weighted, and one with all of them need not be.
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    flat, ridge = cells.ravel(), PRIOR_ROWS / n

    def dual(tilts: Floats) -> tuple[float, Floats]:
        raw = tilts * scale
        sums = raw[flat].reshape(n, columns).sum(axis=1)
        top = sums.max()
        odds = np.exp(sums - top)
        total = odds.sum()
        have = np.bincount(flat, np.repeat(odds / total, columns), minlength=len(wanted))
        value = np.log(total / n) + top - wanted @ raw + ridge / 2 * tilts @ tilts
        return value, (have - wanted) * scale + ridge * tilts

    options = {"maxiter": STEPS, "gtol": 1e-4, "ftol": 1e-9}
    found = minimize(dual, np.zeros(len(wanted)), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x * scale)


def effective(weights: Floats) -> float:
    """Return how many rows of equal weight would tell as much.

    Source:
        Kish, Survey Sampling (1965).

    >>> effective(np.array([1.0, 1.0, 0.0, 0.0]))
    2.0
    """
    return float(weights.sum() ** 2 / (weights**2).sum())


def _judged(outputs: Outputs) -> list[Floats]:
    if outputs.ndim == 1:
        return [outputs]
    return [outputs[:, label] for label in judged(outputs.shape[1])]


def _floats(column: "pd.Series[Any]") -> Floats:
    return column.to_numpy(dtype=np.float64)


def _cuts(column: Floats) -> Floats:
    finite = column[np.isfinite(column)]
    if len(finite) == 0:
        return np.empty(0)
    return np.asarray(np.unique(np.quantile(finite, QUANTILES)))
