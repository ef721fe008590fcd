"""alibi-detect's detectors of all features together, by name: ``alibi:MMDDrift`` and its like.

Statistic and p-value are alibi-detect's; a p-value of permutations counts the rows as they are as
one of them, so that it is never 0. The features are encoded as for our own detectors; at most
2,000 rows of either side are drawn. ``TabularDrift`` has a module of its own, ``alibi_tabular``.
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from factory.nouns import Floats, Schema

ROWS, FEWEST = 2_000, 40
"""Rows of either side: drawn at most, and needed."""
PERMUTATIONS = 199
FOLDS = 2
"""Parts of the rows, each judged by a classifier of the others."""


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

    >>> from factory.nouns import Column
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

    >>> from factory.nouns import Column
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

    >>> from factory.nouns import Column
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

    >>> from factory.nouns import Column
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

    >>> from factory.nouns import Column
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
    before, now = encode(*drawn(reference, window, seed), schema)
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
    before, now = encode(*drawn(reference, window, seed), schema)
    if before.shape[1] == 0:
        return NOTHING
    kind = alibi(name)
    with _seeded(seed):
        narrow = (side.astype(np.float32) for side in (before, now))
        found = kind(next(narrow), *given, **options).predict(next(narrow))["data"]
    then, here = found["probs_ref"], found["probs_test"]
    auc = float(mannwhitneyu(here, then).statistic) / (len(here) * len(then))
    return Finding(float(found["distance"]), float(found["p_val"]), max(0.0, 2 * auc - 1))


def drawn(
    reference: pd.DataFrame, window: pd.DataFrame, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return at most ``ROWS`` rows of either side, in order.

    >>> frame = pd.DataFrame({"a": [1.0, 2.0]})
    >>> [len(side) for side in drawn(frame, frame[:1], seed=0)]
    [2, 1]
    """
    rng = np.random.default_rng(seed)
    before, now = (f.iloc[sample(len(f), ROWS, rng)] for f in (reference, window))
    return before, now


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
