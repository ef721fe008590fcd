"""The policies by name.

==================  ==============================================================================
factory             the loop of ``factory run``: check, diagnose, rehearse, decide, gate
oracle              performs every remedy and takes the one that does best on the next window
never               the first model serves for ever
always[:W]          a refit after every window
periodic:K[:W]      a refit after every K windows
psi[:T[:W]]         a refit when the population stability index of any feature is above T (0.2)
kofn[:K[:W]]        a refit when K features alarm, each tested at 5 % (K: half of them)
adwin[:D[:W]]       a refit when ADWIN, at level D (0.002), finds that the loss rose
==================  ==============================================================================

A refit is the first model's recipe on all labelled rows so far, or, with W, on as many of the
newest ones as W windows have. It serves from the next window on.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from factory.errors import BadConfig
from training.plugins import plugin


@dataclass(frozen=True)
class Named:
    """A policy as it was asked for.

    Attributes:
        name: as it was written.
        kind: the part before the first colon.
        value: its parameter; None is the usual one.
        windows: newest windows that a refit learns from; None is all rows.
    """

    name: str
    kind: str
    value: float | None = None
    windows: int | None = None


@dataclass(frozen=True)
class Kind:
    """One kind of policy: who plays it, and what parameter it takes.

    Attributes:
        player: "module:function" from a scene and a name to a player.
        parameter: name of the parameter, empty where there is none.
        needed: whether it has to be given.
        fits: whether a refit may be limited to the newest windows.
        whole: whether the parameter is a whole number.
        dear: how much work it is beside the others; the dearest start first.
    """

    player: str
    parameter: str = ""
    needed: bool = False
    fits: bool = True
    whole: bool = False
    dear: int = 0


_REFITS = "flows.backtest.baselines:player"
KINDS: Mapping[str, Kind] = {
    "factory": Kind("flows.backtest.ours:player", fits=False, dear=2),
    "oracle": Kind("flows.backtest.oracle:player", fits=False, dear=3),
    "never": Kind(_REFITS, fits=False),
    "always": Kind(_REFITS, dear=1),
    "periodic": Kind(_REFITS, "K", needed=True, whole=True),
    "psi": Kind(_REFITS, "T"),
    "kofn": Kind(_REFITS, "K", whole=True),
    "adwin": Kind(_REFITS, "D"),
}


def named(text: str) -> tuple[Named, ...]:
    """Read names of policies, separated by commas; one that comes twice counts once.

    Raises:
        BadConfig: there is none, or one is not known or has no such parameter.

    >>> named("never, psi:0.1:3")
    (Named(name='never', kind='never', value=None, windows=None),
     Named(name='psi:0.1:3', kind='psi', value=0.1, windows=3))
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise BadConfig("No policy is named.", hint="--policies never,always,factory")
    return tuple(_named(word) for word in dict.fromkeys(words))


def player_of(policy: Named) -> Callable[..., Any]:
    """Return what makes a policy's player."""
    made: Callable[..., Any] = plugin({policy.kind: KINDS[policy.kind].player}, policy.kind)
    return made


def _named(word: str) -> Named:
    kind_name, *given = word.split(":")
    kind = KINDS.get(kind_name)
    if kind is None:
        near = difflib.get_close_matches(kind_name, KINDS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"choose of: {', '.join(KINDS)}"
        raise BadConfig(f"{kind_name!r} is no policy.", hint=hint)
    most = bool(kind.parameter) + kind.fits
    if not kind.needed <= len(given) <= most:
        raise BadConfig(f"{word!r} is no policy.", hint=f"write {_form(kind_name, kind)}")
    value = None
    if kind.parameter and given:
        value = _number(word, given.pop(0), kind_name, kind)
    windows = int(_whole(word, given[0], kind_name, kind)) if given else None
    return Named(word, kind_name, value, windows)


def _number(word: str, text: str, name: str, kind: Kind) -> float:
    if kind.whole:
        return _whole(word, text, name, kind)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    # ADWIN's level is a probability; an index has no upper end that matters.
    if not 0 < value < (1 if name == "adwin" else 1e6):
        raise BadConfig(
            f"{word!r}: {text!r} is no {kind.parameter}.", hint=f"write {_form(name, kind)}"
        )
    return value


def _whole(word: str, text: str, name: str, kind: Kind) -> float:
    if not (text.isdecimal() and int(text) > 0):
        raise BadConfig(
            f"{word!r}: {text!r} is no number of 1 or more.", hint=f"write {_form(name, kind)}"
        )
    return int(text)


def _form(name: str, kind: Kind) -> str:
    words = [name, *([kind.parameter] if kind.parameter else []), *(["W"] if kind.fits else [])]
    needed = 1 + kind.needed
    head, tail = ":".join(words[:needed]), words[needed:]
    return head + "".join(f"[:{part}" for part in tail) + "]" * len(tail)
