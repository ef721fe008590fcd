"""Makes a decision again from what was recorded, and says where the outcome is another.

A decision is a pure function of its recorded inputs; deep, the inputs are made again as well, from
the window's rows, the champion and the model's past as they were then.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from factory.decide import decide
from factory.errors import UnknownModel
from factory.exact import read, write
from factory.nouns import Window
from factory.remedies import Choice, Rehearsal, remedy_json
from flows.case import Case
from flows.code import code_changes
from flows.inputs import Inputs
from flows.loop import examine, try_remedies
from flows.monitor import history
from flows.recall import Stored
from flows.workplace import Workplace
from registry.chain import canonical
from registry.entries import Decision
from registry.frames import load_frame
from registry.models import Models


@dataclass(frozen=True)
class Replayed:
    """What came of a replay.

    Attributes:
        decision: its id.
        model: whose window it was on.
        deep: whether its inputs were made again as well.
        remedy: as made again.
        because: as made again.
        differences: paths of what is other than recorded; none where all bytes are the same.
        changes: what is other code than it was then.
    """

    decision: str
    model: str
    deep: bool
    remedy: dict[str, Any]
    because: str
    differences: tuple[str, ...]
    changes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the replay came out the same, byte for byte."""
        return not self.differences


def replay(id: str, place: Workplace, *, deep: bool = False) -> Replayed:  # noqa: A002 - decision's
    """Make a decision again.

    Args:
        id: the decision's.
        place: the stores.
        deep: check, diagnose and rehearse again as well.

    Raises:
        UnknownModel: there is no such decision.
        Damaged: the ledger, or a model's files, were edited.
        BadData: rows are gone or were edited.
    """
    decision = decision_named(id, place)
    body = json.loads(decision.body)
    inputs = read(Inputs, body["inputs"])
    recorded = {"remedy": body["remedy"], "because": body["because"]}
    again = inputs
    if deep:
        again = _made_again(inputs, past_case(decision, inputs, place))
    choice = _chosen(again)
    remedy, because = remedy_json(choice.remedy), choice.because
    differences = [*unlike(recorded, {"remedy": remedy, "because": because})]
    if deep:
        differences += unlike(body["inputs"], write(again), "inputs")
    changes = tuple(code_changes(dict(inputs.code)))
    return Replayed(id, decision.model, deep, remedy, because, tuple(differences), changes)


def decision_named(id: str, place: Workplace) -> Decision:  # noqa: A002 - decision's
    """Return a decision.

    Raises:
        UnknownModel: there is none of that id.
    """
    decision = place.ledger.decision(id)
    if decision is None:
        raise UnknownModel(f"No decision {id!r} is recorded.", hint="factory decisions NAME")
    return decision


def past_case(decision: Decision, inputs: Inputs, place: Workplace) -> Case:
    """Return the case as it was when a decision was about to be made.

    Raises:
        BadData: its rows are gone or were edited.
        Damaged: the champion's files were edited.
    """
    ledger = place.ledger.before(decision.sequence)
    # The clock stands still, so that no search is cut short by a busy machine.
    past = Workplace(place.home, ledger, Models(place.home, ledger), clock=lambda: 0.0)
    frame, _ = load_frame(place.home, decision.window_sha256)
    window = inputs.window.window(Window(frame, inputs.evidence.window))
    name, version = decision.model, inputs.evidence.version
    return Case(
        name,
        version,
        past.models.load(name, version),
        inputs.config,
        window,
        history(name, inputs.config.policy, past),
        Stored(past, name),
        inputs.at,
        inputs.phase,
    )


def unlike(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Name the paths at which two pieces of plain JSON are not the same bytes.

    >>> list(unlike({"a": [1, 2], "b": 0}, {"a": [1, 3], "b": 0.0}))
    ['a.1', 'b']
    """
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            below = f"{path}.{key}" if path else str(key)
            if key in one and key in other:
                yield from unlike(one[key], other[key], below)
            else:
                yield below
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from unlike(left, right, f"{path}.{number}")
    elif canonical(one) != canonical(other):
        yield path


def _chosen(inputs: Inputs) -> Choice:
    given = inputs.evidence, inputs.diagnosis, inputs.rehearsals
    return decide(*given, inputs.history, inputs.config.policy, inputs.refused)


def _made_again(inputs: Inputs, case: Case) -> Inputs:
    examined = examine(case)
    rehearsed = [entry.rehearsal for entry in try_remedies(examined)]
    return replace(
        inputs,
        evidence=examined.checked.evidence,
        diagnosis=examined.diagnosis,
        rehearsals=tuple(_timed(rehearsed, inputs.rehearsals)),
        history=case.history,
    )


def _timed(again: list[Rehearsal], recorded: tuple[Rehearsal, ...]) -> list[Rehearsal]:
    seconds = {entry.remedy: entry.cost_seconds for entry in recorded}
    return [replace(r, cost_seconds=seconds.get(r.remedy, r.cost_seconds)) for r in again]
