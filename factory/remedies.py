"""Remedies: what each costs to make, and what it is called."""

from collections.abc import Sequence
from typing import Literal, assert_never

from factory.nouns import (
    Adapt,
    AskLabels,
    DropFeatures,
    FixSource,
    Keep,
    Remedy,
    Retrain,
    RollBack,
)


def is_fitted(remedy: Remedy) -> bool:
    """Tell whether a remedy fits a model, rather than correct or choose one that is there.

    >>> is_fitted(Retrain("all")), is_fitted(RollBack(1))
    (True, False)
    """
    match remedy:
        case Retrain() | DropFeatures(how="refit"):
            return True
        case Keep() | Adapt() | RollBack() | DropFeatures() | FixSource() | AskLabels():
            return False
        case _:
            assert_never(remedy)


def is_search(remedy: Remedy) -> bool:
    """Tell whether a remedy searches anew.

    >>> is_search(Retrain("all", search=True)), is_search(Keep())
    (True, False)
    """
    return isinstance(remedy, Retrain) and remedy.search


def needs_approval(remedy: Remedy, approve: Literal["never", "retrain", "always"]) -> bool:
    """Tell whether a person has to agree before a remedy's model serves.

    >>> needs_approval(RollBack(1), "retrain"), needs_approval(Retrain("all"), "retrain")
    (False, True)
    """
    if approve == "always":
        return not isinstance(remedy, Keep | FixSource | AskLabels)
    return approve == "retrain" and is_fitted(remedy)


def describe(remedy: Remedy) -> str:
    """Name a remedy in words.

    >>> describe(DropFeatures(("a", "b"), "neutralise")), describe(RollBack(3))
    ("neutralising 'a', 'b'", 'version 3')
    >>> describe(Retrain("recent", 3, weights="recency"))
    'a refit on the newest 3 windows, newer rows counting more'
    """
    match remedy:
        case Keep():
            return "keeping the champion"
        case Adapt():
            return _adapted(remedy)
        case RollBack(to_version=version):
            return f"version {version}"
        case DropFeatures(features=names, how=how):
            return _DROPPED[how].format(_list(names))
        case Retrain():
            return _retrained(remedy)
        case FixSource(features=names):
            return f"fixing the source of {_list(names) or 'the rows'}"
        case AskLabels(rows=count):
            return f"asking for {count} labels"
        case _:
            assert_never(remedy)


_DROPPED = {
    "neutralise": "neutralising {}",
    "hedge": "the fallback model without {}",
    "refit": "a refit without {}",
}


def _adapted(remedy: Adapt) -> str:
    match remedy.how:
        case "priors":
            return "moving the champion to the window's class shares"
        case "recalibrate":
            return "recalibrating the champion"
        case "offset":
            return "shifting the champion's predictions"
        case "unit":
            return f"converting {_list(remedy.features)} back"
        case _:
            assert_never(remedy.how)


def _retrained(remedy: Retrain) -> str:
    what = "a new search" if remedy.search else "a refit"
    rows = {
        "all": "on all rows",
        "since_change": "on the rows since the change",
        "recent": "on the newest window"
        if remedy.windows == 1
        else f"on the newest {remedy.windows} windows",
    }[remedy.rows]
    weights = {
        "even": "",
        "recency": ", newer rows counting more",
        "covariates": ", rows like the window's counting more",
    }[remedy.weights]
    return f"{what} {rows}{weights}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
