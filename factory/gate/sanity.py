"""Models that no score excuses: without sense, or with the answer in a feature."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.nouns import Bools, Floats, GateTest, Outputs, Schema
from factory.scorers import Truth

FEWEST = 10
"""Rows of a class, and predictions of it, from which on it has to be predicted."""
COLLAPSED = 0.01
"""Spread of what a model says, relative to the truth's, below which it says nothing."""
ROWS = 5_000
"""Rows on which single features are tried."""
DISTINCT = 0.9
"""Share of rows without a twin from which on twins in training are no chance."""
MOST_SEEN = 0.5
Answers = Callable[[Floats, Floats, Floats, int], Floats]
"""Feature and target of some rows, the feature of others, number of classes: the others' target."""


def degenerate_test(schema: Schema, truth: Truth, after: Outputs, before: Outputs) -> GateTest:
    """Find a model that says nothing, where the champion says something.

    Args:
        schema: with the classes.
        truth: floats or codes, shape (n,).
        after: the challenger's outputs, shape (n,) or (n, k).
        before: the champion's; the truth's own where there is none.

    >>> schema = Schema((), "y", "regression")
    >>> y = np.arange(4.0)
    >>> degenerate_test(schema, y, np.ones(4), y).because
    'The model predicts the same for every row'
    """
    problem = _degenerate(schema, truth, after, before)
    return GateTest("degenerate", problem is None, problem or "The predictions are no constant")


def _degenerate(schema: Schema, truth: Truth, after: Outputs, before: Outputs) -> str | None:
    if not np.all(np.isfinite(after)):
        return "Some predictions are not finite"
    if len(after) > 1 and np.all(after == after[0]) and not np.all(before == before[0]):
        return "The model predicts the same for every row"
    usual = np.eye(len(schema.classes))[truth] if schema.classes else truth
    least = COLLAPSED * _spread(usual)
    if _spread(after) < least <= _spread(before):
        share = _spread(after) / _spread(usual)
        return f"The predictions have collapsed: they vary by {share:.2%} of what the truth does"
    if not schema.classes:
        return None
    said, usually = after.argmax(axis=1), before.argmax(axis=1)
    for code, label in enumerate(schema.classes):
        named = usually == code
        right = int((named & (truth == code)).sum())
        if right >= max(FEWEST, named.sum() / 2) and not (said == code).any():
            rows = int((truth == code).sum())
            return (
                f"The model never predicts {label!r}, which {rows:,} rows are and the champion "
                f"names rightly {right:,} times"
            )
    return None


def _spread(values: Floats) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(np.var(values, axis=0).sum()))


def leak_test(
    champion: Bundle | None, challenger: Bundle, rows: pd.DataFrame, threshold: float
) -> GateTest:
    """Find a feature of the challenger that tells the target all but exactly.

    Such a feature is a copy of the target, or was filled in after it was known. It does not
    count where it told the target as well when the champion was judged: then that is how it is.

    Args:
        champion: None where there is none.
        challenger: whose features are tried.
        rows: with labels.
        threshold: what the best single feature may explain.
    """
    schema = challenger.schema.without(challenger.neutralised)
    told = single_scores(rows, schema)
    suspects = {name: score for name, score in told.items() if score >= threshold}
    if champion is not None and suspects:
        read = tuple(c for c in champion.whole.features if c.name in suspects)
        known = champion.reference
        known = known.loc[known[schema.target].notna()]
        usual = single_scores(known, champion.schema.reading(read))
        suspects = {n: s for n, s in suspects.items() if usual.get(n, 0.0) < threshold}
    best = max(told, key=lambda name: told[name], default=None)
    figures = {"feature": best, "score": told[best] if best else None}
    if suspects:
        names = ", ".join(map(repr, suspects))
        verb = "tells" if len(suspects) == 1 else "tell"
        because = (
            f"{names} alone {verb} the target all but exactly ({max(suspects.values()):.2%}): "
            f"a copy of it, or known too late; see data.ignore"
        )
        return GateTest("leakage", passed=False, because=because, figures=figures)
    return GateTest("leakage", passed=True, because="No feature gives the target away",
                    figures=figures)  # fmt: skip


