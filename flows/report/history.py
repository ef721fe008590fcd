"""What a report is made of: a model's windows, and how to read them."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DONE = {
    "keep": "kept the champion",
    "adapt": "adapted it",
    "roll_back": "rolled back",
    "drop_features": "dropped features",
    "retrain": "retrained",
    "fix_source": "asked for a source to be fixed",
    "ask_labels": "asked for labels",
}
"""What the factory did, by the remedy's kind."""
UNKNOWN = "\N{EN DASH}"
"""What is shown for a value that is not known."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One window of the history.

    Attributes:
        name: for people; shown as it is.
        start: first day or moment, ISO where it is known.
        end: last day or moment.
        incident: what is known to have happened, in words; None where nothing is.
        score: metric of the model that served; None or NaN where labels are missing.
        static_score: metric of the model that was never touched.
        run: what ``factory run --json`` printed.
    """

    name: str
    start: str
    end: str
    incident: str | None
    score: float | None
    static_score: float | None
    run: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReportData:
    """A model's history, ready to be shown.

    Attributes:
        title: headline of the page.
        metric: scikit-learn's name of it.
        greater_is_better: whether higher scores are better.
        rows: windows in time order.
        notes: paragraphs at the end of the page.
        links: labels and addresses, the only ones that the page carries.
    """

    title: str
    metric: str
    greater_is_better: bool
    rows: tuple[ReportRow, ...]
    notes: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    @property
    def metric_words(self) -> str:
        """The metric's name as people read it."""
        return self.metric.removeprefix("neg_").replace("_", " ")

    @property
    def decimals(self) -> int:
        """How many decimals show three digits of a usual score."""
        scores = (abs(score) for row in self.rows for score in scores_of(row) if score)
        usual = sorted(scores)
        if not usual:
            return 2
        return min(4, max(0, 2 - math.floor(math.log10(usual[len(usual) // 2]))))

    def show(self, score: object) -> str:
        """Write a score; a dash stands for one that is not known."""
        number = known(score)
        return UNKNOWN if number is None else f"{number:,.{self.decimals}f}"


@dataclass(frozen=True, slots=True)
class Means:
    """Mean scores over the windows on which both models were scored."""

    served: float
    static: float
    windows: int

    @property
    def change(self) -> float | None:
        """Relative difference of the served to the untouched mean, None where it has no size."""
        return None if self.static == 0 else (self.served - self.static) / abs(self.static)


def known(value: object) -> float | None:
    """Return a finite number, or None for anything else.

    >>> known(float("nan")), known(None), known(2)
    (None, None, 2.0)
    """
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def scores_of(row: ReportRow) -> tuple[float | None, float | None]:
    """Return the served and the untouched model's score, None where unknown."""
    return known(row.score), known(row.static_score)


def means(rows: Iterable[ReportRow]) -> Means | None:
    """Average over the windows that have both scores; None where there are none."""
    pairs = [(a, b) for a, b in map(scores_of, rows) if a is not None and b is not None]
    if not pairs:
        return None
    count = len(pairs)
    return Means(sum(a for a, _ in pairs) / count, sum(b for _, b in pairs) / count, count)


def kind_of(row: ReportRow) -> str:
    """Return the kind of the window's remedy."""
    return str(row.run.get("remedy", {}).get("kind", "keep"))


def remedy_counts(rows: Iterable[ReportRow]) -> list[tuple[str, int]]:
    """Count the remedies by kind, most frequent first."""
    return Counter(kind_of(row) for row in rows).most_common()


def remedy_words(remedy: Mapping[str, Any] | str) -> str:
    """Say what a remedy does.

    >>> remedy_words({"kind": "drop_features", "features": ["a", "b"], "how": "refit"})
    'drop a, b and refit'
    >>> remedy_words({"kind": "roll_back", "to_version": 3})
    'roll back to version 3'
    """
    if isinstance(remedy, str):
        return remedy.replace("_", " ")
    features = ", ".join(str(name) for name in remedy.get("features", ()))
    kind = str(remedy.get("kind", "keep"))
    match kind:
        case "roll_back":
            return f"roll back to version {remedy.get('to_version', '?')}"
        case "adapt":
            return _ADAPTED[str(remedy.get("how"))].format(features)
        case "retrain":
            return _retrained(remedy)
        case "drop_features":
            return _DROPPED[str(remedy.get("how"))].format(features)
        case "fix_source":
            return f"fix the source of {features}"
        case "ask_labels":
            return f"ask for {remedy.get('rows', 'more')} labels"
        case _:
            return kind.replace("_", " ")


_ADAPTED = {
    "priors": "adapt to the class shares",
    "recalibrate": "recalibrate",
    "offset": "shift the predictions",
    "unit": "convert {} back",
}
_DROPPED = {
    "neutralise": "mute {}",
    "hedge": "fall back on the model without {}",
    "refit": "drop {} and refit",
}


def _retrained(remedy: Mapping[str, Any]) -> str:
    windows = remedy.get("windows")
    rows = "the newest window" if windows == 1 else f"{windows} windows" if windows else "all rows"
    if remedy.get("rows") == "since_change":
        rows = "rows since the change"
    weights = {"recency": ", newer ones more", "covariates": ", similar ones more"}
    how = "search again on" if remedy.get("search") else "retrain on"
    return f"{how} {rows}{weights.get(str(remedy.get('weights')), '')}"
