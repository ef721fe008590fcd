"""Our own drift check: a reference that is fitted once, and windows that are checked against it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from script import answer, measured
from tables import mixed, with_missing

sys.path.insert(0, str(Path(__file__).parents[3]))

from factory.budget import AlarmBudget, fit_budget
from factory.config import CheckConfig
from factory.detectors.features import signals
from factory.detectors.watched import watched
from factory.nouns import Column, Schema
from factory.profile import Categories, Numbers, Profile


def ours(
    reference: pd.DataFrame,
) -> tuple[Callable[[], Any], Callable[[], Any], Callable[..., Any]]:
    """Return how a profile is fitted, how a budget is learnt, and how a window is checked."""
    columns = [Column(n, "number" if n.startswith("n") else "category") for n in reference]
    schema, config = Schema(tuple(columns), "y", "regression"), CheckConfig()

    def fit() -> Profile:
        profile = Profile.of(reference, schema)
        for summary in profile.features.values():
            match summary:
                case Numbers():
                    summary.cells  # noqa: B018 - it is computed when it is first asked for
                case Categories():
                    summary.counts  # noqa: B018 - as above
        return profile

    def learn() -> AlarmBudget:
        return fit_budget(watched(reference, schema), ordered=True, seed=0)

    def check(profile: Profile, budget: AlarmBudget, window: pd.DataFrame) -> Any:
        return signals(profile, Profile.of(window, schema), schema, config, budget)

    return fit, learn, check


def drift(question: dict[str, Any]) -> dict[str, Any]:
    table, times = question["table"], question["times"]
    sides = [mixed(**table, seed=seed) for seed in (0, 1)]
    if question.get("missing"):
        sides = [with_missing(side, question["missing"], seed) for seed, side in enumerate(sides)]
    if question.get("arrow"):
        # What a reader leaves that keeps Parquet's or Arrow's dictionaries.
        sides = [side.astype({n: "category" for n in side if n.startswith("c")}) for side in sides]
    fit, learn, check = ours(sides[0])
    profile = fit()
    learnt = measured(learn, 1) if question.get("learn") else {"seconds": None}
    budget = learn() if question.get("learn") else AlarmBudget()
    return measured(lambda: check(profile, budget, sides[1]), times) | {
        "fit_seconds": measured(fit, times)["seconds"],
        "learn_seconds": learnt["seconds"],
    }


answer(drift)
