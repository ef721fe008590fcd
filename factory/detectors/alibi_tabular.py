"""alibi-detect's ``TabularDrift``: every feature read by itself, and all of them together.

Statistics and p-values are alibi-detect's. At most 2,000 rows of either side are drawn.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from factory.detectors.alibi import alibi
from factory.detectors.alibi_joint import FEWEST, drawn
from factory.detectors.finding import NOTHING
from factory.nouns import Column, Floats, Schema

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
    columns = [column for column in schema.features if column.plain]
    if not columns or min(len(reference), len(window)) < FEWEST:
        return Tabular(*NOTHING)
    pair = drawn(reference, window, seed)
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
