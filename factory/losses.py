"""The loss model: how large a regression's errors will be, learnt from held-out rows."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits

from factory.calibrate import dependence
from factory.nouns import Floats, Outputs, Schema
from factory.transformers import REACH, Finite

FOLDS = 3
STRATA = 20
FEWEST = 20
"""Rows that a stratum needs."""
ROWS = 20_000
"""Rows that are learnt from at most."""


@dataclass(frozen=True)
class LossModel:
    """The expected loss of a row, given its features and what the champion says of it.

    Small boosted trees guess the loss. How far their guesses may be trusted is measured on rows
    they were not fitted on: ``slope`` shrinks them towards the mean loss, and the spread of what
    they leave unexplained is kept per stratum of rows with like guesses.

    Attributes:
        loss: the metric whose row loss it is, a name in ``factory.scorers.ROW_LOSSES``.
        encoder: from canonical features to numbers; dates are left out, for they always move.
        regressor: the trees.
        slope: between 0 (guesses are worthless) and 1.
        centre: mean guess on the rows learnt from.
        level: mean loss on them.
        edges: guesses that part the strata, shape (strata - 1,).
        counts: rows of each stratum, shape (strata,).
        variances: of the unexplained loss in each stratum, shape (strata,).
        dependence: see ``factory.calibrate.dependence``.
    """

    loss: str
    encoder: Any
    regressor: Any
    slope: float
    centre: float
    level: float
    edges: Floats
    counts: Floats
    variances: Floats
    dependence: float

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
            seed: of the sample, the folds and the trees.
        """
        rng = np.random.default_rng(seed)
        if len(losses) > ROWS:
            kept = np.sort(rng.choice(len(losses), size=ROWS, replace=False))
            frame, outputs, losses = frame.iloc[kept], outputs[kept], losses[kept]
        encoder = _encoder(schema).fit(frame)
        X = _numbers(encoder, frame, outputs)
        ordered = schema.timestamp is not None
        folds = KFold(FOLDS, shuffle=not ordered, random_state=None if ordered else seed)
        guesses = np.empty(len(losses))
        with threadpool_limits(1, user_api="openmp"):
            for fitted, held in folds.split(X):
                guesses[held] = _trees(seed).fit(X[fitted], losses[fitted]).predict(X[held])
            regressor = _trees(seed).fit(X, losses)
            final = regressor.predict(X)
        slope, level = _slope(guesses, losses), float(losses.mean())
        residuals = losses - level - slope * (guesses - guesses.mean())
        strata = max(1, min(STRATA, len(losses) // FEWEST))
        edges = np.unique(np.quantile(final, np.arange(1, strata) / strata))
        where = np.searchsorted(edges, final)
        counts = np.bincount(where, minlength=len(edges) + 1).astype(np.float64)
        squares = np.bincount(where, residuals**2, minlength=len(edges) + 1)
        # An empty stratum, which ties may leave, is as uncertain as the rows together.
        variances = np.where(counts > 0, squares / np.maximum(counts, 1), residuals.var())
        return cls(
            loss=loss,
            encoder=encoder,
            regressor=regressor,
            slope=slope,
            centre=float(final.mean()),
            level=level,
            edges=edges,
            counts=np.maximum(counts, 1.0),
            variances=variances,
            dependence=dependence(residuals) if ordered else 1.0,
        )

    def expected(self, frame: pd.DataFrame, outputs: Outputs) -> tuple[float, float, float]:
        """Return the mean expected loss of rows, and two variances of their realised mean.

        The first is due to the rows the model was learnt from: it is large where the window
        crowds into strata that few of them were in. The second is due to the window's own rows.
        """
        X = _numbers(self.encoder, frame, outputs)
        with threadpool_limits(1, user_api="openmp"):
            guesses = self.regressor.predict(X)
        moved = float(guesses.mean()) - self.centre
        where = np.searchsorted(self.edges, guesses)
        shares = np.bincount(where, minlength=len(self.counts)) / len(guesses)
        learnt = float(np.sum(shares**2 * self.variances / self.counts)) * self.dependence
        # How much of a move is shrunk away is as unsure as it is large.
        learnt += ((1 - self.slope) * moved) ** 2
        own = float(np.sum(shares * self.variances)) * self.dependence
        return max(self.level + self.slope * moved, 0.0), learnt, own


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
