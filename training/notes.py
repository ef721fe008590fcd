"""What a training says beside its result: things to know that are no errors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence for people, kept with the training instead of a Python warning."""

    text: str


@dataclass(frozen=True, slots=True)
class CardinalityNote(Note):
    """One-hot encoding meets more categories than it may give columns.

    Attributes:
        feature: its name; empty where the note is on all one-hot columns together.
        categories: distinct values in the training rows.
        columns: one-hot columns they become.
    """

    feature: str
    categories: int
    columns: int


@dataclass(frozen=True, slots=True)
class RowsNote(Note):
    """Something was learned from fewer rows than there are.

    Attributes:
        rows: rows there are.
        used: rows that were used.
    """

    rows: int
    used: int
