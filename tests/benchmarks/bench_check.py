"""A drift check against scipy's own tests on the same columns."""

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, ks_2samp

from factory.config import CheckConfig
from factory.nouns import Column, Schema
from factory.profile import Profile
from factory.reference import Reference

ROWS, NUMBERS, CATEGORIES = 50_000, 15, 5


def table(seed):
    rng = np.random.default_rng(seed)
    numbers = {f"n{i}": rng.normal(size=ROWS) for i in range(NUMBERS)}
    names = np.array([f"c{i}" for i in range(20)], dtype=object)
    return pd.DataFrame(numbers | {f"c{i}": rng.choice(names, ROWS) for i in range(CATEGORIES)})


def with_scipy(before, now):
    for name in before.columns[:NUMBERS]:
        ks_2samp(before[name], now[name], method="asymp")
    for name in before.columns[NUMBERS:]:
        counts = pd.concat([before[name].value_counts(), now[name].value_counts()], axis=1)
        chi2_contingency(counts.fillna(0).T, correction=False)


def test_a_check_costs_no_more_than_scipys_bare_tests(seconds, show):
    before, now = table(0), table(1)
    columns = [Column(n, "number" if n.startswith("n") else "category") for n in before]
    schema = Schema(tuple(columns), "y", "regression")
    fitted = Reference.fit(before, schema)
    ours = seconds(
        lambda: [Profile.of(before, schema), fitted.compare(Profile.of(now, schema), CheckConfig())]
    )
    scipys = seconds(lambda: with_scipy(before, now))
    show("scipy / drift, with missing and unseen values on top", scipys / ours, "at least 1")
    assert ours <= scipys
