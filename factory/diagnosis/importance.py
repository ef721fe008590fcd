"""What each feature is worth to a champion, told in three ways that answer three questions.

*Permutation*: what it costs to lose the feature, on rows that were held out. *Impurity*: what
splits on it gained in training. *Shapley*: how far it moves the predictions. Each is told of the
schema's features: whatever a feature was encoded into counts together.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.detectors.joint import sample
from factory.diagnosis.encoded import Encoded
from factory.diagnosis.shapley import linear_values, sampled_values
from factory.diagnosis.trees import affordable, impurity
from factory.metrics import Metric
from factory.nouns import Floats, Outputs, Schema

PERMUTATIONS, PERMUTED = 3, 2_000
"""Shuffles of a feature, and rows that they are of at most."""
ROWS, SAMPLED = 1_000, 100
"""Rows that are explained at most: by a closed form or trees, and by sampling."""
FEWEST = 50
"""Trees for which fewer rows are affordable are sampled like any other model."""
MANY = 50
"""Different values from which a feature is called one of many."""
VALUES: Mapping[str, str] = {"trees": "factory.diagnosis.tree_values:tree_values"}
"""What needs another library, imported where it is asked for and there."""
Kind = Literal["permutation", "impurity", "shapley"]


@dataclass(frozen=True)
class Importance:
    """One way to tell what features are worth.

    Attributes:
        kind: which.
        unit: what the values are.
        by_feature: the values; empty where the model has none of the kind.
        rows: held-out rows that they rest on; None where their number was not kept, 0 where
            training rows alone count.
        warnings: what one must not read into them.
    """

    kind: Kind
    unit: str
    by_feature: Mapping[str, float]
    rows: int | None
    warnings: tuple[str, ...] = ()


def importances(bundle: Bundle, seed: int) -> tuple[Importance, ...]:
    """Tell what features are worth to a champion in all three ways.

    Args:
        bundle: the champion; its own importance is the permutation's.
        seed: of the rows that are explained, and of what is sampled.

    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from factory.nouns import Column
    >>> rows = pd.DataFrame({"a": np.arange(9.0), "y": 2 * np.arange(9.0)})
    >>> bundle = Bundle(
    ...     schema=Schema((Column("a", "number"),), "y", "regression"),
    ...     pipeline=make_pipeline(Ridge()).fit(rows[["a"]], rows["y"]), family="linear",
    ...     params={}, metric="r2", reference=rows, reference_outputs=rows["y"].to_numpy(),
    ...     reference_score=1.0, importance={"a": 2.0}, neutral={}, seen=np.empty(0, np.uint64),
    ... )
    >>> [(found.kind, list(found.by_feature)) for found in importances(bundle, seed=0)]
    [('permutation', ['a']), ('impurity', []), ('shapley', ['a'])]
    """
    permuted = Importance(
        "permutation",
        f"relative loss of {bundle.metric} without the feature",
        dict(bundle.importance),
        None,
        ("Features that say the same stand in for each other, and seem to be worth less.",),
    )
    return permuted, split_importance(bundle), shapley_importance(bundle, seed)


def permutation_importance(
    outputs: Callable[[pd.DataFrame], Outputs],
    schema: Schema,
    metric: Metric,
    rows: pd.DataFrame,
    seed: int,
) -> dict[str, float]:
    """Return per feature the relative loss of the metric when its values are shuffled.

    At most 2,000 rows are used, drawn by seed. The loss is a mean over 3
    shuffles, and 0 where the metric is undefined on the rows.

    Args:
        outputs: what the champion says of rows.
        schema: its features.
        metric: what it is judged by.
        rows: canonical labelled rows that it was not trained on.
        seed: of the shuffles.

    Source:
        Fisher, Rudin and Dominici, All Models are Wrong, but Many are Useful (2019).

    >>> from factory.nouns import Column
    >>> schema = Schema((Column("a", "number"), Column("b", "number")), "y", "regression")
    >>> rows = pd.DataFrame({"a": np.arange(9.0), "b": 0.0, "y": np.arange(9.0) + 1})
    >>> metric = Metric("mean_absolute_error", False, "regression", ())
    >>> found = permutation_importance(lambda f: f["a"].to_numpy(), schema, metric, rows, 0)
    >>> found["a"] > 1, found["b"] == 0
    (True, True)
    """
    rng = np.random.default_rng(seed)
    rows = rows.iloc[sample(len(rows), PERMUTED, rng)].reset_index(drop=True)
    truth = rows[schema.target].to_numpy()
    whole = metric.value(truth, outputs(rows))
    orders = [rng.permutation(len(rows)) for _ in range(PERMUTATIONS)]
    losses = {}
    for name in schema.names:
        values = rows[name].to_numpy()
        shuffled = [outputs(rows.assign(**{name: values[order]})) for order in orders]
        gains = [metric.gain(whole, metric.value(truth, said)) for said in shuffled]
        losses[name] = float(np.nan_to_num(-np.mean(gains), nan=0.0))
    return losses


def split_importance(bundle: Bundle) -> Importance:
    """Return each feature's share of what a champion's splits gained in training."""
    encoded = Encoded.of(bundle.pipeline, bundle.schema.names)
    unit, found = "share of what all splits gained", None
    if encoded is not None:
        found = impurity(encoded.estimator)
    if encoded is None or found is None:
        return Importance("impurity", unit, {}, 0, ("The model has no trees that tell.",))
    warnings = [
        "Told from training rows alone: what was learnt by heart counts as well.",
        "Favours features with many different values, which offer more places to split.",
    ]
    distinct = {name: bundle.reference[name].nunique() for name in bundle.schema.names}
    many = [name for name, count in distinct.items() if count >= MANY]
    if 0 < len(many) < len(distinct):
        named = ", ".join(sorted(many, key=lambda name: -distinct[name])[:5])
        warnings.append(f"Of many values here: {named}.")
    return Importance("impurity", unit, _named(encoded.together(found), encoded), 0, (*warnings,))


def shapley_importance(bundle: Bundle, seed: int) -> Importance:
    """Return the mean size of each feature's part in a champion's predictions.

    Exact for linear models, and for trees where shap is installed; sampled for others. Of more
    than two classes it is the mean over classes.

    Args:
        bundle: the champion; its reference's rows are explained.
        seed: of the rows, and of what is sampled.
    """
    rng = np.random.default_rng(seed)
    rows = bundle.reference.iloc[sample(len(bundle.reference), ROWS, rng)]
    encoded = Encoded.of(bundle.pipeline, bundle.schema.names)
    if encoded is not None:
        X = encoded.columns(rows)
        found = linear_values(encoded.estimator, X)
        if found is not None:
            unit = "of the score" if bundle.schema.classes else f"of {bundle.schema.target}"
            return _sizes(encoded.together(found.transpose(0, 2, 1)), encoded, unit)
        most = affordable(encoded.estimator) or 0
        if most >= FEWEST and find_spec("shap") is not None:
            X = X[:most] if most < len(X) else X
            found = _load("trees")(encoded.estimator, X)
            unit = "of the trees' score" if bundle.schema.classes else f"of {bundle.schema.target}"
            return _sizes(encoded.together(found.transpose(0, 2, 1)), encoded, unit)
    return _by_chance(bundle, rows, encoded, rng, seed)


def _by_chance(
    bundle: Bundle,
    rows: pd.DataFrame,
    encoded: Encoded | None,
    rng: np.random.Generator,
    seed: int,
) -> Importance:
    few = rows.iloc[sample(len(rows), SAMPLED, rng)]
    found = sampled_values(bundle, few, rows, seed)
    unit = "of the probability" if bundle.schema.classes else f"of {bundle.schema.target}"
    warnings = ["Sampled: small values are overestimated, and their order is chance."]
    if encoded is not None and affordable(encoded.estimator) and find_spec("shap") is None:
        warnings.append("For exact values of trees: pip install 'drift-factory[explain]'")
    sizes = np.abs(found).mean(axis=(0, 2))
    values = dict(zip(bundle.schema.names, map(float, sizes), strict=True))
    return Importance("shapley", f"mean size of its part {unit}", values, len(few), (*warnings,))


def _sizes(values: Floats, encoded: Encoded, unit: str) -> Importance:
    """Return mean sizes of values of shape (n, outputs, features)."""
    sizes = np.abs(values).mean(axis=(0, 1))
    return Importance(
        "shapley",
        f"mean size of its part {unit}",
        _named(sizes, encoded),
        len(values),
        ("Says what moves the predictions, not what makes them right.",),
    )


def _named(values: Floats, encoded: Encoded) -> dict[str, float]:
    return dict(zip(encoded.features, map(float, values), strict=True))


def _load(name: str) -> Any:
    module, _, attribute = VALUES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
