"""Rows of the log that a model left to a person, and that nobody has labelled yet."""

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from factory.nouns import Schema
from registry.home import Home
from registry.inference.columns import features_of
from registry.inference.labels import ID, labels_of
from registry.inference.table import address, opened, read

ABSTAINED = "abstained"


def waiting_rows(home: Home, model: str, schema: Schema, *, since: str = "") -> pd.DataFrame:
    """Return the predictions that wait for a person, oldest first.

    Args:
        home: whose log.
        model: registered name.
        schema: of the champion.
        since: the first prediction id, or what it begins with.

    Returns:
        ``prediction_id``, the row's own id where the schema has one, the features, what the model
        said, why it abstained, and an empty ``label`` to be filled in; such a table is what
        ``add_labels`` reads.

    Raises:
        BadData: the log is damaged.
        Unavailable: its store does not answer.
    """
    where = address(home, "predictions", model)
    table = opened(where)
    if table is None or ABSTAINED not in {field.name for field in table.schema().fields}:
        return pd.DataFrame(columns=[ID, *schema.names, "prediction", ABSTAINED, "label"])
    kept = pc.field(ABSTAINED).is_valid() & (pc.field("role") != "shadow") & (pc.field(ID) >= since)
    rows = read(where, None, kept).sort_by(ID)
    keyed = schema.id is not None and "row_id" in rows.column_names
    keys = rows.column("row_id").to_pandas() if keyed else None
    ids = rows.column(ID).to_pandas()
    known = labels_of(home, model, schema, ids, keys)
    found = pd.DataFrame({ID: ids})
    if keys is not None and schema.id is not None:
        found[schema.id] = keys
    found = pd.concat([found, features_of(rows, schema.features)], axis=1)
    for name in ("prediction", ABSTAINED):
        found[name] = rows.column(name).to_pandas()
    found = found.assign(label=None).loc[np.asarray(pd.isna(known))]
    return found.reset_index(drop=True)
