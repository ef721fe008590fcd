"""The confidence model: a classifier's metric, told from how sure it is of unlabelled rows."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.bootstrap import ends
from factory.calibrate import Calibrator, Codes, dependence
from factory.detectors.joint import sample
from factory.expectation import Measure, measure
from factory.misses import Misses, Trial, choices
from factory.nouns import Bools, Floats, Outputs, Schema
from factory.reweight import Cells, Coder, balance, effective, shares
from factory.tally import expected

GROUPS = 20
"""Groups of rows that are left out one by one, to tell how far the curves can be trusted."""
TRIAL_GROUPS = 5
"""The same, in trials."""
FEWEST_EFFECTIVE = 30
"""Effective rows below which weighted ones teach nothing."""
PRIOR = 0.5
"""Rows of unknown class at either end of a curve, for Jeffreys's prior of a share."""
CURVE_ROWS = 100_000
"""Rows that the plain curves are learnt from at most."""
ROWS = 20_000
"""Rows that are kept to be reweighted, and rows of a window that they are compared with."""
TRIAL_ROWS = 6_000
TRIAL_DRAWS = 60
DRAWN_ROWS = 2_000
"""Rows on which labels are drawn."""


class Inference(NamedTuple):
    """What the kept rows say of other rows.

    Attributes:
        value: the metric, with as much of the reweighting as it is worth.
        chances: of the classes, likewise, shape (n, k).
        variance: of the value, by which rows happen to be kept.
        shift: variance of the weights.
    """

    value: float
    chances: Floats
    variance: float
    shift: float


