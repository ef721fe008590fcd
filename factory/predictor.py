"""The performance predictor: a second opinion, learnt from rows that were broken on purpose.

Estimates from confidence and from losses hold while the features moved within what the champion
knows. Broken features lead it where it is sure and wrong. So held-out rows are broken in many
ways, the metric is measured on each batch of them, and a forest learns it from the distribution
of the champion's outputs alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import KFold

from factory.corruptions import corrupt
from factory.metrics import SMALLEST, Metric
from factory.nouns import Estimate, Floats, Outputs, Schema

QUANTILES = np.linspace(0, 1, 21)
ROWS = 200
"""Rows of a batch."""
SOUND = 4
"""One batch in so many is left as it is."""
FEWEST = 100
"""Held-out rows below which nothing is learnt."""
FEWEST_BATCHES = 20
"""Batches with a defined metric below which nothing is learnt."""
FOLDS = 5
TREES = 100
Say = Callable[[pd.DataFrame], Outputs]


@dataclass(frozen=True)
class PerformancePredictor:
    """A forest from quantiles of a champion's outputs to its metric.

    Attributes:
        forest: fitted on all batches.
        errors: metric less what forests said that did not know the batch, increasing.
        logarithm: whether both are of the metric's logarithm: an error has no bound above.
    """

    forest: Any
    errors: Floats
    logarithm: bool

    @classmethod
    def fit(
        cls,
        metric: Metric,
        schema: Schema,
        frame: pd.DataFrame,
        say: Say,
        *,
        batches: int,
        seed: int,
    ) -> Self | None:
        """Learn from labelled rows the champion was not trained on.

        Args:
            metric: the champion's.
            schema: features that may break.
            frame: canonical labelled rows; 200 are drawn for each batch.
            say: the champion's outputs on rows; called once, on all batches together.
            batches: how many to make.
            seed: of rows, corruptions and forests.

        Returns:
            None below 100 rows or 20 batches on which the metric is defined.

        Source:
            Schelter, Rukat and Biessmann, Learning to validate the predictions of black box
            classifiers on unseen data (2020).

        >>> from factory.nouns import Column
        >>> schema = Schema((Column("a", "number"),), "y", "regression")
        >>> frame = pd.DataFrame({"a": np.arange(300.0), "y": np.arange(300.0)})
        >>> metric = Metric("mean_absolute_error", False, "regression", ())
        >>> def say(rows):
        ...     return rows["a"].fillna(0).to_numpy()
        >>> found = PerformancePredictor.fit(metric, schema, frame, say, batches=60, seed=0)
        >>> sound = found.predict(say(frame), confidence=0.9)
        >>> sound.value < 1 < found.predict(say(frame) * 10, confidence=0.9).value
        True
        """
        if len(frame) < FEWEST or batches < FEWEST_BATCHES:
            return None
        rng = np.random.default_rng(seed)
        made = []
        for number in range(batches):
            rows = frame.iloc[rng.integers(len(frame), size=ROWS)].reset_index(drop=True)
            made.append(corrupt(rows, schema.features, rng) if number % SOUND else rows)
        together = pd.concat(made, ignore_index=True)
        outputs, truth = say(together), together[schema.target].to_numpy()
        parts = [slice(start, start + ROWS) for start in range(0, len(together), ROWS)]
        values = np.array([metric.value(truth[part], outputs[part]) for part in parts])
        X = np.stack([_quantiles(outputs[part]) for part in parts])
        logarithm = not metric.greater_is_better
        if logarithm:
            values = np.log(np.maximum(values, SMALLEST))
        defined = np.isfinite(values) & np.isfinite(X).all(axis=1)
        if defined.sum() < FEWEST_BATCHES:
            return None
        return cls._of(X[defined], values[defined], logarithm, seed)

    @classmethod
    def _of(cls, X: Floats, values: Floats, logarithm: bool, seed: int) -> Self:
        errors = np.empty(len(values))
        for fitted, held in KFold(FOLDS, shuffle=True, random_state=seed).split(X):
            forest = _forest(seed).fit(X[fitted], values[fitted])
            errors[held] = values[held] - forest.predict(X[held])
        return cls(_forest(seed).fit(X, values), np.sort(errors), logarithm)

    def predict(self, outputs: Outputs, *, confidence: float) -> Estimate | None:
        """Predict the metric from a champion's outputs on rows.

        The interval is that of the errors on batches which the forest did not know.

        Args:
            outputs: shape (n,) or (n, k).
            confidence: two-sided.

        Returns:
            None for outputs that are not finite, and where there are none.
        """
        if len(outputs) == 0 or not np.isfinite(outputs).all():
            return None
        value = float(self.forest.predict(_quantiles(outputs)[None])[0])
        tails = np.quantile(self.errors, ((1 - confidence) / 2, (1 + confidence) / 2))
        low, high = value + min(float(tails[0]), 0.0), value + max(float(tails[1]), 0.0)
        if self.logarithm:
            value, low, high = (float(np.exp(each)) for each in (value, low, high))
        return Estimate(value, low, high, len(outputs))


def _quantiles(outputs: Outputs) -> Floats:
    return np.asarray(np.quantile(outputs, QUANTILES, axis=0)).ravel(order="F")


def _forest(seed: int) -> Any:
    return RandomForestRegressor(TREES, min_samples_leaf=2, max_features=1 / 3, random_state=seed)
