"""What the ledger holds, as nouns and as one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

SCHEMA = "factory"
Source = Literal["train", "window"]


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """A version's files by their hashes, and how it was made; ``sequence`` is its ledger entry.

    ``files`` maps each file of the MLflow model to the SHA-256 of its content. ``made`` is enough
    to make the version again.
    """

    model: str
    sequence: int
    version: int
    files: Mapping[str, str]
    made: Mapping[str, Any]
    at: str


@dataclass(frozen=True, slots=True)
class Promotion:
    """A version that became champion, and the one before it; ``sequence`` is its ledger entry."""

    model: str
    sequence: int
    version: int
    previous: int | None
    who: str
    why: str
    at: str
    decision: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on one window; ``body`` is JSON and enough to decide again."""

    id: str
    model: str
    sequence: int
    window_sha256: str
    at: str
    champion_before: int | None
    champion_after: int | None
    body: str


@dataclass(frozen=True, slots=True)
class LookEntry:
    """A look at a challenger beside a champion, on what both said of the same requests.

    ``rows`` are those with a label, ``outcome`` is what came of it, and ``body`` is JSON.
    """

    id: str
    model: str
    sequence: int
    champion: int
    challenger: int
    rows: int
    outcome: str
    at: str
    body: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A person's no to a challenger that passed the gate; a yes is a promotion.

    ``asked`` is the id of the decision or look that asked for approval.
    """

    asked: str
    model: str
    sequence: int
    champion: int
    challenger: int
    who: str
    why: str
    at: str


@dataclass(frozen=True, slots=True)
class WindowEntry:
    """Rows that a model was trained or checked on; their content lies in ``registry.frames``.

    ``file`` is the SHA-256 of the file that holds them, ``broken`` names the masks of the rows
    that must not be learnt from, empty where there are none.
    """

    model: str
    sequence: int
    sha256: str
    source: Source
    rows: int
    labelled: int
    start: str | None
    end: str | None
    file: str
    broken: str
    quarantined: bool
    at: str


metadata = MetaData(schema=SCHEMA)

models = Table("models", metadata, Column("name", Text, primary_key=True))
"""What a writer locks."""

entries = Table(
    "entries",
    metadata,
    Column("model", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    PrimaryKeyConstraint("model", "sequence"),
    Index("entries_by_kind", "model", "kind", "sequence"),
    Index("entries_by_key", "key", "kind"),
)
"""Every model's chain, see ``registry.chain``; rows are added, never changed or taken away."""
