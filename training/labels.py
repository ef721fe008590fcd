"""Which rows have a label to learn from, and whether there is anything in them to learn."""

import numpy as np
import pandas as pd

from factory.errors import BadData
from factory.nouns import Bools, Schema


def labelled(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return the rows that have a label the schema can hold, renumbered."""
    return frame.iloc[np.flatnonzero(known_labels(frame, schema))].reset_index(drop=True)


def after(older: pd.DataFrame | None, rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return older rows that have all features and a label, and labelled rows after them."""
    if older is None or not {*schema.names, schema.target} <= set(older.columns):
        return rows
    known = labelled(older, schema).reindex(columns=rows.columns)
    return pd.concat([known, rows], ignore_index=True)


def known_labels(frame: pd.DataFrame, schema: Schema) -> Bools:
    """Mark the rows that have a label the schema can hold, shape (rows,)."""
    target = frame[schema.target]
    if schema.task == "regression":
        return np.asarray(np.isfinite(target.to_numpy(np.float64)))
    return np.isin(target.to_numpy(object), np.array(schema.classes, dtype=object))


def check_target(learn: pd.DataFrame, schema: Schema) -> None:
    """Refuse a target that is the same in all rows.

    Raises:
        BadData: it is.
    """
    values = learn[schema.target].unique()
    if len(values) == 1:
        raise BadData(
            f"Target {schema.target!r} is {values[0]!r} in all {len(learn)} rows to learn from.",
            hint="give rows with other values, or another target",
        )
