"""A binary champion's outputs counted along its calibration curve, in one pass without sorting.

An isotonic curve is flat but for short rises between neighbouring scores. Rows on a flat stretch
share one chance, so that they need only be counted: even the area under the expected ROC curve
does not depend on their order. The few rows on rises are kept one by one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from factory.calibrate import BINARY, Calibrator, Curve
from factory.expectation import COUNTED, from_confusion, measure
from factory.nouns import Bools, Floats, Outputs

GRID = 4096
"""Cells of equal width across the curve; one without a knot or rise says all of its rows."""
BLOCK = 65_536
"""Rows that are looked at together, so that they stay in the processor's cache."""
TALLIED = COUNTED | {"accuracy", "roc_auc"}
"""Metrics of two classes that follow from the counts."""
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Tally:
    """How many rows lie where on the curve, and what is predicted of them.

    Stretch ``2 i + 1`` is knot i itself, stretch ``2 i`` what lies below it and above knot i - 1.

    Attributes:
        rows: rows on each flat stretch, by whether they are said to be positive, shape
            (2, stretches); 0 on rises.
        chances: per stretch, shape (stretches,); 0 on rises.
        places: per row on a rise, its stretch, never falling, shape (m,).
        single: per row on a rise, its chance, in the order of the scores, shape (m,).
        said: per row on a rise, whether it is said to be positive, shape (m,).
    """

    rows: NDArray[np.int64]
    chances: Floats
    places: Places
    single: Floats
    said: Bools

    @classmethod
    def of(cls, curve: Curve, outputs: Outputs) -> Self:
        """Count rows.

        Args:
            curve: of the positive class.
            outputs: the champion's probabilities, finite, shape (n, 2).

        >>> curve = Curve(np.array([0.2, 0.4, 0.6]), np.array([0.1, 0.1, 0.7]))
        >>> tally = Tally.of(curve, np.array([[0.7, 0.3], [0.9, 0.1], [0.5, 0.5], [0.1, 0.9]]))
        >>> int(tally.rows.sum()), tally.single.round(3).tolist()
        (3, [0.4])
        """
        chances, rises = _stretches(curve)
        grid = _Grid.of(curve.scores, rises)
        whole = np.zeros(2 * GRID, dtype=np.int64)
        unclear = []
        for start in range(0, len(outputs), BLOCK):
            block = outputs[start : start + BLOCK]
            cells = grid.cells(block[:, 1])
            unclear.append(start + np.flatnonzero(grid.unclear.take(cells)))
            sides = cells + GRID * (block[:, 1] > block[:, 0])
            whole += np.bincount(sides, minlength=2 * GRID)
        rows = np.zeros((2, len(chances)), dtype=np.int64)
        clear = np.flatnonzero(~grid.unclear)
        for side, counts in enumerate(whole.reshape(2, GRID)):
            np.add.at(rows[side], 2 * grid.below[clear], counts[clear])
        kept = outputs[np.concatenate(unclear)] if unclear else outputs
        scores, said = kept[:, 1], kept[:, 1] > kept[:, 0]
        places = grid.stretches(scores)
        flat = ~rises[places]
        cells = places[flat] + len(chances) * said[flat]
        rows += np.bincount(cells, minlength=rows.size).reshape(rows.shape)
        order = np.flatnonzero(~flat)
        order = order[np.argsort(scores[order], kind="stable")]
        return cls(rows, chances, places[order], curve.at(scores[order]), said[order])

    def confusion(self) -> Floats:
        """Return the expected confusion matrix, true classes by predicted ones, shape (2, 2).

        >>> curve = Curve(np.array([0.2, 0.4]), np.array([0.1, 0.1]))
        >>> Tally.of(curve, np.array([[0.7, 0.3], [0.1, 0.9]])).confusion().round(3).tolist()
        [[0.9, 0.9], [0.1, 0.1]]
        """
        single = np.bincount(self.said, self.single, minlength=2)
        positive = self.rows @ self.chances + single
        rows = self.rows.sum(axis=1) + np.bincount(self.said, minlength=2)
        return np.stack([rows - positive, positive])

    def area(self) -> float:
        """Return the area under the expected ROC curve, NaN where there is one class only.

        >>> curve = Curve(np.array([0.4, 0.4001]), np.array([0.0, 1.0]))
        >>> Tally.of(curve, np.array([[0.7, 0.3], [0.1, 0.9]])).area()
        1.0
        """
        counts = self.rows.sum(axis=0).astype(np.float64)
        rows = np.insert(counts, self.places, 1.0)
        positive = np.insert(counts * self.chances, self.places, self.single)
        negative = rows - positive
        pairs = positive.sum() * negative.sum()
        wins = positive @ (np.cumsum(negative) - negative / 2)
        return float(wins / pairs) if pairs > 0 else float("nan")


