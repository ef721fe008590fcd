"""The inference log: every prediction with its id and features, one Delta table a model."""

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from factory.errors import BadData, Unavailable
from registry.home import Home


def append(home: Home, model: str, frame: pd.DataFrame) -> None:
    """Append predictions to a model's log; several processes may do so at once.

    Args:
        home: where.
        model: registered name.
        frame: one row a prediction, such as ``serving.batch.score`` makes. Columns that earlier
            predictions lack are added to the table.

    Raises:
        Unavailable: the log cannot be written.
    """
    path = home.inference / model
    try:
        write_deltalake(str(path), _arrow(frame), mode="append", schema_mode="merge")
    except (DeltaError, OSError) as error:
        raise Unavailable(
            f"The inference log {path} cannot be written: {error}.",
            hint="mend or move that folder, then predict again",
        ) from None


def read(home: Home, model: str) -> pd.DataFrame:
    """Return every logged prediction of a model; an empty frame where there is none.

    Raises:
        BadData: the log is damaged.
    """
    path = home.inference / model
    if not DeltaTable.is_deltatable(str(path)):
        return pd.DataFrame()
    try:
        frame: pd.DataFrame = pa.table(DeltaTable(str(path)).to_pyarrow_table()).to_pandas()
    except (DeltaError, OSError) as error:
        raise BadData(
            f"The inference log {path} is damaged: {error}.", hint="move it away"
        ) from None
    return frame


def _arrow(frame: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    # A column without any value has no type of its own, which a Delta table cannot keep.
    fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))
