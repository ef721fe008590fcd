"""What the ledger holds: promotions, decisions and windows, as nouns and as tables."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA = "factory"
Source = Literal["train", "window"]


@dataclass(frozen=True, slots=True)
class Promotion:
    """A version that became champion, and the one before it; ``sequence`` counts from 1."""

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
class WindowEntry:
    """Rows that a model was trained or checked on; their content lies in ``registry.frames``."""

    model: str
    sequence: int
    sha256: str
    source: Source
    rows: int
    labelled: int
    start: str | None
    end: str | None
    quarantined: bool
    at: str


metadata = MetaData(schema=SCHEMA)

models = Table("models", metadata, Column("name", Text, primary_key=True))

promotions = Table(
    "promotions",
    metadata,
    Column("model", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("previous", Integer),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("decision", Text),
    PrimaryKeyConstraint("model", "sequence"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("model", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("window_sha256", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("champion_before", Integer),
    Column("champion_after", Integer),
    Column("body", Text, nullable=False),
    UniqueConstraint("model", "sequence"),
)

windows = Table(
    "windows",
    metadata,
    Column("model", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("labelled", BigInteger, nullable=False),
    Column("start", Text),
    Column("end", Text),
    Column("quarantined", Boolean, nullable=False),
    Column("at", Text, nullable=False),
    PrimaryKeyConstraint("model", "sequence"),
    UniqueConstraint("model", "sha256"),
)
