"""The labelled rows a refit may learn from: everything known, less what was broken."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from factory.bundle import row_hashes
from factory.nouns import ROWS, Bools, Schema, Window
from flows.workplace import Workplace
from registry.frames import load_frame

SOUND = "__sound__"
"""Column of a marking, gone before rows are handed out."""


@dataclass(frozen=True)
class Past:
    """The present window's contribution: which rows may be learnt from, and what is broken.

    ``broken`` marks rows per feature, and under ``*`` those that are broken as such.
    """

    window: Window
    learn: Bools
    broken: Mapping[str, Bools]


def rows_for_refit(
    place: Workplace, model: str, schema: Schema, past: Past, *, newest: int | None
) -> pd.DataFrame:
    """Gather the rows that the model was ever trained or checked on, oldest first.

    Args:
        place: the stores.
        model: registered name.
        schema: of the refit; only its features need to be sound.
        past: what the present window adds.
        newest: look at so many of the newest labelled rows only; None looks at all.

    Returns:
        Canonical rows with labels and without broken values in the schema's features; none
        where ``newest`` is no less than all, since that is another refit's. A row that came
        twice, such as a window that is part of newer training data, counts once. Where rows
        cannot be told apart, only the newest training data and what came after them count
        instead.
    """
    entries = [w for w in place.ledger.windows(model) if not w.quarantined]
    starts = [i for i, w in enumerate(entries) if w.source == "train"]
    first = 0 if schema.identifiable or not starts else starts[-1]
    parts = []
    for entry in entries[first:]:
        if entry.sha256 != past.window.version.sha256:
            frame, broken = load_frame(place.home, entry.sha256)
            parts.append(_labelled(frame, broken, schema, np.ones(len(frame), dtype=bool)))
    parts.append(_labelled(past.window.frame, past.broken, schema, past.learn))
    filled = [part for part in parts if len(part)]
    rows = pd.concat(filled, ignore_index=True) if filled else parts[-1]
    if schema.identifiable:
        _, once = np.unique(row_hashes(rows, schema), return_index=True)
        rows = rows.iloc[np.sort(once)]
    if schema.timestamp is not None:
        rows = rows.sort_values(schema.timestamp, kind="stable")
    if newest is not None:
        rows = rows.tail(newest if newest < len(rows) else 0)
    return rows.loc[rows[SOUND]].drop(columns=SOUND).reset_index(drop=True)


def _labelled(
    frame: pd.DataFrame, broken: Mapping[str, Bools], schema: Schema, usable: Bools
) -> pd.DataFrame:
    """Return the usable rows with a label, and in ``SOUND`` whether nothing in them is broken."""
    wanted = (*schema.names, schema.target, schema.timestamp, schema.id)
    columns = [name for name in wanted if name is not None]
    if not set(columns) <= set(frame.columns):
        return pd.DataFrame(columns=[*columns, SOUND])
    sound = np.ones(len(frame), dtype=bool)
    for name in (*schema.names, ROWS):
        if name in broken:
            sound &= ~broken[name]
    known = usable & frame[schema.target].notna().to_numpy()
    return frame[columns].assign(**{SOUND: sound}).loc[known]
