"""Rows of earlier windows, for what a new model must not have forgotten."""

import numpy as np
import pandas as pd

from factory.bundle import Bundle, row_hashes
from factory.nouns import Schema, Window
from flows.recall import Memory, Rows, gather
from flows.replayed import HELD

MOST = 20_000
"""Older rows that are looked at, the newest of them."""


def older_rows(rows: Rows, schema: Schema, newest: pd.DataFrame) -> pd.DataFrame | None:
    """Return sound labelled rows from before the present window, oldest first.

    Args:
        rows: all that is known.
        schema: whose features need to be sound.
        newest: rows that are judged on already, and do not count again.

    Returns:
        None where a feature is unknown to these rows.
    """
    past = ~rows.own
    # What was drawn to judge on may be judged on.
    marks = {name: mask[past] for name, mask in rows.broken.items() if name != HELD}
    kept = Rows(rows.frame.loc[past], marks, rows.own[past]).sound(schema)
    if kept is None:
        return None
    again = np.isin(row_hashes(kept, schema), row_hashes(newest, schema))
    return kept.loc[~again].tail(MOST).reset_index(drop=True)


def read_by(champion: Bundle, challenger: Bundle) -> Schema:
    """Return the schema with the features that either reads.

    Rows in which one of them broke judge neither: they are no loss of the model that reads it,
    nor a win of the one that does not.
    """
    whole = champion.whole
    return whole.without(set(whole.names) - {*champion.schema.names, *challenger.schema.names})


def rows_before(
    memory: Memory, whole: Schema, schema: Schema, newest: Window
) -> pd.DataFrame | None:
    """Gather all that a model was trained or checked on, and return what is older.

    Args:
        memory: the model's past.
        whole: with every feature that the model's line ever read.
        schema: as of ``older_rows``.
        newest: rows that are judged on.
    """
    nothing = np.zeros(len(newest.frame), dtype=bool)
    rows = gather(memory, whole, newest.version.sha256, newest.frame, nothing, {})
    return older_rows(rows, schema, newest.frame)
