"""alibi-detect's detectors of all features together, by name: ``alibi:MMDDrift`` and its like.

Statistic and p-value are alibi-detect's; a p-value of permutations counts the rows as they are as
one of them, so that it is never 0. The features are encoded as for our own detectors, but for
``TabularDrift``, which reads them one by one. At most 2,000 rows of either side are drawn.
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu
from sklearn.ensemble import HistGradientBoostingClassifier

from factory.detectors.alibi import alibi
from factory.detectors.finding import NOTHING, Finding
from factory.detectors.joint import encode, sample
from factory.detectors.mmd import discrepancies, width
from factory.nouns import Column, Floats, Schema

ROWS, FEWEST = 2_000, 40
"""Rows of either side: drawn at most, and needed."""
PERMUTATIONS = 199
FOLDS = 2
"""Parts of the rows, each judged by a classifier of the others."""
CHANCE, TOLD = 0.05, 5
"""P-value, for all features together, below which a feature tells, and how many are named."""


@dataclass(frozen=True)
class Tabular:
    """What ``TabularDrift`` found.

    Attributes:
        statistic: of the feature that is surest.
        p_value: of all features, by Bonferroni.
        effect: of that feature: the Kolmogorov-Smirnov or the total variation distance.
        tells: features that would alarm alone, the surest first.
    """

    statistic: float
    p_value: float
    effect: float
    tells: tuple[str, ...] = ()


def tabular_drift(
    reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, seed: int
) -> Tabular:
    """Test every feature by Kolmogorov-Smirnov or chi-squared, with Bonferroni's correction.

    Missing categories are a category of their own; numbers that are missing or infinite are put at
    the reference's median.

    Args:
        reference: canonical rows.
        window: canonical rows.
        schema: features to look at.
        seed: of the rows drawn.

    Source:
        Van Looveren et al., Alibi Detect (2019).

    >>> frame = pd.DataFrame({"a": [1.0, 2.0]})
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> tabular_drift(frame, frame, schema, seed=0).p_value
    1.0
    """
    columns = [column for column in schema.features if column.kind != "date"]
    if not columns or min(len(reference), len(window)) < FEWEST:
        return Tabular(*NOTHING)
    pair = _drawn(reference, window, seed)
    values = [_values(column, *pair) for column in columns]
    before, now = (np.column_stack(side) for side in zip(*values, strict=True))
    named = [i for i, column in enumerate(columns) if column.kind == "category"]
    # A category that is alone has no test; alibi-detect's would divide by nothing.
    told = {i: None for i in named if len(np.union1d(before[:, i], now[:, i])) > 1}
    detector = alibi("TabularDrift")(before, categories_per_feature=told)
    found = detector.predict(now)["data"]
    p_values = np.minimum(1.0, found["p_val"] * len(columns))
    surest = np.argsort(p_values, kind="stable")
    tells = [columns[i].name for i in surest if p_values[i] < CHANCE]
    best = int(surest[0])
    statistic = effect = float(found["distance"][best])
    if best in told:
        effect = _variation(before[:, best], now[:, best])
    return Tabular(statistic, float(p_values[best]), effect, tuple(tells[:TOLD]))


def mmd_drift(reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, seed: int) -> Finding:
    """Compare by ``MMDDrift``: the maximum mean discrepancy, with 199 permutations.

    The effect is that of our ``mmd``: the root of the discrepancy's share of the means' lengths.

    Args:
        reference: canonical rows.
        window: canonical rows.
        schema: features to look at.
        seed: of the rows drawn and of the permutations.

    Source:
        Gretton, Borgwardt, Rasch, Schölkopf and Smola, A kernel two-sample test (2012).

    >>> frame = pd.DataFrame({"a": [1.0, 2.0]})
    >>> mmd_drift(frame, frame, Schema((Column("a", "number"),), "y", "regression"), seed=0)
    Finding(statistic=0.0, p_value=1.0, effect=0.0)
    """
    return _permuted("MMDDrift", reference, window, schema, seed)


def lsdd_drift(reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, seed: int) -> Finding:
    """Compare by ``LSDDDrift``: the least-squares density difference, with 199 permutations.

    The effect is that of our ``mmd`` on the same rows, because the difference of densities has no
    scale of its own.

    Args:
        reference: canonical rows.
        window: canonical rows.
        schema: features to look at.
        seed: of the rows drawn and of the permutations.

    Source:
        Bu, Alippi and Zhao, A pdf-free change detection test based on density difference
        estimation (2018).

    >>> frame = pd.DataFrame({"a": [1.0, 2.0]})
    >>> lsdd_drift(frame, frame, Schema((Column("a", "number"),), "y", "regression"), seed=0)
    Finding(statistic=0.0, p_value=1.0, effect=0.0)
    """
    return _permuted("LSDDDrift", reference, window, schema, seed)


def learned_kernel_drift(
    reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, seed: int
) -> Finding:
    """Compare by ``LearnedKernelDrift``: a discrepancy whose kernel is learnt on half the rows.

    The kernel looks at 16 features of a small network. The effect is that of our ``mmd`` on the
    same rows.

    Args:
        reference: canonical rows.
        window: canonical rows.
        schema: features to look at.
        seed: of the rows drawn, the network and the permutations.

    Source:
        Liu, Xu, Lu, Zhang, Gretton and Sutherland, Learning deep kernels for non-parametric
        two-sample tests (2020).

    >>> frame, schema = pd.DataFrame({"a": [1.0]}), Schema((Column("a", "number"),), "y", "binary")
    >>> learned_kernel_drift(frame, frame, schema, seed=0)
    Finding(statistic=0.0, p_value=1.0, effect=0.0)
    """
    return _permuted("LearnedKernelDrift", reference, window, schema, seed)


def classifier_drift(
    reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, seed: int
) -> Finding:
    """Compare by ``ClassifierDrift``: boosted trees, each judging the half it was not fitted on.

    The statistic is the Kolmogorov-Smirnov distance of what they say of the two sides; the effect
    is twice the area under the ROC curve less one, as of our domain classifier.

    Args:
        reference: canonical rows.
        window: canonical rows.
        schema: features to look at.
        seed: of the rows drawn, the folds and the trees.

    Source:
        Lopez-Paz and Oquab, Revisiting classifier two-sample tests (2017).

    >>> frame = pd.DataFrame({"a": [1.0, 2.0]})
    >>> classifier_drift(frame, frame, Schema((Column("a", "number"),), "y", "binary"), seed=0)
    Finding(statistic=0.0, p_value=1.0, effect=0.0)
    """
    trees = HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=8, random_state=seed)
    # Both are given by default, and then it warns that one of them goes unused.
    options = {"backend": "sklearn", "train_size": None, "n_folds": FOLDS, "seed": seed}
    return _judged("ClassifierDrift", (trees,), options, (reference, window, schema, seed))


def spot_the_diff_drift(
    reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, seed: int
) -> Finding:
    """Compare by ``SpotTheDiffDrift``: a classifier that looks from one learnt location.

    Statistic and effect are those of ``classifier_drift``, on the quarter of the rows that it was
    not fitted on.

    Args:
        reference: canonical rows.
        window: canonical rows.
        schema: features to look at.
        seed: of the rows drawn, the split and the classifier.

    Source:
        Jitkrittum, Szabó, Chwialkowski and Gretton, Interpretable distribution features with
        maximum testing power (2016).

    >>> frame = pd.DataFrame({"a": [1.0, 2.0]})
    >>> spot_the_diff_drift(frame, frame, Schema((Column("a", "number"),), "y", "binary"), seed=0)
    Finding(statistic=0.0, p_value=1.0, effect=0.0)
    """
    options = {"backend": "tensorflow", "seed": seed}
    return _judged("SpotTheDiffDrift", (), options, (reference, window, schema, seed))


def _permuted(
    name: str, reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, seed: int
) -> Finding:
    if min(len(reference), len(window)) < FEWEST:
        return NOTHING
    before, now = encode(*_drawn(reference, window, seed), schema)
    if before.shape[1] == 0:
        return NOTHING
    kind, options = alibi(name), {"backend": "tensorflow", "n_permutations": PERMUTATIONS}
    with _seeded(seed):
        kernel = (_kernel(before.shape[1]),) if name == "LearnedKernelDrift" else ()
        narrow = (side.astype(np.float32) for side in (before, now))
        found = kind(next(narrow), *kernel, **options).predict(next(narrow))["data"]
    p_value = (1 + float(found["p_val"]) * PERMUTATIONS) / (1 + PERMUTATIONS)
    return Finding(float(found["distance"]), p_value, _apart(before, now, seed))


def _judged(
    name: str,
    given: tuple[Any, ...],
    options: Mapping[str, Any],
    asked: tuple[pd.DataFrame, pd.DataFrame, Schema, int],
) -> Finding:
    reference, window, schema, seed = asked
    if min(len(reference), len(window)) < FEWEST:
        return NOTHING
    before, now = encode(*_drawn(reference, window, seed), schema)
    if before.shape[1] == 0:
        return NOTHING
    kind = alibi(name)
    with _seeded(seed):
        narrow = (side.astype(np.float32) for side in (before, now))
        found = kind(next(narrow), *given, **options).predict(next(narrow))["data"]
    then, here = found["probs_ref"], found["probs_test"]
    auc = float(mannwhitneyu(here, then).statistic) / (len(here) * len(then))
    return Finding(float(found["distance"]), float(found["p_val"]), max(0.0, 2 * auc - 1))


def _drawn(
    reference: pd.DataFrame, window: pd.DataFrame, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    before, now = (f.iloc[sample(len(f), ROWS, rng)] for f in (reference, window))
    return before, now


def _values(column: Column, before: pd.DataFrame, now: pd.DataFrame) -> tuple[Floats, Floats]:
    sides = before[column.name], now[column.name]
    if column.kind == "category":
        codes = pd.factorize(pd.concat(sides))[0].astype(np.float64)
        return codes[: len(before)], codes[len(before) :]
    first, second = (side.to_numpy(dtype=np.float64) for side in sides)
    known = first[np.isfinite(first)]
    middle = float(np.median(known)) if len(known) else 0.0
    return np.where(np.isfinite(first), first, middle), np.where(
        np.isfinite(second), second, middle
    )


def _variation(before: Floats, now: Floats) -> float:
    shares = [(side[:, None] == np.union1d(before, now)).mean(axis=0) for side in (before, now)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _apart(before: Floats, now: Floats, seed: int) -> float:
    """Return the effect of our own discrepancy of the same rows."""
    both = np.concatenate((before, now))
    sides = np.repeat([1.0, 0.0], [len(before), len(now)])[:, None]
    squared, lengths = discrepancies(both, sides, width(both, np.random.default_rng(seed)))
    share = float(np.clip(squared[0] / lengths[0], 0.0, 1.0)) if lengths[0] > 0 else 0.0
    return float(np.sqrt(share))


def _kernel(columns: int) -> Any:
    keras = import_module("keras")
    layers = [keras.layers.Input((columns,)), keras.layers.Dense(16, activation="relu")]
    return import_module("alibi_detect.utils.tensorflow").DeepKernel(keras.Sequential(layers))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Set what alibi-detect draws from, and leave Python's and numpy's as they were."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - it has no other door
    import_module("keras").utils.set_random_seed(seed % 2**32)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002 - as above
