"""Challengers that passed the gate and wait for a person, and what the person answered."""

import json
from dataclasses import dataclass
from typing import Any

from flows.challenger import told_look
from flows.replayed import forget_learnt
from flows.workplace import Workplace, now
from registry.entries import Decision
from registry.transaction import Transaction

NOTE = "approval"
"""In a decision's notes: how to say yes, where the policy asks for a person."""


@dataclass(frozen=True)
class Waiting:
    """A challenger that waits.

    Attributes:
        model: registered name.
        champion: that serves, and did when it was asked.
        challenger: that is to replace it.
        asked: id of the decision or look that asked.
        decision: id of the decision, None where it was a look at a challenger on traffic.
        body: what was decided, or what the look saw.
    """

    model: str
    champion: int
    challenger: int
    asked: str
    decision: str | None
    body: dict[str, Any]


def waiting(name: str, place: Workplace) -> Waiting | None:
    """Return the challenger that waits for a person; None where none does any more.

    Raises:
        UnknownModel: nothing of that name is registered.
    """
    challenger, champion = place.models.challenger(name), place.ledger.champion(name)
    if challenger is None or champion is None:
        return None
    refused = {refusal.asked for refusal in place.ledger.refusals(name)}
    found = _of_decisions(name, champion, challenger, place) or _of_looks(
        name, champion, challenger, place
    )
    return None if found is None or found.asked in refused else found


def _of_decisions(name: str, champion: int, challenger: int, place: Workplace) -> Waiting | None:
    for decision in reversed(place.ledger.decisions(name)):
        body = json.loads(decision.body)
        if body["challenger"] == challenger:
            if NOTE not in body["notes"] or body["champion_after"] != champion:
                return None
            return Waiting(name, champion, challenger, decision.id, decision.id, body)
    return None


def _of_looks(name: str, champion: int, challenger: int, place: Workplace) -> Waiting | None:
    for entry in reversed(place.ledger.looks(name)):
        if (entry.champion, entry.challenger) == (champion, challenger):
            if entry.outcome != "waits":
                return None
            return Waiting(name, champion, challenger, entry.id, None, told_look(entry))
    return None


def agree(found: Waiting, place: Workplace, *, who: str, why: str) -> None:
    """Make the challenger the champion, after it proved that it works.

    Raises:
        Conflict: the champion moved in the meantime.
        Unavailable: the version does not load, or predicts other values than it did.
    """
    place.models.verify(found.model, found.challenger)
    place.models.promote(
        found.model,
        found.challenger,
        expected=found.champion,
        who=who,
        why=why or found.body["because"],
        at=now(),
        decision=found.decision,
    )
    forget_learnt(found.model, found.challenger, place)


def refuse(found: Waiting, place: Workplace, *, who: str, why: str) -> None:
    """Record a person's no, and take the mark of a challenger away.

    Raises:
        Conflict: the champion moved in the meantime.
    """

    def record(t: Transaction) -> None:
        t.refuse(
            found.asked,
            champion=found.champion,
            challenger=found.challenger,
            who=who,
            why=why,
            at=now(),
        )

    place.models.unchanged(found.model, expected=found.champion, record=record)
    place.models.withdraw(found.model, found.challenger)


def approvals(name: str, place: Workplace) -> dict[str, dict[str, Any]]:
    """Return what people answered to decisions, by the decision's id.

    Each has ``approved``, ``who``, ``why`` and ``at``; who was not asked or has not answered is
    absent.
    """
    no = {
        refusal.asked: {
            "approved": False, "who": refusal.who, "why": refusal.why, "at": refusal.at
        }
        for refusal in place.ledger.refusals(name)
    }  # fmt: skip
    asked = {d.id for d in place.ledger.decisions(name) if _asks(d)}
    yes = {
        p.decision: {"approved": True, "who": p.who, "why": p.why, "at": p.at}
        for p in place.ledger.history(name)
        if p.decision in asked
    }
    return {decision: answer for decision, answer in (no | yes).items() if decision in asked}


def _asks(decision: Decision) -> bool:
    return NOTE in json.loads(decision.body)["notes"]
