"""How the champion behaves on a window, told without labels by what it says of each row."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from factory.detectors import BEHAVIOUR
from factory.detectors.finding import NOTHING, Finding
from factory.detectors.joint import encode, sample
from factory.detectors.ks import ks
from factory.nouns import Counts, Floats, Outputs, Schema
from factory.profile import Numbers

ROWS = 4_000
"""Rows of either side that a student sees, at most."""
FEWEST = 40
"""Rows that either side needs."""
ROUNDS, LEAVES = 60, 15


class Said(NamedTuple):
    """Canonical rows, and what a model that has not learnt from them says of each."""

    frame: pd.DataFrame
    outputs: Outputs


Behaviour = Callable[[Said, Said, Schema, int], Finding]


@cache
def behaviour(name: str) -> Behaviour:
    """Load a detector of the table.

    >>> behaviour("bbsd").__name__
    'bbsd'
    """
    module, function = BEHAVIOUR[name].split(":")
    loaded: Behaviour = getattr(import_module(module), function)
    return loaded


def bbsd(reference: Said, window: Said, schema: Schema, seed: int) -> Finding:
    """Compare the distributions of the model's outputs: of each class's probability, or the value.

    Where only the shares of classes moved, what any model says moves with them; deep classifiers
    have no columns to look at otherwise. The statistic is the largest Kolmogorov-Smirnov distance,
    and the effect as well; the p-value is Bonferroni's over the outputs.

    Args:
        reference: rows and outputs of before.
        window: rows and outputs of now.
        schema: tells classes from values.
        seed: nothing is drawn.

    Source:
        Lipton, Wang and Smola, Detecting and correcting for label shift with black box
        predictors (2018); Rabanser, Günnemann and Lipton, Failing loudly (2019).

    >>> schema = Schema((), "y", "binary", classes=("n", "p"))
    >>> p = np.linspace(0, 1, 100)
    >>> sides = [Said(pd.DataFrame(index=range(100)), np.column_stack([1 - q, q]))
    ...          for q in (p, p**3)]
    >>> bbsd(*sides, schema, 0).p_value < 0.001
    True
    """
    del seed
    if min(len(reference.frame), len(window.frame)) == 0:
        return NOTHING
    before, now = (_columns(said.outputs, schema) for said in (reference, window))
    found = [ks(Numbers.of(b), Numbers.of(n)) for b, n in zip(before.T, now.T, strict=True)]
    worst = max(found, key=lambda one: one.statistic)
    return worst._replace(p_value=min(1.0, len(found) * min(one.p_value for one in found)))


def student(reference: Said, window: Said, schema: Schema, seed: int) -> Finding:
    """Ask whether a student that learnt to imitate the model on the reference still can.

    Two students, each of half of the reference, imitate the model on the other half and on half
    of the window. Where the window's rows are such that the model says what it would not have
    said in the reference's light, they disagree with it more. Of a class the disagreement is what
    the student gives to others; of a value, how far the two are apart. The statistic and the
    effect are the area by which the window's disagreements exceed the reference's; the p-value is
    that of the one-sided Mann-Whitney test.

    Args:
        reference: rows and outputs of before; at most 4,000 are drawn.
        window: rows and outputs of now, likewise.
        schema: features that the students read.
        seed: of the samples, the halves and the students.

    Returns:
        The finding; where a side has fewer than 40 rows or there is no feature, it is nothing.

    Source:
        Cerqueira, Gomes, Bifet and Torgo, STUDD: a student-teacher method for unsupervised
        concept drift detection (2022).

    >>> from factory.nouns import Column
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> frames = [pd.DataFrame({"a": np.linspace(0, end, 300)}) for end in (1, 3)]
    >>> sides = [Said(frame, np.exp(frame["a"].to_numpy())) for frame in frames]
    >>> student(*sides, schema, 0).p_value < 1e-6
    True
    """
    if min(len(reference.frame), len(window.frame)) < FEWEST:
        return NOTHING
    rng = np.random.default_rng(seed)
    (before, told), (now, asked) = (
        (said.frame.iloc[rows], said.outputs[rows])
        for said in (reference, window)
        for rows in [sample(len(said.frame), ROWS, rng)]
    )
    encoded = encode(before, now, schema)
    if encoded[0].shape[1] == 0:
        return NOTHING
    parts = [rng.permutation(len(rows)) % 2 for rows in encoded]
    usual, current = (np.empty(len(rows)) for rows in encoded)
    with threadpool_limits(1, user_api="openmp"):
        for half in (0, 1):
            learnt = parts[0] == half
            taught = _Student.of(encoded[0][learnt], told[learnt], schema, seed)
            usual[~learnt] = taught.disagreement(encoded[0][~learnt], told[~learnt])
            judged = parts[1] == half
            current[judged] = taught.disagreement(encoded[1][judged], asked[judged])
    area = mannwhitneyu(current, usual, alternative="greater", method="asymptotic")
    grown = 2 * float(area.statistic) / (len(usual) * len(current)) - 1
    # Where all agree the test has nothing to rank.
    p_value = float(area.pvalue) if np.isfinite(area.pvalue) else 1.0
    return Finding(grown, p_value, max(0.0, grown))


class _Student(NamedTuple):
    """A small boosted model of another model's answers; ``classes`` are those that it was shown."""

    model: HistGradientBoostingClassifier | HistGradientBoostingRegressor | None
    classes: Counts

    @classmethod
    def of(cls, X: Floats, outputs: Outputs, schema: Schema, seed: int) -> "_Student":
        how = {"max_iter": ROUNDS, "max_leaf_nodes": LEAVES, "early_stopping": False}
        if not schema.classes:
            model = HistGradientBoostingRegressor(**how, random_state=seed)
            return cls(model.fit(X, outputs), np.zeros(0, dtype=np.intp))
        codes = outputs.argmax(axis=1)
        classes = np.unique(codes)
        if len(classes) == 1:
            return cls(None, classes)
        return cls(HistGradientBoostingClassifier(**how, random_state=seed).fit(X, codes), classes)

    def disagreement(self, X: Floats, outputs: Outputs) -> Floats:
        """Return what each row's answer is off what the student expects, shape (n,)."""
        if isinstance(self.model, HistGradientBoostingRegressor):
            return np.asarray(np.abs(self.model.predict(X) - outputs))
        codes = outputs.argmax(axis=1)
        said = np.zeros((len(X), max(outputs.shape[1], 1)))
        said[:, self.classes] = 1.0 if self.model is None else self.model.predict_proba(X)
        return np.asarray(1 - said[np.arange(len(X)), codes])


def _columns(outputs: Outputs, schema: Schema) -> Outputs:
    """Return outputs that tell something of their own, shape (n, columns)."""
    if not schema.classes:
        return outputs[:, None]
    # Of two probabilities one is as good as both.
    return outputs[:, 1:] if schema.task == "binary" else outputs
