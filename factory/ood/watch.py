"""A score fitted at training: what is known, and from where on a row is strange to the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from factory.detectors.joint import sample
from factory.nouns import Bools, Floats, Schema
from factory.ood import CODERS, SCORES
from factory.ood.config import OodConfig
from factory.ood.made import made_strange, moments
from factory.ood.measures import separation
from factory.ood.readings import Readings, encoded, has_layers, image_shape, read
from factory.ood.rebuild import Rebuilding
from factory.ood.scores import (
    centroid_score,
    class_means,
    energy_score,
    knn_score,
    mahalanobis_score,
    softmax_score,
    whiten,
)

ROWS = 5_000
"""Rows that are learnt from, and compared with, at most."""
KNOWN = 2_000
"""Rows that others' neighbours are looked for among, at most."""
FEWEST = 20
"""Rows of either kind below which nothing is learnt."""
NOTHING = np.zeros((0, 0))
PARTS = ("centroids", "whitening", "known")
NEEDS: Mapping[str, tuple[str, ...]] = {
    "centroid": ("centroids",),
    "mahalanobis": ("centroids", "whitening"),
    "knn": ("known",),
}
"""Which parts of what is learnt a score reads."""


@dataclass(frozen=True)
class Ood:
    """One fitted score of one model.

    It belongs to the model whose rows it was thresholded on: where the served one has learnt
    from them, that is its twin, which has not.

    Attributes:
        score: a name of ``factory.ood.SCORES``.
        threshold: the largest score of a row that counts as known.
        temperature: of the energy.
        neighbours: the distance to which counts.
        middle: what is taken from each feature, and stands in where one is missing, shape (d,).
        scale: what each feature is divided by, shape (d,).
        centroids: mean of each class, shape (k, d).
        whitening: of the covariance within classes, shape (d, r).
        known: rows that were learnt from, shape (m, d).
        separations: AUROC of each score, or loss and view, that was tried, on rows made strange.
        rebuilding: the autoencoder, where the score is one's.
        missing: why nothing could be fitted, in words.
    """

    score: str = ""
    threshold: float = float("inf")
    temperature: float = 1.0
    neighbours: int = 10
    middle: Floats = field(default_factory=lambda: np.zeros(0))
    scale: Floats = field(default_factory=lambda: np.zeros(0))
    centroids: Floats = field(default_factory=lambda: NOTHING)
    whitening: Floats = field(default_factory=lambda: NOTHING)
    known: Floats = field(default_factory=lambda: NOTHING)
    separations: Mapping[str, float] = field(default_factory=dict)
    rebuilding: Rebuilding | None = None
    missing: str = ""

    @classmethod
    def fit(
        cls,
        config: OodConfig,
        pipeline: Pipeline,
        schema: Schema,
        *,
        learnt: pd.DataFrame,
        held: pd.DataFrame,
        seed: int,
    ) -> Self:
        """Learn what is known, and the score that held-out rows stay below at the stated rate.

        With ``auto`` it is the score of largest AUROC between half of the held-out rows and the
        other half made strange (see ``factory.ood.made``).

        Args:
            config: which score, and the rate.
            pipeline: fitted.
            schema: its features, target and classes.
            learnt: labelled canonical rows that say what is known, at most 5,000 of which count.
            held: rows that the pipeline was not fitted on, likewise; the threshold is theirs.
            seed: of the rows drawn and of what is made.

        >>> from sklearn.linear_model import LogisticRegression
        >>> from factory.nouns import Column
        >>> rng = np.random.default_rng(0)
        >>> rows = pd.DataFrame({"a": rng.normal(size=400), "b": rng.normal(size=400)})
        >>> rows["y"] = np.where(rows["a"] > 0, "p", "n").astype(object)
        >>> columns = (Column("a", "number"), Column("b", "number"))
        >>> schema = Schema(columns, "y", "binary", classes=("n", "p"))
        >>> line = Pipeline([("model", LogisticRegression())])
        >>> line = line.fit(rows[["a", "b"]].to_numpy(), rows["y"])
        >>> found = Ood.fit(OodConfig(score="knn"), line, schema, learnt=rows, held=rows, seed=0)
        >>> found.strange(line, pd.DataFrame({"a": [0.0, 0.0], "b": [0.0, 9.0]})).tolist()
        [False, True]
        """
        if min(len(learnt), len(held)) < FEWEST:
            few = f"{len(learnt)} learnt and {len(held)} held-out rows are too few for ood."
            return cls(missing=few)
        if config.score in CODERS:
            return cls._coded(config, pipeline, schema, learnt, held, seed)
        rng = np.random.default_rng(seed)
        learnt, held = (rows.iloc[sample(len(rows), ROWS, rng)] for rows in (learnt, held))
        X = encoded(pipeline, learnt[list(schema.names)])
        readings = read(pipeline, X)
        names = [name for name in SCORES if _readable(name, readings)]
        if config.score != "auto":
            names = [name for name in names if name == config.score]
        if not names:
            lacks = (
                f"The model has no {SCORES[config.score]}, which ood.score {config.score} reads."
            )
            return cls(missing=lacks)
        plain = cls(temperature=config.temperature, neighbours=config.neighbours)
        if not has_layers(pipeline):
            plain = plain.measuring(readings.features)
        free = plain.knowing(readings.features, _codes(learnt, schema), rng)
        inside = encoded(pipeline, held[list(schema.names)])
        tried = _tried(free, names, pipeline, inside, rng)
        chosen = free.scoring(max(names, key=lambda name: tried[name]), tried)
        scores = chosen.of(read(pipeline, inside))
        limit = float(np.quantile(scores, config.true_positive_rate, method="higher"))
        return replace(chosen, threshold=limit)

    @classmethod
    def _coded(
        cls,
        config: OodConfig,
        pipeline: Pipeline,
        schema: Schema,
        learnt: pd.DataFrame,
        held: pd.DataFrame,
        seed: int,
    ) -> Self:
        if config.window > 1 and schema.timestamp is None:
            return cls(missing="ood.window needs data.timestamp, which orders the rows.")
        # The newest, since those that are seen together must follow each other.
        X, inside = (
            encoded(pipeline, one.iloc[-ROWS:][list(schema.names)]) for one in (learnt, held)
        )
        shape = image_shape(pipeline, X.shape[1]) if config.window == 1 else ()
        found, tried = Rebuilding.fit(config, X, inside, shape, seed)
        limit = np.quantile(found.scores(inside), config.true_positive_rate, method="higher")
        return cls(config.score, float(limit), rebuilding=found, separations=tried)

    @property
    def window(self) -> int:
        """How many rows in their order a row is seen with, itself included."""
        return self.rebuilding.window if self.rebuilding else 1

    def measuring(self, features: Floats) -> Self:
        """Return the same, measuring each column in its own spread: a table's have units."""
        middle, spread = moments(features)
        return replace(self, middle=middle, scale=np.where(spread > 0, spread, 1.0))

    def knowing(self, features: Floats, codes: NDArray[np.intp], rng: np.random.Generator) -> Self:
        """Return the same with all that any score needs, learnt from rows and their classes."""
        rows = self.scaled(features)
        known = rows[sample(len(rows), KNOWN, rng)]
        means, whitening = class_means(rows, codes), whiten(rows, codes)
        return replace(self, centroids=means, whitening=whitening, known=known)

    def scoring(self, score: str, separations: Mapping[str, float]) -> Self:
        """Return what one score needs, and no more."""
        kept = NEEDS.get(score, ())
        return replace(
            self,
            score=score,
            separations=separations,
            centroids=self.centroids if "centroids" in kept else NOTHING,
            whitening=self.whitening if "whitening" in kept else NOTHING,
            known=self.known if "known" in kept else NOTHING,
        )

    def scaled(self, features: Floats) -> Floats:
        """Return features as the scores compare them, shape (n, d)."""
        if len(self.middle) == 0:
            return features
        known = np.where(np.isnan(features), self.middle, features)
        return np.asarray((known - self.middle) / self.scale)

    def scores(self, pipeline: Pipeline, rows: pd.DataFrame) -> Floats:
        """Return how strange each row is, shape (n,); beyond ``threshold`` it is not known.

        Args:
            pipeline: the one it was fitted for.
            rows: canonical features.
        """
        if self.missing or len(rows) == 0:
            return np.full(len(rows), -np.inf)
        X = encoded(pipeline, rows)
        return self.rebuilding.scores(X) if self.rebuilding else self.of(read(pipeline, X))

    def strange(self, pipeline: Pipeline, rows: pd.DataFrame) -> Bools:
        """Mark the rows that are strange to the model, shape (n,); arguments as of ``scores``."""
        return np.asarray(self.scores(pipeline, rows) > self.threshold)

    def of(self, readings: Readings) -> Floats:
        """Return the score of what a model made of rows, shape (n,)."""
        rows = self.scaled(readings.features)
        found: Floats
        match self.score:
            case "softmax":
                found = softmax_score(_told(readings.probabilities))
            case "energy":
                found = energy_score(_told(readings.logits), self.temperature)
            case "centroid":
                found = centroid_score(rows, self.centroids)
            case "mahalanobis":
                found = mahalanobis_score(rows, self.centroids, self.whitening)
            case _:
                found = knn_score(rows, self.known, self.neighbours)
        # What a model cannot compute is stranger than anything that it can.
        return np.where(np.isnan(found), np.inf, found)

    def to_values(self) -> dict[str, Any]:
        """Return arrays and plain values, to be kept with the version."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**values, "rebuilding": self.rebuilding and self.rebuilding.to_values()}

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_values`` was called on."""
        kept = values["rebuilding"]
        return cls(**{**values, "rebuilding": kept and Rebuilding.of_values(kept)})


def _tried(
    free: Ood,
    names: Sequence[str],
    pipeline: Pipeline,
    inside: Floats,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return the AUROC of scores between one half of rows and the other made strange."""
    order = rng.permutation(len(inside))
    half = len(inside) // 2
    known = read(pipeline, inside[order[:half]])
    strange = read(pipeline, made_strange(inside[order[half:]], rng))
    scorers = [replace(free, score=name) for name in names]
    found = [separation(one.of(known), one.of(strange)).auroc for one in scorers]
    return dict(zip(names, found, strict=True))


def _readable(name: str, readings: Readings) -> bool:
    return getattr(readings, SCORES[name]) is not None


def _told(part: Floats | None) -> Floats:
    assert part is not None  # noqa: S101 - a score is only fitted where its part is there
    return part


def _codes(rows: pd.DataFrame, schema: Schema) -> NDArray[np.intp]:
    if schema.task == "regression":
        return np.zeros(len(rows), dtype=np.intp)
    return pd.factorize(rows[schema.target])[0]
