"""Remedies: the closed union of what may be done, what each is called, and what it scored."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, assert_never


@dataclass(frozen=True, slots=True)
class Keep:
    """Leave the champion alone."""

    kind: Literal["keep"] = "keep"


@dataclass(frozen=True, slots=True)
class RollBack:
    """Serve an earlier version again."""

    to_version: int
    kind: Literal["roll_back"] = "roll_back"


@dataclass(frozen=True, slots=True)
class Adapt:
    """Correct what goes into the champion or what comes out of it; its weights stay.

    ``priors`` moves probabilities to the window's class shares, ``recalibrate`` makes them agree
    with the newest labels, ``offset`` shifts a number's predictions, and ``unit`` converts the
    ``features`` that came in another unit back.
    """

    how: Literal["priors", "recalibrate", "offset", "unit"]
    features: tuple[str, ...] = ()
    kind: Literal["adapt"] = "adapt"


@dataclass(frozen=True, slots=True)
class DropFeatures:
    """Serve without some features.

    The champion with them neutralised, the fallback model that was trained beforehand without
    them (``hedge``), or a model refitted without them.
    """

    features: tuple[str, ...]
    how: Literal["neutralise", "hedge", "refit"]
    kind: Literal["drop_features"] = "drop_features"


@dataclass(frozen=True, slots=True)
class Retrain:
    """Fit again: the champion's recipe, or the best of a new ``search`` that starts from it.

    On all rows, on those of the newest ``windows``, or on those ``since_change``; each row alike,
    the newer ones more (``recency``), or those more that resemble the window (``covariates``).
    """

    rows: Literal["all", "recent", "since_change"]
    windows: int | None = None
    weights: Literal["even", "recency", "covariates"] = "even"
    search: bool = False
    kind: Literal["retrain"] = "retrain"


@dataclass(frozen=True, slots=True)
class FixSource:
    """Quarantine the window and open a ticket: no model can help."""

    features: tuple[str, ...]
    kind: Literal["fix_source"] = "fix_source"


@dataclass(frozen=True, slots=True)
class AskLabels:
    """Write rows out for labelling: the evidence cannot tell, labels would."""

    rows: int
    kind: Literal["ask_labels"] = "ask_labels"


Remedy = Keep | Adapt | RollBack | DropFeatures | Retrain | FixSource | AskLabels


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a remedy scored on the newest labelled rows that nothing rehearsed has seen.

    ``score`` is the metric's value with its interval ``low`` to ``high``. ``gain`` is the paired
    difference to keeping the champion, signed so that above 0 is better, relative to the
    champion's score; ``gain_low`` is its lower confidence bound, which errs with the chance
    ``level`` by itself and with a stated one together with the others'. ``informed`` tells
    whether the model loses less on the labels than on the same labels in another order; it is
    asked only where performance fell, and where the champion did on its reference. Not
    ``measured`` is what was scored on rows of the reference that stand in for a window without
    labels. ``asking`` is by how much larger a share of the rows it leaves to a person, for being
    unsure, than the champion does.
    """

    remedy: Remedy
    score: float
    low: float
    high: float
    gain: float
    gain_low: float
    level: float
    cost_seconds: float
    rows: int
    informed: bool = True
    measured: bool = True
    asking: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """What ``decide`` chose and why."""

    remedy: Remedy
    because: str


def remedy_json(remedy: Remedy) -> dict[str, Any]:
    """Return a remedy as plain JSON, its kind first.

    >>> remedy_json(RollBack(to_version=3))
    {'kind': 'roll_back', 'to_version': 3}
    """
    fields = asdict(remedy)
    return {"kind": fields.pop("kind"), **fields}


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
