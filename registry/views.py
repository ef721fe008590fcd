"""The ledger's entries read back as the nouns that others know."""

import json
from collections.abc import Iterable
from dataclasses import replace

from factory.errors import Damaged
from registry.chain import Entry
from registry.entries import Decision, LookEntry, Promotion, Refusal, VersionEntry, WindowEntry


def whole(entries: list[Entry]) -> list[Entry]:
    """Return entries each of which has its hash.

    Raises:
        Damaged: one was edited.
    """
    for entry in entries:
        if not entry.intact:
            raise damaged(entry.model, f"{entry.words} was edited")
    return entries


def damaged(model: str, problem: str) -> Damaged:
    """Return the error that a ledger was edited."""
    return Damaged(
        f"The ledger is damaged: {problem}.",
        hint=f"factory verify {model}, and restore the ledger from a backup",
    )


def version_of(entry: Entry) -> VersionEntry:
    """Read what was recorded of a version."""
    told = json.loads(entry.body)
    return VersionEntry(
        entry.model, entry.sequence, int(entry.key), told["files"], told["made"], entry.at
    )


def promotion_of(entry: Entry) -> Promotion:
    """Read a promotion."""
    told = json.loads(entry.body)
    return Promotion(entry.model, entry.sequence, int(entry.key), at=entry.at, **told)


def decision_of(entry: Entry) -> Decision:
    """Read a decision."""
    told = json.loads(entry.body)
    return Decision(entry.key, entry.model, entry.sequence, at=entry.at, **told)


def look_of(entry: Entry) -> LookEntry:
    """Read a look."""
    told = json.loads(entry.body)
    return LookEntry(entry.key, entry.model, entry.sequence, at=entry.at, **told)


def refusal_of(entry: Entry) -> Refusal:
    """Read a refusal."""
    told = json.loads(entry.body)
    return Refusal(entry.key, entry.model, entry.sequence, at=entry.at, **told)


def fold_windows(entries: Iterable[Entry]) -> list[WindowEntry]:
    """Read windows, oldest first, each with the newest word on it.

    Args:
        entries: of kind ``window`` and ``mark``; a mark comes after the window that it is of.
    """
    found: dict[str, WindowEntry] = {}
    for entry in entries:
        told = json.loads(entry.body)
        if entry.kind == "window":
            found[entry.key] = WindowEntry(
                entry.model, entry.sequence, entry.key, at=entry.at, **told
            )
        elif entry.key not in found:
            raise damaged(entry.model, f"the window of {entry.words} is gone")
        else:
            found[entry.key] = replace(found[entry.key], **told)
    return list(found.values())
