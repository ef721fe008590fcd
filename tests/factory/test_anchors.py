"""Anchors of a model that is a rule, and their figures by brute force."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.special import rel_entr

from factory.anchors.bounds import share_bound
from factory.anchors.search import PRECISION, find_anchor
from factory.anchors.terms import Terms
from factory.nouns import Column, Schema

SCHEMA = Schema(
    (Column("a", "number"), Column("b", "number"), Column("c", "category"), Column("d", "date"),
     Column("e", "number")), "y", "regression",
)  # fmt: skip
ROW = {"a": 1.4, "b": 0.3, "c": "red", "d": pd.Timestamp("2025-01-02"), "e": np.nan}


def reference(rows=400, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=rows),
            "b": rng.exponential(size=rows),
            "c": rng.choice(["red", "green", "blue"], size=rows).astype(object),
            "d": pd.date_range("2025-01-01", periods=rows, freq="7h").astype("datetime64[ns]"),
            "e": rng.normal(size=rows),
        }
    )
    # The features hang together, as those of real rows do.
    frame["b"] += frame["a"].clip(lower=0)
    frame.loc[::9, "e"], frame.loc[::17, "c"] = np.nan, None
    return frame


def rule(rows):
    """True where a lies in its upper quarter and c is red, whatever the rest is."""
    return ((rows["a"] > np.quantile(reference()["a"], 0.75)) & (rows["c"] == "red")).to_numpy()


def terms_of(row, known):
    return Terms.of(pd.DataFrame([row]).astype({"c": object}), known, SCHEMA)


def exact(terms, chosen, same):
    """The precision over every row that may be drawn, each by its chance."""
    total, n = 0.0, len(terms.holds)
    for i in range(n):
        choices = [
            [i] if terms.holds[i, f] else np.flatnonzero(terms.holds[:, f]).tolist() for f in chosen
        ]
        grid = np.array(np.meshgrid(*choices)).reshape(len(chosen), -1).T
        taken = np.full((len(grid), len(SCHEMA.names)), i)
        taken[:, list(chosen)] = grid
        total += same(terms.table(taken)).mean()
    return total / n


def test_the_anchor_of_a_rule_is_the_rule():
    known = reference()
    terms = terms_of(ROW, known)
    found = find_anchor(terms, rule, seed=0)
    assert found.terms == (terms.words[0], "c = red")
    assert (found.precision, found.holds) == (1.0, True)
    assert found.coverage == rule(known).mean()
    assert found.low <= exact(terms, (0, 2), rule) == 1


@pytest.mark.parametrize("seed", range(3))
def test_precision_and_coverage_are_those_of_brute_force(seed):
    known = reference(150, seed)
    share = np.quantile(known["b"], 0.4)

    def same(rows):
        return ((rows["a"] > 0.2) | (rows["b"] > share) & (rows["c"] != "blue")).to_numpy()

    terms = terms_of(ROW, known)
    found = find_anchor(terms, same, seed)
    chosen = tuple(terms.words.index(word) for word in found.terms)
    precision = exact(terms, chosen, same)
    assert found.holds
    assert found.low <= precision
    assert abs(found.precision - precision) < 0.05
    assert found.coverage == terms.holds[:, list(chosen)].all(axis=1).mean()
    # No single term that covers more is certain to keep to it.
    wider = [f for f in range(5) if terms.holds[:, f].mean() > found.coverage]
    assert all(exact(terms, (f,), same) < PRECISION + 0.03 for f in wider)


def test_what_is_always_so_needs_no_term_and_what_never_is_has_no_anchor():
    terms = terms_of(ROW, reference())
    always = find_anchor(terms, lambda rows: np.ones(len(rows), bool), 0)
    assert (always.terms, always.coverage, always.holds) == ((), 1.0, True)
    rng = np.random.default_rng(0)
    chance = find_anchor(terms, lambda rows: rng.random(len(rows)) < 0.5, 0)
    assert not chance.holds
    assert chance.low < PRECISION


def test_a_value_that_the_reference_lacks_is_a_term_of_the_row_alone():
    known = reference()
    terms = terms_of({**ROW, "c": "never"}, known)
    found = find_anchor(terms, lambda rows: (rows["c"] == "never").to_numpy(), 0)
    assert (found.terms, found.precision, found.coverage) == (("c = never",), 1.0, 0.0)
    assert terms.words[4] == "e is missing"
    assert terms.words[3].startswith("d <= 2025-")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95, 1.0])
@pytest.mark.parametrize("upper", [False, True])
def test_bounds_are_the_roots_of_the_divergence(share, upper):
    draws, budget = 200.0, 3.0

    def excess(q):
        return draws * (rel_entr(share, q) + rel_entr(1 - share, 1 - q)) - budget

    (ours,) = share_bound(np.array([share]), np.array([draws]), budget, upper=upper)
    if share == float(upper):
        assert ours == share
    else:
        ends = (share, 1 - 1e-12) if upper else (1e-12, share)
        assert abs(ours - brentq(excess, *ends)) < 1e-6