@dataclass(frozen=True)
class ConfidenceModel:
    """Calibrates a classifier's probabilities, and calibrates them anew for each window.

    Attributes:
        calibrator: learnt from all rows alike.
        coder: cuts rows into cells.
        cells: of the kept rows, shape (n, columns).
        outputs: the champion's on them, shape (n, k).
        codes: their true classes, shape (n,).
        groups: which are left out together, shape (n,); neighbours where rows are in time order.
        optimism: by how much the curves exceed the metric on rows they were not fitted on.
        dependence: see ``factory.calibrate.dependence``.
        misses: how far estimates were off beyond chance.
    """

    calibrator: Calibrator
    coder: Coder
    cells: Cells
    outputs: Outputs
    codes: Codes
    groups: NDArray[np.int64]
    optimism: float = 0.0
    dependence: float = 1.0
    misses: Misses = field(default_factory=Misses)

    @classmethod
    def fit(
        cls,
        metric: str,
        schema: Schema,
        frame: pd.DataFrame,
        outputs: Outputs,
        codes: Codes,
        *,
        seed: int,
    ) -> Self:
        """Learn from rows the champion was not trained on.

        Args:
            metric: the name of the champion's.
            schema: features that may shift.
            frame: canonical rows, in time order where there is one.
            outputs: the champion's probabilities on them, finite, shape (n, k).
            codes: their true classes, 0 to k - 1, shape (n,).
            seed: of samples, groups and trials.
        """
        rng = np.random.default_rng(seed)
        few = sample(len(codes), CURVE_ROWS, rng)
        calibrator = Calibrator.fit(outputs[few], codes[few])
        few = sample(len(codes), ROWS, rng)
        frame, outputs, codes = frame.iloc[few], outputs[few], codes[few]
        groups = np.arange(len(codes)) * GROUPS // len(codes)
        ordered = schema.timestamp is not None
        if not ordered:
            rng.shuffle(groups)
        coder = Coder.fit(schema, frame, outputs)
        cells = coder.cells(frame, outputs)
        found = cls(calibrator, coder, cells, outputs, codes, groups)
        return found.judged(metric, ordered=ordered).tried(metric, ordered=ordered, rng=rng)

    def judged(self, metric: str, *, ordered: bool) -> Self:
        """Return the model with its optimism: each group is told by curves that do not know it.

        Args:
            metric: its name.
            ordered: whether rows are in time order.
        """
        n, k = self.outputs.shape
        without = [(self.groups != group).astype(np.float64) for group in range(GROUPS)]
        apart = np.empty((n, k))
        for group, fit in enumerate(Calibrator.refits(self.outputs, self.codes, without, PRIOR)):
            held = self.groups == group
            apart[held] = fit.probabilities(self.outputs[held])
        value = measure(metric, self.outputs)
        optimism = 0.0 if value is None else value(apart) - value(np.eye(k)[self.codes])
        said = self.outputs.argmax(axis=1)
        surprise = (said == self.codes) - apart[np.arange(n), said]
        return replace(
            self,
            optimism=float(np.nan_to_num(optimism)),
            dependence=dependence(surprise) if ordered else 1.0,
        )

    def tried(self, metric: str, *, ordered: bool, rng: np.random.Generator) -> Self:
        """Return the model with its misses: some of the kept rows are told from the others.

        Args:
            metric: its name.
            ordered: whether rows are in time order.
            rng: draws rows and labels.
        """
        few = sample(len(self.codes), TRIAL_ROWS, rng)
        cells, outputs, codes = self.cells[few], self.outputs[few], self.codes[few]
        part = replace(
            self, cells=cells, outputs=outputs, codes=codes, groups=self.groups[few] % TRIAL_GROUPS
        )
        certain = np.eye(outputs.shape[1])
        trials = []
        for chosen, period in choices(cells, self.coder.starts, ordered=ordered, rng=rng):
            value = measure(metric, outputs[chosen])
            if value is None:
                return self
            wanted = shares(cells[chosen], self.coder.width)
            found = part.infer(value, outputs[chosen], wanted, rows=~chosen)
            error = found.value - self.optimism - value(certain[codes[chosen]])
            noise = _draws(value, found.chances, TRIAL_DRAWS, rng).var() * self.dependence
            trials.append(Trial(error, float(noise) + found.variance, found.shift, period))
        sound = [trial for trial in trials if np.isfinite(trial[:3]).all()]
        return replace(self, misses=Misses.learn(sound))

    def probabilities(self, outputs: Outputs) -> Floats:
        """Return plainly calibrated probabilities, shape (n, k)."""
        return self.calibrator.probabilities(outputs)

    def infer(
        self,
        value: Measure,
        outputs: Outputs,
        wanted: Floats | None,
        *,
        rows: Bools | None = None,
        codes: Codes | None = None,
    ) -> Inference:
        """Tell the metric of unlabelled rows from the kept ones.

        The kept rows are weighted until they look like the others. What that changes is as large
        as it is uncertain where few rows carry the weight, and then counts for little: a change
        g whose jackknife variance is v counts g^2 / (g^2 + v).

        Args:
            value: the metric of chances on the rows.
            outputs: the champion's on them, shape (m, k).
            wanted: the share of each cell among them, None to weight nothing.
            rows: the kept rows that may be used, all where it is None.
            codes: true classes of the rows, below 0 where unknown, shape (m,).
        """
        known = slice(None) if rows is None else rows
        groups = self.groups[known]
        weights = np.ones(len(groups))
        if wanted is not None:
            weights = balance(self.cells[known], wanted)
        left = (-1, *range(int(self.groups.max()) + 1))
        each = [w * (groups != g) for w in (np.ones(len(groups)), weights) for g in left]
        enough = effective(weights) >= FEWEST_EFFECTIVE and all(w.sum() > 0 for w in each)
        if not enough:
            each[len(left) :] = each[: len(left)]
        fits = Calibrator.refits(self.outputs[known], self.codes[known], each, PRIOR)
        chances = [_known(fit.probabilities(outputs), codes) for fit in fits]
        plain, moved = np.array([value(each) for each in chances]).reshape(2, len(left))
        gaps = moved - plain
        doubt = _jackknife(gaps[1:])
        trust = gaps[0] ** 2 / (gaps[0] ** 2 + doubt) if gaps[0] != 0 else 0.0
        mixed = plain + trust * gaps
        return Inference(
            value=float(mixed[0]),
            chances=(1 - trust) * chances[0] + trust * chances[len(left)],
            variance=_jackknife(mixed[1:]) + float(((1 - trust) * gaps[0]) ** 2),
            shift=len(weights) / effective(weights) - 1,
        )

    def estimate(
        self,
        metric: str,
        frame: pd.DataFrame,
        outputs: Outputs,
        *,
        confidence: float,
        resamples: int,
        seed: int,
        reweighted: bool = True,
        codes: Codes | None = None,
    ) -> tuple[float, float, float] | None:
        """Estimate the metric on rows, and the ends of its interval.

        Args:
            metric: its name.
            frame: canonical rows.
            outputs: the champion's on them, finite, shape (n, k).
            confidence: two-sided.
            resamples: draws of labels.
            seed: of samples and draws.
            reweighted: whether covariate shift is made up for.
            codes: true classes where they are known, else below 0, shape (n,).

        Returns:
            None for a metric that does not follow from the classes' chances.
        """
        rng = np.random.default_rng(seed)
        few = sample(len(outputs), DRAWN_ROWS, rng)
        value = measure(metric, outputs[few])
        if value is None:
            return None
        told = None if codes is None else codes[few]
        unknown = np.arange(len(outputs)) if codes is None else np.flatnonzero(codes < 0)
        wanted = self._shares(frame, outputs, unknown, rng) if reweighted else None
        found = self.infer(value, outputs[few], wanted, codes=told)
        plain = self._plain(metric, outputs, codes)
        here = value(_known(self.calibrator.probabilities(outputs[few]), told))
        share = len(unknown) / len(outputs)
        middle = plain + found.value - here - share * self.optimism
        drawn = _draws(value, found.chances, resamples, rng) - value(found.chances)
        noise = np.sqrt(self.dependence * len(few) / len(outputs)) * drawn
        spread = np.sqrt(found.variance + share**2 * self.misses.variance(found.shift))
        errors = noise + spread * rng.standard_t(GROUPS - 1, size=resamples)
        low, high = (middle + end for end in ends(errors, confidence))
        return middle if reweighted else plain, low, high

    def _plain(self, metric: str, outputs: Outputs, codes: Codes | None) -> float:
        if codes is None:
            told = expected((metric,), self.calibrator, outputs)[metric]
        else:
            value = measure(metric, outputs)
            chances = _known(self.calibrator.probabilities(outputs), codes)
            told = None if value is None else value(chances)
        return float("nan") if told is None else told

    def _shares(
        self, frame: pd.DataFrame, outputs: Outputs, rows: Codes, rng: np.random.Generator
    ) -> Floats:
        rows = rows[sample(len(rows), ROWS, rng)]
        return shares(self.coder.cells(frame.iloc[rows], outputs[rows]), self.coder.width)


def _known(chances: Floats, codes: Codes | None) -> Floats:
    """Put labels in the place of chances where they are known."""
    if codes is not None:
        rows = np.flatnonzero(codes >= 0)
        chances[rows] = np.eye(chances.shape[1])[codes[rows]]
    return chances


def _jackknife(values: Floats) -> float:
    return (len(values) - 1) * float(np.var(values))


def _draws(value: Measure, chances: Floats, number: int, rng: np.random.Generator) -> Floats:
    """Return the metric under labels drawn by their chances, shape (number,)."""
    steps = chances.cumsum(axis=1)[:, :-1]
    certain = np.eye(chances.shape[1])
    values = np.empty(number)
    for position in range(number):
        drawn = (rng.random((len(chances), 1)) >= steps).sum(axis=1)
        values[position] = value(certain[drawn])
    return values
