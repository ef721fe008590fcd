"""A stream: one table of many windows, put in the order in which its rows happened."""

import numpy as np
import pandas as pd

from factory.columns import DataConfig
from factory.errors import BadData
from registry.canonical import bad_cell
from registry.columns import cells, dates
from registry.pictures import with_pictures
from registry.schemas import require
from registry.tables import read_table


def read_in_order(location: str, config: DataConfig) -> tuple[pd.DataFrame, int]:
    """Read a raw table, oldest rows first; without a timestamp in the config its order counts.

    Args:
        location: a file, a Delta table's folder, or a SQLAlchemy URL with ``#table``.
        config: names the target and the timestamp.

    Returns:
        The raw rows, and how many were left out because they have no timestamp.

    Raises:
        BadData: the table cannot be read, has no target or timestamp, or a moment is no date.
        BadConfig: a malformed URL.
        Unavailable: a database does not answer.
    """
    raw = with_pictures(read_table(location), config.images, location)
    require(config.target, raw.columns, "target")
    if config.timestamp is None:
        return raw, 0
    require(config.timestamp, raw.columns, "timestamp")
    moments, bad = dates(cells(raw[config.timestamp]))
    if bad.any():
        raise bad_cell(raw, config.timestamp, bad, "date")
    dated = np.flatnonzero(~np.isnat(moments))
    if not len(dated):
        raise BadData(
            f"Column {config.timestamp!r} holds no moment.", hint="name another data.timestamp"
        )
    order = dated[np.argsort(moments[dated], kind="stable")]
    return raw.iloc[order].reset_index(drop=True), len(raw) - len(dated)