def expected(
    names: Collection[str], calibrator: Calibrator, outputs: Outputs
) -> dict[str, float | None]:
    """Return what metrics are on average over the labels that calibrated probabilities allow.

    Metrics of two classes are taken together from one pass over the rows.

    Args:
        names: of ``factory.scorers.known``.
        calibrator: of a champion's probabilities.
        outputs: the champion's, finite, shape (n, k).

    Returns:
        Per metric its value, NaN where it is undefined, None where it cannot be told.

    >>> outputs = np.array([[0.2, 0.8], [0.6, 0.4]])
    >>> calibrator = Calibrator.fit(outputs, np.array([1, 0]))
    >>> expected(["accuracy", "roc_auc", "max_error"], calibrator, outputs)
    {'accuracy': 1.0, 'roc_auc': 1.0, 'max_error': None}
    """
    tallied = [name for name in names if name in TALLIED and calibrator.classes == BINARY]
    rest = [name for name in names if name not in tallied]
    values: dict[str, float | None] = dict.fromkeys(names)
    if tallied:
        tally = Tally.of(calibrator.curves[0], outputs)
        confusion = tally.confusion()
    for name in tallied:
        values[name] = tally.area() if name == "roc_auc" else from_confusion(name, confusion)
    measures = {name: measure(name, outputs) for name in rest}
    chances = calibrator.probabilities(outputs) if any(measures.values()) else outputs
    for name, value in measures.items():
        values[name] = None if value is None else value(chances)
    return values


@dataclass(frozen=True)
class _Grid:
    """Cells of equal width over all knots, the first and last open, that find a score's stretch.

    ``below`` counts the knots in earlier cells; ``edge`` is the first knot in a cell, infinite
    where there is none; ``many`` marks cells with more than one, and ``unclear`` those with any
    or on a rise.
    """

    knots: Floats
    low: float
    scale: float
    below: Places
    edge: Floats
    many: Bools
    unclear: Bools

    @classmethod
    def of(cls, knots: Floats, rises: Bools) -> Self:
        span = float(knots[-1] - knots[0])
        with np.errstate(over="ignore", divide="ignore"):
            scale = float(np.divide(GRID - 4, span))
        # Knots too near to be parted all fall into one cell, whose rows are looked up.
        scale = scale if np.isfinite(scale) else 0.0
        low = float(knots[0]) - (2 / scale if scale > 0 else 0.0)
        where = _cells(knots, low, scale)
        below = np.searchsorted(where, np.arange(GRID))
        held = np.bincount(where, minlength=GRID)
        edge = np.where(held > 0, knots[np.minimum(below, len(knots) - 1)], np.inf)
        return cls(knots, low, scale, below, edge, held > 1, (held > 0) | rises[2 * below])

    def cells(self, scores: Floats) -> Places:
        return _cells(scores, self.low, self.scale)

    def stretches(self, scores: Floats) -> Places:
        cells = self.cells(scores)
        edge = self.edge[cells]
        found = 2 * self.below[cells] + (scores >= edge) + (scores > edge)
        rest = np.flatnonzero(self.many[cells])
        sides = (np.searchsorted(self.knots, scores[rest], side) for side in ("left", "right"))
        found[rest] = sum(sides)
        return found


def _cells(scores: Floats, low: float, scale: float) -> Places:
    cells = scores - low
    cells *= scale
    np.clip(cells, 0, GRID - 1, out=cells)
    return cells.astype(np.intp)


def _stretches(curve: Curve) -> tuple[Floats, Bools]:
    """Return the chance on each stretch, 0 on rises, and which those are."""
    chances = np.repeat(curve.chances, 2)
    around = np.append(curve.chances[0], chances), np.append(chances, curve.chances[-1])
    rises = around[0] != around[1]
    return np.where(rises, 0.0, around[0]), rises
