"""Labels that come over HTTP: JSON records, CSV, Arrow or Parquet."""

from dataclasses import asdict
from typing import Any

import orjson
import pandas as pd

from factory.errors import BadData, FactoryError
from factory.nouns import Schema
from registry.home import Home
from registry.inference.labels import ID, add_labels
from serving.bodies import CSV, JSON, TABLES, malformed, read_body_table, read_csv
from serving.cells import ABSENT
from serving.refused import Refused

MOST = 1_000_000
"""Labels of one request."""


def take_labels(
    home: Home, model: str, schema: Schema, body: bytes, kind: str, at: int
) -> dict[str, Any]:
    """Keep labels of a model's predictions, and tell what became of them.

    Args:
        home: whose log.
        model: registered name.
        schema: of the champion.
        body: ``{"labels": [{"prediction_id": ..., "label": ...}]}``, in place of which the
            schema's id and target may stand, in each record by itself; or a table of these
            columns.
        kind: content type; empty is JSON.
        at: moment of arrival, nanoseconds since 1970, UTC.

    Raises:
        Refused: the body cannot be read, a label is none the model knows or names no prediction,
            or the log does not answer.
    """
    raw = _read(body, kind, schema)
    if len(raw) > MOST:
        raise Refused("too_large", f"{len(raw)} labels are too many.", hint=f"send {MOST:,}")
    try:
        told = add_labels(home, model, schema, raw, at=at)
    except BadData as error:
        raise Refused("bad_rows", error.problem, hint=error.hint) from None
    except FactoryError as error:
        raise Refused("not_ready", error.problem, hint=error.hint) from None
    return {"model": model, **asdict(told)}


def _read(body: bytes, kind: str, schema: Schema) -> pd.DataFrame:
    if kind in TABLES:
        frame: pd.DataFrame = read_body_table(body, kind).to_pandas(ignore_metadata=True)
        return frame
    if kind == CSV:
        columns, rows = read_csv(body)
        cells = {n: [None if c is ABSENT else c for c in column] for n, column in columns.items()}
        return pd.DataFrame(cells, index=range(rows), dtype=object)
    if kind not in {"", JSON}:
        raise Refused("unsupported", f"{kind[:80]!r} is not read.", hint=f"send {JSON} or {CSV}")
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed(f"it is not JSON: {error}") from None
    records = told.get("labels") if isinstance(told, dict) else None
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise malformed("it has no list 'labels' of objects")
    if not records:
        raise Refused("bad_rows", "There are no labels in it.", hint="send one at least")
    named = [_record(place, one, schema) for place, one in enumerate(records, start=1)]
    names = [ID, *([schema.id] if schema.id else []), schema.target]
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in named], dtype=object) for name in names},
        index=range(len(records)),
    )


def _record(place: int, record: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Return what one record says, by the schema's own names."""
    given = [name for name in dict.fromkeys((schema.target, "label")) if name in record]
    if len(given) != 1:
        raise Refused(
            "bad_rows",
            f"Row {place} has {len(given)} labels.",
            hint=f"give it one, as 'label' or {schema.target!r}",
        )
    if not isinstance(record.get(ID), str | None):
        raise Refused(
            "bad_rows", f"Row {place}: its {ID} is no text.", hint="send each id as it was answered"
        )
    found = {ID: record.get(ID), schema.target: record[given[0]]}
    if schema.id is not None:
        found[schema.id] = record.get(schema.id)
        if isinstance(found[schema.id], list | dict):
            raise Refused(
                "bad_rows",
                f"Row {place}: its {schema.id!r} is neither text nor a number.",
                hint="send each id as it was in the request",
            )
    return found
