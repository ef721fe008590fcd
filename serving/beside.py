"""What is measured beside the predictions, off the path of requests.

Outliers are rows out of place in the reference, strange rows (``ood``) those that the model itself
does not know; live drift is that of the newest rows.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from factory.bundle import Bundle
from factory.config import ModelConfig, parse_config
from factory.detectors.features import signals
from factory.detectors.ks import ks
from factory.nouns import Bools, Floats, Outputs
from factory.outliers import Outliers
from factory.profile import Numbers, Profile
from registry.home import Home
from registry.inference.columns import features_of, outputs_of
from registry.ledger import Ledger
from registry.models import Models

ROWS = 2_000
"""Newest rows of a version that live figures are of."""
FEWEST = 200
"""New rows after which drift is measured anew."""
Figures = Mapping[str, float]


@dataclass(frozen=True)
class Watched:
    """A version and what its rows are held against."""

    bundle: Bundle
    config: ModelConfig
    outliers: Outliers | None


@dataclass
class Recent:
    """The newest rows that one version answered.

    Attributes:
        version: that answered.
        rows: canonical features.
        outputs: what it said of them.
        scores: how far out they are.
        strange: which of them are strange to the model.
        fresh: rows since drift was measured last.
    """

    version: int
    rows: pd.DataFrame
    outputs: Outputs
    scores: Floats
    strange: Bools
    fresh: int


class Beside:
    """Scores rows on their way into the log, and keeps figures of the newest.

    Args:
        load: returns a version's bundle.
    """

    def __init__(self, load: Callable[[str, int], Bundle]) -> None:
        self._load = load
        self._known: dict[tuple[str, int], Watched] = {}
        self._recent: dict[str, Recent] = {}
        self._figures: dict[str, dict[str, float]] = {}
        self._lock = threading.Lock()

    def __call__(self, model: str, version: int, rows: Any) -> dict[str, Any]:
        """Return columns of the log, see ``Watch``.

        They are ``outlier_score`` and ``outlier``, and where the version has a score of its own
        ``ood_score`` and ``ood``.
        """
        watched = self.watched(model, version)
        schema = watched.bundle.schema
        features = features_of(rows, schema.features).reindex(columns=list(schema.names))
        scores = np.zeros(len(features))
        found: dict[str, Any] = {}
        if watched.outliers is not None:
            scores = watched.outliers.scores(features)
            found |= {"outlier_score": pa.array(scores), "outlier": pa.array(scores >= 1)}
        strangeness = self._strangeness(model, version, watched.bundle, features)
        if strangeness is not None:
            found |= {"ood_score": pa.array(strangeness[0]), "ood": pa.array(strangeness[1])}
        if rows.column("role")[0].as_py() != "shadow":
            with self._lock:
                said = outputs_of(rows, schema)
                known = np.zeros(len(features), dtype=bool)
                strange = known if strangeness is None else strangeness[1]
                self._follow(model, version, watched, (features, said, scores, strange))
        return found

    def _strangeness(
        self, model: str, version: int, bundle: Bundle, features: pd.DataFrame
    ) -> tuple[Floats, Bools] | None:
        """Return how strange rows are, those that came right before them in sight if need be."""
        earlier, recent = 0, self._recent.get(model)
        if bundle.ood is not None and recent is not None and recent.version == version:
            before = recent.rows.tail(bundle.ood.window - 1)
            earlier = len(before)
            features = pd.concat([before, features]) if earlier else features
        found = bundle.strangeness(features)
        return None if found is None else (found[0][earlier:], found[1][earlier:])

    def watched(self, model: str, version: int) -> Watched:
        """Return a version with what its rows are held against, learnt once."""
        found = self._known.get((model, version))
        if found is None:
            bundle = self._load(model, version)
            config = parse_config(bundle.config, source=model)
            learnt = Outliers.fit(
                bundle.reference, bundle.schema, rate=config.log.outliers, seed=config.seed
            )
            found = self._known[model, version] = Watched(bundle, config, learnt)
        return found

    def keep_days(self, model: str) -> int | None:
        """Return how long a model's log is kept, as the version says that answered last."""
        recent = self._recent.get(model)
        return None if recent is None else self.watched(model, recent.version).config.log.keep_days

    def figures(self) -> dict[str, Figures]:
        """Return figures of each model's newest rows, for gauges.

        ``outliers`` is the share of them that is out of place, ``ood`` of those that are strange
        to the model; ``shift:live_features`` and
        ``shift:live_predictions`` are the largest effects of the configured detectors on the
        features, and of the Kolmogorov-Smirnov test on what was said, each on [0, 1].
        """
        with self._lock:
            return {model: dict(told) for model, told in self._figures.items()}

    def _follow(
        self,
        model: str,
        version: int,
        watched: Watched,
        new: tuple[pd.DataFrame, Outputs, Floats, Bools],
    ) -> None:
        features, outputs, scores, strange = new
        recent = self._recent.get(model)
        fresh = len(features)
        if recent is not None and recent.version == version:
            features = pd.concat([recent.rows, features], ignore_index=True)
            outputs = np.concatenate([recent.outputs, outputs])
            scores = np.concatenate([recent.scores, scores])
            strange = np.concatenate([recent.strange, strange])
            fresh += recent.fresh
        features = features.tail(ROWS).reset_index(drop=True)
        outputs, scores, strange = outputs[-ROWS:], scores[-ROWS:], strange[-ROWS:]
        told = self._figures.setdefault(model, {})
        if watched.outliers is not None:
            told["outliers"] = float((scores >= 1).mean())
        if watched.bundle.ood is not None:
            told["ood"] = float(strange.mean())
        if fresh >= FEWEST:
            told |= _drift(watched, features, outputs)
            fresh = 0
        self._recent[model] = Recent(version, features, outputs, scores, strange, fresh)


def opened_beside(home: Home) -> Beside:
    """Return what watches the log of a home, for the process that commits."""
    return Beside(Models(home, Ledger(home.ledger_url)).load)


def _drift(watched: Watched, features: pd.DataFrame, outputs: Outputs) -> dict[str, float]:
    bundle = watched.bundle
    profile = Profile.of(features, bundle.schema)
    found = signals(
        bundle.profile, profile, bundle.schema, watched.config.check, bundle.budget,
        bundle.neutralised,
    )  # fmt: skip
    before, now = (o.reshape(len(o), -1) for o in (bundle.reference_outputs, outputs))
    moved = [
        ks(Numbers.of(before[:, place]), Numbers.of(now[:, place])).effect
        for place in range(before.shape[1])
    ]
    return {
        "shift:live_features": max((float(signal.effect) for signal in found), default=0.0),
        "shift:live_predictions": float(max(moved)),
    }
