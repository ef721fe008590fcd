"""The loss model: how large a regression's errors will be, learnt from held-out rows."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from scipy.stats import t as student
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits

from factory.calibrate import dependence
from factory.detectors.joint import sample
from factory.misses import Misses, Trial, choices
from factory.nouns import Bools, Floats, Outputs, Schema
from factory.reweight import Cells, Coder, balance, effective, shares
from factory.scorers import ROW_LOSSES
from factory.transformers import REACH, Finite

FOLDS = 5
FEWEST_EFFECTIVE = 30
"""Effective rows below which weighted ones teach nothing."""
ROWS = 20_000
"""Rows that are learnt from at most, and rows of a window that they are compared with."""
FREEDOM = 4.0
"""Degrees of freedom that a variance is taken to have at least, however long the tail."""
GUESSED = 200_000
"""Rows of a window whose loss is guessed at most."""
TRIAL_ROWS = 6_000


class Correction(NamedTuple):
    """What the labelled rows say of the guesses on other rows.

    Attributes:
        moved: what to add to the mean guess.
        variance: of the mean, by which rows happen to be labelled.
        own: variance of one row's loss about its guess.
        shift: variance of the weights.
        freedom: degrees of freedom with which a variance is known.
    """

    moved: float
    variance: float
    own: float
    shift: float
    freedom: float


@dataclass(frozen=True)
class LossModel:
    """The expected loss of a row, given its features and what the champion says of it.

    Small boosted trees guess the loss, each fitted on all labelled rows but one fold. How far
    their guesses may be trusted is measured on the rows they do not know: ``slope`` shrinks them
    towards the mean loss. What they leave unexplained is kept, and weighted until the labelled
    rows look like a window's: the mean of that is what the guesses miss there.

    Attributes:
        loss: the metric whose row loss it is, a name in ``factory.scorers.ROW_LOSSES``.
        encoder: from canonical features to numbers; dates are left out, for they always move.
        regressors: the trees, one a fold. Other rows get the mean of their guesses: by how much
            that is off on average, the folds' own rows have told; it would not hold of trees that
            know every labelled row.
        slope: between 0 (guesses are worthless) and 1.
        centre: mean guess of trees that do not know the row.
        level: mean loss.
        coder: cuts rows into cells.
        cells: of the labelled rows, shape (n, columns).
        span: the least and the largest labelled target. A prediction outside it is wrong by what
            lies between, at least.
        residuals: losses less their shrunk guesses, about 0 on average, shape (n,).
        dependence: see ``factory.calibrate.dependence``.
        misses: how far estimates were off beyond chance, relative to them.
    """

    loss: str
    encoder: Any
    regressors: tuple[Any, ...]
    slope: float
    centre: float
    level: float
    coder: Coder
    cells: Cells
    span: tuple[float, float]
    residuals: Floats
    dependence: float = 1.0
    misses: Misses = field(default_factory=Misses)

    @classmethod
    def fit(
        cls,
        loss: str,
        schema: Schema,
        frame: pd.DataFrame,
        outputs: Outputs,
        losses: Floats,
        *,
        seed: int,
    ) -> Self:
        """Learn from rows the champion was not trained on; of more than 20,000 from a sample.

        Args:
            loss: the metric whose row loss is guessed.
            schema: features to learn from.
            frame: canonical rows, in time order where there is one.
            outputs: the champion's values on them, shape (n,).
            losses: its losses on them, finite, shape (n,).
            seed: of the sample, the folds, the trees and the trials.
        """
        rng = np.random.default_rng(seed)
        truth = frame[schema.target].to_numpy(dtype=np.float64)
        span = float(truth.min()), float(truth.max())
        few = sample(len(losses), ROWS, rng)
        frame, outputs, losses = frame.iloc[few], outputs[few], losses[few]
        encoder = _encoder(schema).fit(frame)
        X = _numbers(encoder, frame, outputs)
        ordered = schema.timestamp is not None
        folds = KFold(FOLDS, shuffle=not ordered, random_state=None if ordered else seed)
        guesses, regressors = np.empty(len(losses)), []
        with threadpool_limits(1, user_api="openmp"):
            for fitted, held in folds.split(X):
                regressors.append(_trees(seed).fit(X[fitted], losses[fitted]))
                guesses[held] = regressors[-1].predict(X[held])
        slope, centre, level = _slope(guesses, losses), float(guesses.mean()), float(losses.mean())
        residuals = losses - level - slope * (guesses - centre)
        coder = Coder.fit(schema, frame, outputs)
        found = cls(
            loss=loss,
            encoder=encoder,
            regressors=tuple(regressors),
            slope=slope,
            centre=centre,
            level=level,
            coder=coder,
            cells=coder.cells(frame, outputs),
            span=span,
            residuals=residuals,
            dependence=dependence(residuals) if ordered else 1.0,
        )
        return found.tried(losses, ordered=ordered, rng=rng)

    def tried(self, losses: Floats, *, ordered: bool, rng: np.random.Generator) -> Self:
        """Return the model with its misses: some of the rows are told from the others.

        Args:
            losses: of the labelled rows, shape (n,).
            ordered: whether rows are in time order.
            rng: draws rows.
        """
        few = sample(len(losses), TRIAL_ROWS, rng)
        cells, losses, residuals = self.cells[few], losses[few], self.residuals[few]
        part = replace(self, cells=cells, residuals=residuals)
        guesses = losses - residuals
        trials = []
        for chosen, period in choices(cells, self.coder.starts, ordered=ordered, rng=rng):
            found = part.correct(shares(cells[chosen], self.coder.width), ~chosen)
            level = float(residuals[~chosen].mean())
            mean = float(guesses[chosen].mean()) + level + found.moved
            if mean > 0:
                error = (mean - float(losses[chosen].mean())) / mean
                variance = found.variance + found.own * self.dependence / int(chosen.sum())
                trials.append(Trial(error, variance / mean**2, found.shift, period))
        return replace(self, misses=Misses.learn(trials))

    def correct(self, wanted: Floats | None, rows: Bools | None = None) -> Correction:
        """Weight the labelled rows until they look like others, and see what guesses miss there.

        What they miss is as large as it is uncertain where few rows carry the weight, and then
        counts for little: a mean m of variance v counts m^2 / (m^2 + v).

        Args:
            wanted: the share of each cell among the others, None to weight nothing.
            rows: the labelled rows that may be used, all where it is None.
        """
        known = slice(None) if rows is None else rows
        left = self.residuals[known] - self.residuals[known].mean()
        n = len(left)
        weights = np.ones(n) if wanted is None else balance(self.cells[known], wanted)
        enough = effective(weights) >= FEWEST_EFFECTIVE
        weights = weights / weights.mean()
        gap = float(np.mean(weights * left)) if enough else 0.0
        doubt = self.dependence * float(np.sum(((weights - 1) * left) ** 2)) / n**2
        trust = gap**2 / (gap**2 + doubt) if gap != 0 else 0.0
        mixed = 1 + trust * (weights - 1) if enough else np.ones(n)
        squares = (left - trust * gap) ** 2
        own = float(np.mean(mixed * squares))
        tail = float(np.mean(mixed * squares**2)) / own**2 if own > 0 else 1.0
        return Correction(
            moved=trust * gap,
            variance=self.dependence * float(np.sum(mixed**2 * squares)) / n**2
            + ((1 - trust) * gap) ** 2,
            own=own,
            shift=n / effective(weights) - 1,
            freedom=2 * effective(mixed) / max(tail - 1, 2.0),
        )

    def expected(self, frame: pd.DataFrame, outputs: Outputs, *, seed: int = 0) -> float:
        """Return the mean expected loss of rows."""
        return self.estimate(frame, outputs, confidence=0.95, seed=seed)[0]

    def estimate(
        self,
        frame: pd.DataFrame,
        outputs: Outputs,
        *,
        confidence: float,
        seed: int,
        reweighted: bool = True,
        losses: Floats | None = None,
    ) -> tuple[float, float, float]:
        """Estimate the mean loss of rows, and the ends of its interval.

        Args:
            frame: canonical rows.
            outputs: the champion's on them, finite, shape (n,).
            confidence: two-sided.
            seed: of samples.
            reweighted: whether covariate shift is made up for.
            losses: the loss of each row where it is known, else NaN, shape (n,).
        """
        n = len(outputs)
        rng = np.random.default_rng(seed)
        unknown = np.arange(n) if losses is None else np.flatnonzero(np.isnan(losses))
        some = unknown[sample(len(unknown), GUESSED, rng)]
        guessed = float(self.guesses(frame.iloc[some], outputs[some]).mean())
        few = some[sample(len(some), ROWS, rng)]
        wanted = None
        if reweighted:
            wanted = shares(self.coder.cells(frame.iloc[few], outputs[few]), self.coder.width)
        found = self.correct(wanted)
        mean = max(guessed + found.moved, 0.0)
        share = len(unknown) / n
        chance = found.variance + self.dependence * found.own / len(unknown)
        missed = self.misses.variance(found.shift)
        total = share * mean
        if losses is not None:
            total += float(np.nansum(losses)) / n
        reach = float(student.ppf((1 + confidence) / 2, max(found.freedom, FREEDOM)))
        error = share * np.hypot(np.sqrt(chance), mean * np.sqrt(missed))
        if total == 0:
            return 0.0, 0.0, float(reach * error)
        # Losses lie above 0 and have a long tail: the interval is that of a log-normal law.
        factor = float(np.exp(reach * np.sqrt(np.log1p((error / total) ** 2))))
        return total, total / factor, total * factor

    def guesses(self, frame: pd.DataFrame, outputs: Outputs) -> Floats:
        """Return the guess of each row that has no label, shape (n,)."""
        X = _numbers(self.encoder, frame, outputs)
        with threadpool_limits(1, user_api="openmp"):
            raw = np.mean([trees.predict(X) for trees in self.regressors], axis=0)
        guesses = self.level + self.slope * (raw - self.centre)
        beyond = np.flatnonzero((outputs < self.span[0]) | (outputs > self.span[1]))
        said = np.clip(outputs[beyond], -REACH, REACH)
        with np.errstate(over="ignore"):
            least = ROW_LOSSES[self.loss](np.clip(said, *self.span), said)
        guesses[beyond] = np.fmax(guesses[beyond], np.minimum(least, REACH))
        return np.asarray(guesses)


def _trees(seed: int) -> Any:
    return HistGradientBoostingRegressor(
        max_iter=50, max_leaf_nodes=15, l2_regularization=1.0, early_stopping=False,
        random_state=seed,
    )  # fmt: skip


def _encoder(schema: Schema) -> Any:
    known = [c.name for c in schema.features if c.kind == "number"]
    named = [c.name for c in schema.features if c.kind == "category"]
    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    )
    blocks = [("numbers", Finite(), known), ("categories", ordinal, named)]
    return ColumnTransformer([block for block in blocks if block[2]], sparse_threshold=0)


def _numbers(encoder: Any, frame: pd.DataFrame, outputs: Outputs) -> Floats:
    """Return the trees' columns: features, then the prediction; missing is the lowest value."""
    said = np.clip(outputs, -REACH, REACH)
    X = np.column_stack([encoder.transform(frame), said]) if encoder.transformers else said[:, None]
    return np.nan_to_num(X, nan=-REACH)


def _slope(guesses: Floats, losses: Floats) -> float:
    spread = float(guesses.var())
    if spread == 0:
        return 0.0
    shared = float(np.mean((guesses - guesses.mean()) * (losses - losses.mean())))
    return float(np.clip(shared / spread, 0.0, 1.0))
