"""The search for the anchor of a prediction: the widest rule under which it stays what it is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from factory.anchors.bounds import share_bound
from factory.anchors.terms import Terms
from factory.nouns import Bools, Floats

PRECISION, LEVEL, CLOSE = 0.95, 0.05, 0.15
"""What a rule must keep to, the chance that it does not after all, and how far the rules that are
gone on with may fall behind the best: those of the paper's experiments."""
BEAM, BATCH = 4, 100
MOST = 10_000
"""Draws of one rule, after which it counts as what it seems."""
GROWTH, CONSTANT = 1.1, 405.5
"""Of the exploration rate under which KL-LUCB errs no more often than its level."""
Same = Callable[[pd.DataFrame], Bools]
"""Says of rows whether the model says of them what it says of the row, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A rule for one prediction.

    Attributes:
        terms: in words; none where the model says so of nearly everything.
        precision: share of the rows under the rule of which the model says the same, estimated.
        low: the precision is above, but for a chance of 5 %.
        coverage: share of the reference that the rule is true of.
        holds: whether ``low`` is at least what was asked; else this is the best that was found.
    """

    terms: tuple[str, ...]
    precision: float
    low: float
    coverage: float
    holds: bool


@dataclass(slots=True)
class _Rule:
    """A rule and what was seen of it."""

    terms: frozenset[int]
    coverage: float
    hits: int = 0
    draws: int = 0

    @property
    def share(self) -> float:
        return self.hits / max(self.draws, 1)


@dataclass
class _Search:
    terms: Terms
    same: Same
    rng: np.random.Generator
    known: dict[frozenset[int], _Rule] = field(default_factory=dict)

    def rule(self, terms: frozenset[int]) -> _Rule:
        if terms not in self.known:
            self.known[terms] = _Rule(terms, self.terms.coverage(terms))
        return self.known[terms]

    def pull(self, rules: Iterable[_Rule]) -> None:
        """Draw rows under each rule, and ask the model of all of them at once."""
        rules = list(rules)
        taken = [self.terms.draw(rule.terms, BATCH, self.rng) for rule in rules]
        if not taken:
            return
        same = self.same(self.terms.table(np.concatenate(taken))).reshape(len(rules), BATCH)
        for rule, hits in zip(rules, same.sum(axis=1).tolist(), strict=True):
            rule.hits += hits
            rule.draws += BATCH

    def best(self, rules: list[_Rule]) -> list[_Rule]:
        """Return the rules of the highest precision, by KL-LUCB."""
        self.pull(rule for rule in rules if not rule.draws)
        turn = 0
        while True:
            rules = sorted(rules, key=lambda rule: -rule.share)
            ahead, behind = rules[:BEAM], rules[BEAM:]
            if not behind:
                return ahead
            turn += 1
            rate = np.log(CONSTANT * len(rules) * turn**GROWTH / LEVEL)
            budget = float(rate + np.log(rate))
            lows = bounds(ahead, budget, upper=False)
            highs = bounds(behind, budget, upper=True)
            last, first = ahead[int(lows.argmin())], behind[int(highs.argmax())]
            unsure = [rule for rule in (last, first) if rule.draws < MOST]
            if highs.max() - lows.min() < CLOSE or not unsure:
                return ahead
            self.pull(unsure)

    def low(self, rule: _Rule, rivals: int) -> float:
        """Draw until it is certain whether a rule keeps to what is asked; return its bound."""
        budget = float(np.log((1 + (BEAM - 1) * rivals) / LEVEL))
        while True:
            low, high = (float(bounds([rule], budget, upper=u)[0]) for u in (False, True))
            if low >= PRECISION or high < PRECISION or rule.draws >= MOST:
                return low
            self.pull([rule])


def find_anchor(terms: Terms, same: Same, seed: int) -> Anchor:
    """Return the anchor of a prediction, by a search that goes on with the best rules of a length.

    Args:
        terms: true of the row.
        same: what the model says of other rows.
        seed: of the draws.

    Source:
        Ribeiro, Singh and Guestrin, Anchors: high-precision model-agnostic explanations (2018).

    >>> from factory.nouns import Column, Schema
    >>> rng = np.random.default_rng(0)
    >>> known = pd.DataFrame({"a": rng.normal(size=400), "c": rng.choice(["u", "v"], 400)})
    >>> schema = Schema((Column("a", "number"), Column("c", "category")), "y", "regression")
    >>> row = pd.DataFrame({"a": [0.1], "c": ["u"]})
    >>> found = find_anchor(Terms.of(row, known, schema), lambda rows: rows["c"] == "u", 0)
    >>> found.terms, found.precision, found.coverage == (known["c"] == "u").mean()
    (('c = u',), 1.0, True)
    """
    search = _Search(terms, lambda rows: np.asarray(same(rows), bool), np.random.default_rng(seed))
    nothing = search.rule(frozenset())
    search.pull([nothing])
    low = search.low(nothing, 1)
    if low >= PRECISION:
        return _told(terms, nothing, low)
    found: tuple[_Rule, float] | None = None
    beam = [nothing]
    for _ in terms.words:
        wider = -1.0 if found is None else found[0].coverage
        longer = {rule.terms | {t} for rule in beam for t in range(len(terms.words))}
        rules = [search.rule(one) for one in sorted(longer - search.known.keys(), key=sorted)]
        rules = [rule for rule in rules if rule.coverage > wider]
        if not rules:
            break
        beam = search.best(rules)
        for rule in beam:
            low = search.low(rule, len(rules))
            if low >= PRECISION and (found is None or rule.coverage > found[0].coverage):
                found = rule, low
    if found is None:
        best = max(search.known.values(), key=lambda rule: (rule.share, rule.coverage))
        found = best, search.low(best, 1)
    return _told(terms, *found)


def bounds(rules: list[_Rule], budget: float, *, upper: bool) -> Floats:
    """Return bounds of rules' precisions, shape (n,)."""
    shares = np.array([rule.share for rule in rules])
    return share_bound(shares, np.array([rule.draws for rule in rules]), budget, upper=upper)


def _told(terms: Terms, rule: _Rule, low: float) -> Anchor:
    words = tuple(terms.words[t] for t in sorted(rule.terms))
    return Anchor(words, rule.share, low, rule.coverage, low >= PRECISION)