def single_scores(rows: pd.DataFrame, schema: Schema) -> dict[str, float]:
    """Return how much of the target each feature tells on its own: 1 is all, 0 or less nothing.

    One part of the rows answers for the other: a number on a straight line between its
    neighbours, or with the class of the nearer one, and a category with its mean or commonest
    class; texts and images are left out. What counts is the share of the squared errors, or of
    the mistakes, that the best
    constant makes and this does not; numbers beyond the first part's do not count. The parts
    are the first and the second half where rows are in time order, else every other row.

    >>> from factory.nouns import Column
    >>> x = np.random.default_rng(0).normal(size=400)
    >>> schema = Schema((Column("a", "number"), Column("b", "number")), "y", "regression")
    >>> frame = pd.DataFrame({"a": x, "b": x[::-1], "y": x**2})
    >>> {name: score > 0.99 for name, score in single_scores(frame, schema).items()}
    {'a': True, 'b': False}
    """
    some = np.linspace(0, len(rows) - 1, min(len(rows), ROWS)).astype(int)
    frame = rows.iloc[some]
    if len(frame) < 2 * FEWEST:
        return {}
    y = frame[schema.target].to_numpy()
    values = pd.factorize(y, sort=True)[0].astype(np.float64) if schema.classes else y.astype(float)
    half = np.arange(len(frame)) < len(frame) // 2
    if schema.timestamp is None:
        half = np.arange(len(frame)) % 2 == 0
    scores = {}
    for column in schema.features:
        if column.embedded:
            continue
        x = frame[column.name]
        answers: Answers = _by_neighbour
        if column.kind == "category":
            codes, answers = pd.factorize(x, use_na_sentinel=False)[0].astype(float), _by_category
        else:
            codes = _numbers(x)
        scores[column.name] = _told(codes, values, half, answers, len(schema.classes))
    return scores


def _numbers(column: pd.Series) -> Floats:
    if column.dtype.kind == "M":
        moments = column.to_numpy().astype(np.int64)
        return np.asarray(np.where(column.isna(), np.nan, moments), dtype=np.float64)
    values = column.to_numpy(dtype=np.float64)
    return np.asarray(np.where(np.isfinite(values), values, np.nan), dtype=np.float64)


def _told(x: Floats, y: Floats, half: Bools, answers: Answers, classes: int) -> float:
    first, second = half & ~np.isnan(x), ~half & ~np.isnan(x)
    if min(first.sum(), second.sum()) < FEWEST:
        return 0.0
    said = answers(x[first], y[first], x[second], classes)
    truth, known = y[second], ~np.isnan(said)
    if known.sum() < second.sum() / 2:
        return 0.0
    if classes:
        usual = float((truth != np.bincount(y[first].astype(int)).argmax())[known].mean())
        missed = float((truth != said)[known].mean())
    else:
        usual = float(np.var(truth[known]))
        missed = float(np.mean((truth - said)[known] ** 2))
    return 1 - missed / usual if usual > 0 else 0.0


def _by_category(codes: Floats, y: Floats, asked: Floats, classes: int) -> Floats:
    """Return each category's mean or commonest class, NaN for one that is new."""
    width = int(max(codes.max(), asked.max())) + 1
    where, new = codes.astype(int), asked.astype(int)
    if classes:
        table = np.zeros((width, classes))
        np.add.at(table, (where, y.astype(int)), 1)
        return np.asarray(np.where(table.any(axis=1), table.argmax(axis=1), np.nan)[new])
    counts = np.bincount(where, minlength=width)
    sums = np.bincount(where, y, minlength=width)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)[new])


def _by_neighbour(x: Floats, y: Floats, asked: Floats, classes: int) -> Floats:
    """Return what lies between a number's neighbours, NaN beyond the last."""
    keys, where = np.unique(x, return_inverse=True)
    if len(keys) == 1:
        return np.full(len(asked), np.nan)
    inside = (asked >= keys[0]) & (asked <= keys[-1])
    if not classes:
        means = np.bincount(where, y) / np.bincount(where)
        return np.where(inside, np.interp(asked, keys, means), np.nan)
    table = np.zeros((len(keys), classes))
    np.add.at(table, (where, y.astype(int)), 1)
    right = np.clip(np.searchsorted(keys, asked), 1, len(keys) - 1)
    nearer = np.where(asked - keys[right - 1] < keys[right] - asked, right - 1, right)
    return np.where(inside, table.argmax(axis=1)[nearer], np.nan)
