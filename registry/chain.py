"""A chain of entries: each holds the hash of the one before, so that no edit stays unseen.

A hash covers everything in its entry. An edited entry does not have its own hash any more; one
that was edited together with its hash is not the one that the next entry follows; and a chain that
was built anew, or whose tail was cut off, does not lead to the head that was shown elsewhere.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

EntryKind = Literal["version", "promotion", "window", "mark", "decision", "look", "refusal"]
BEGINNING = ""
"""What the first entry of a chain follows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One link.

    Attributes:
        model: whose chain it is.
        sequence: its place there, from 1.
        kind: what it tells of.
        key: which one: a version's number, a window's or decision's id.
        at: when it was written, UTC, ISO format.
        body: canonical JSON.
        previous: hash of the entry before.
        hash: of all the above.
    """

    model: str
    sequence: int
    kind: EntryKind
    key: str
    at: str
    body: str
    previous: str
    hash: str

    @property
    def intact(self) -> bool:
        """Whether its hash is that of its content."""
        told = (self.model, self.sequence, self.kind, self.key, self.at, self.body, self.previous)
        try:
            return entry_hash(*told) == self.hash
        except TypeError:
            # A database with damaged types returns bytes where text was.
            return False

    @property
    def words(self) -> str:
        """Name it for people."""
        return f"entry {self.sequence} of {self.model!r} ({self.kind} {str(self.key)[:16]})"


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain; text as ``SEQUENCE:HASH``."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"

    @classmethod
    def of(cls, text: str) -> "Head":
        """Read a head; what is none has sequence 0, which no chain has.

        >>> Head.of("3:ab"), Head.of("x")
        (Head(sequence=3, hash='ab'), Head(sequence=0, hash='x'))
        """
        number, _, told = text.partition(":")
        return cls(int(number), told) if number.isdecimal() else cls(0, text)


def canonical(value: Any) -> str:
    """Return JSON of which there is one for each value: sorted keys, no blanks, ASCII.

    >>> canonical({"b": 1, "a": [None, 0.5]})
    '{"a":[null,0.5],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def entry_hash(
    model: str, sequence: int, kind: str, key: str, at: str, body: str, previous: str
) -> str:
    """Return the SHA-256 of an entry: of the JSON list of its fields, which is unambiguous."""
    told = canonical([model, sequence, kind, key, at, body, previous])
    return hashlib.sha256(told.encode()).hexdigest()


def first_edit(entries: Iterable[Entry]) -> str | None:
    """Walk a chain, oldest first, and name in words the first thing that was edited.

    >>> told = ("m", 1, "version", "1", "now", "{}", BEGINNING)
    >>> one = Entry(*told, hash=entry_hash(*told))
    >>> first_edit([one]) is None
    True
    """
    previous, expected = BEGINNING, 1
    for entry in entries:
        if entry.sequence != expected:
            return f"entry {expected} of {entry.model!r} is gone"
        if not entry.intact:
            return f"{entry.words} was edited: its content does not have its hash"
        if entry.previous != previous:
            return f"{entry.words} does not follow the entry before: that one was edited"
        previous, expected = entry.hash, expected + 1
    return None
