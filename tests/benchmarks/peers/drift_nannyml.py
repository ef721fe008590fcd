"""NannyML's univariate drift, one chunk, fitted once: its own choice of methods, or ours."""

from typing import Any

from nannyml import UnivariateDriftCalculator
from script import answer, measured
from tables import mixed

LIKE_OURS = {"continuous_methods": ["kolmogorov_smirnov"], "categorical_methods": ["chi2"]}


def univariate(question: dict[str, Any]) -> dict[str, Any]:
    table, times = question["table"], question["times"]
    reference, window = (mixed(**table, seed=seed) for seed in (0, 1))
    methods = LIKE_OURS if question.get("like_ours") else {}

    def fit() -> UnivariateDriftCalculator:
        return UnivariateDriftCalculator(
            column_names=list(reference.columns), chunk_number=1, **methods
        ).fit(reference)

    calculator = fit()
    return measured(lambda: calculator.calculate(window), times) | {
        "fit_seconds": measured(fit, 3)["seconds"]
    }


answer(univariate)
