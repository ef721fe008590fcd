"""What is to be said of the rows that a training learnt from and was judged on."""

from collections.abc import Mapping

import pandas as pd

from factory.nouns import Schema
from training.family import Family
from training.fit import learned_rows
from training.notes import Note, RowsNote
from training.trying import SEARCH_ROWS

FEW_ROWS, FEW_OF_A_CLASS = 50, 10
"""Held-out rows, and of one class, below which a score means little."""


def row_notes(given: int, rows: int, learn: int) -> tuple[Note, ...]:
    """Say which rows were left out, and which the search did not look at.

    Args:
        given: rows there are.
        rows: those of them with a label.
        learn: those of these that are learnt from.
    """
    notes = []
    if rows < given:
        text = f"{given - rows} of {given} rows are left out: they have no known label."
        notes.append(RowsNote(text, given, rows))
    if learn > SEARCH_ROWS:
        text = f"The search tried models on {SEARCH_ROWS} of {learn} training rows, at random."
        notes.append(RowsNote(text, learn, SEARCH_ROWS))
    return tuple(notes)


def judge_notes(reference: pd.DataFrame, schema: Schema) -> tuple[Note, ...]:
    """Say where a score rests on so few rows that it means little."""
    rows = len(reference)
    if rows < FEW_ROWS:
        return (Note(f"Only {rows} held-out rows judge the model."),)
    if schema.task == "regression":
        return ()
    counts = reference[schema.target].value_counts().reindex(list(schema.classes), fill_value=0)
    count = int(counts.min())
    if count >= FEW_OF_A_CLASS:
        return ()
    return (Note(f"Only {count} held-out rows are of class {counts.idxmin()!r}."),)


def fit_notes(
    learn: pd.DataFrame, schema: Schema, family: Family, losses: Mapping[str, str], seed: int
) -> tuple[Note, ...]:
    """Say where a family learnt from fewer rows than it was given."""
    used = len(learned_rows(learn, schema, family, losses[family.name], seed))
    if used == len(learn):
        return ()
    text = f"Family {family.name!r} was fitted on {used} of {len(learn)} training rows: it "
    limited = family.row_limit is not None and len(learn) > family.row_limit
    text += f"takes at most {family.row_limit}." if limited else "needs more rows per class."
    return (RowsNote(text, len(learn), used),)
