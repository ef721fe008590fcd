"""A schema from a raw table and a config: which column is a feature, of what kind, which task.

A column is a number, a date or a category by what it holds (see ``registry.columns``); text is
a number or a date only if every cell of it is. Left out of the features, with the reason: columns
that hold nothing, or one value only, or nested values, or that have no name. Text that is
almost unique (more than 100 values, and more than half of the rows' number) is prose if half of
the values have four words or more; else it is left out as well, because it names rows instead of
describing them. A kind given in the config is taken as it is.

The task follows the target unless the config gives it. Truth values and text are classes. Two
whole numbers are two classes; up to 20 whole numbers with at least five rows each on average are
classes too; any other number is regressed.
"""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from factory.columns import DataConfig
from factory.errors import BadConfig, BadData
from factory.nouns import Column, Kind, Schema, Task
from registry.columns import categories, cells, dates, is_date, is_number, is_text, numbers
from registry.nearest import nearest

GROUPED = r"^\s*-?\d{1,3}([ .,']\d{3})*[.,]\d+\s*$"
"""Numbers as spreadsheets write them: 1.234,5 or 1,234.50 or 0,5."""
NAMES_ROWS = 100
CLASSES = 20
PAIR = 2
ROWS_PER_CLASS = 5
MOSTLY = 0.9
WORDS = 4
"""Words from which almost unique values are texts."""


def infer_schema(raw: pd.DataFrame, config: DataConfig, parted_by: Collection[str] = ()) -> Schema:
    """Return the schema of a raw training table; see the module for the rules.

    Raises:
        BadConfig: the config names a column that is not there.
        BadData: the target cannot be learnt, or there is no feature.
    """
    return inspect_schema(raw, config, parted_by)[0]


def inspect_schema(
    raw: pd.DataFrame, config: DataConfig, parted_by: Collection[str] = ()
) -> tuple[Schema, dict[str, str]]:
    """Return the schema, and why each column that is neither feature nor role was left out.

    Args:
        raw: the training table.
        config: what its columns mean.
        parted_by: columns that part rows; those that are no features are read beside them.
    """
    _check_names(raw, config)
    target = cells(raw[config.target])
    labelled = pc.is_valid(target).to_numpy(zero_copy_only=False)
    if not labelled.any():
        raise BadData(
            f"The target {config.target!r} is missing in every row.",
            hint="choose another target, or give rows that have it",
        )
    task, classes = _task(target.drop_null(), config)
    rows = raw if labelled.all() else raw.loc[labelled]
    roles = {config.target, config.timestamp, config.id, *config.ignore}
    images = {column.name: column for column in config.images}
    features: list[Column] = []
    ignored: dict[str, str] = {}
    for name in rows.columns:
        if name in roles:
            continue
        if name in images:
            features.append(images[name])
            continue
        kind, reason = _feature(cells(rows[name]), name, config.types.get(name))
        if kind is None:
            ignored[name] = reason
        else:
            features.append(Column(name, kind))
    if not features:
        why = "; ".join(f"{name!r}: {reason}" for name, reason in ignored.items())
        raise BadData(
            f"No column is left to predict {config.target!r} from ({why or 'no others'}).",
            hint="add columns, or name their kinds under data.types",
        )
    roles = {config.target, config.timestamp, config.id, *(column.name for column in features)}
    beside = [_beside(rows, name, config) for name in rows.columns if name in {*parted_by} - roles]
    known = tuple(column for column in beside if column is not None)
    schema = Schema(
        tuple(features), config.target, task, config.timestamp, config.id, classes, beside=known
    )
    return schema, ignored


def _beside(rows: pd.DataFrame, name: str, config: DataConfig) -> Column | None:
    """Return a column that only parts rows; None where it holds nothing that could."""
    array = cells(rows[name])
    present = array.drop_null()
    if len(present) == 0 or not _is_plain(array):
        return None
    return Column(name, config.types.get(name) or _kind(pc.unique(present)))


def comparable_kind(column: pd.Series) -> Kind | None:
    """Return a column's kind; None where it holds nothing, nested values or names of rows."""
    array = cells(column)
    present = array.drop_null()
    if len(present) == 0 or not _is_plain(array):
        return None
    distinct = pc.unique(present)
    kind = _kind(distinct)
    if kind == "category" and _names_rows(len(distinct), len(present)):
        return "text" if _is_prose(present) else None
    return kind


def require(name: str, columns: Iterable[str], role: str) -> None:
    """Raise BadData, naming the nearest column, where a column is not there."""
    if name not in set(columns):
        raise BadData(f"There is no {role} column {name!r}.", hint=nearest(name, columns))


def _check_names(raw: pd.DataFrame, config: DataConfig) -> None:
    columns = list(raw.columns)
    require(config.target, columns, "target")
    if config.timestamp is not None:
        require(config.timestamp, columns, "timestamp")
    if config.id is not None:
        require(config.id, columns, "id")
    images = [column.name for column in config.images]
    for key, names in (("types", config.types), ("ignore", config.ignore), ("image", images)):
        for name in names:
            if name not in columns:
                problem = f"data.{key} names {name!r}, which is no column."
                raise BadConfig(problem, hint=nearest(name, columns))
    roles = [config.target, config.timestamp, config.id]
    taken = [name for name in roles if name is not None]
    if len(set(taken)) < len(taken):
        raise BadConfig(
            f"Target, timestamp and id are not three columns: {', '.join(taken)}.",
            hint="give each role a column of its own",
        )
    for name in images:
        if name in {*taken, *config.types, *config.ignore}:
            raise BadConfig(
                f"data.image names {name!r}, which is something else as well.",
                hint="name each column once",
            )


def _feature(array: Any, name: str, forced: Kind | None) -> tuple[Kind | None, str]:
    present = array.drop_null()
    if not name:
        return None, "it has no name"
    if len(present) == 0:
        return None, "every value is missing"
    if not _is_plain(array):
        return None, f"it holds values of type {array.type}"
    distinct = pc.unique(present)
    if len(distinct) == 1 and len(present) == len(array):
        return None, f"it is {present[0].as_py()!r} in every row"
    if forced is not None:
        return forced, ""
    kind = _kind(distinct)
    if kind == "number" and _counts_rows(present, len(distinct)):
        return None, "it numbers the rows; name it as data.id if it identifies them"
    if kind == "category" and _names_rows(len(distinct), len(present)):
        if not _is_prose(present):
            return None, _almost_unique(present, len(distinct))
        kind = "text"
    return kind, ""


def _is_plain(array: Any) -> bool:
    return is_text(array) or is_number(array) or is_date(array)


def _is_prose(present: Any) -> bool:
    """Tell texts, which describe, from names and codes, which are a word or two."""
    trimmed = pc.utf8_trim_whitespace(present.cast(pa.string()))
    spaces = pc.count_substring_regex(trimmed, r"\s+")
    return float(pc.quantile(spaces, 0.5)[0].as_py()) >= WORDS - 1


def _kind(present: Any) -> Kind:
    if is_date(present):
        return "date"
    if is_number(present) or not numbers(present)[1].any():
        return "number"
    return "category" if dates(present)[1].any() else "date"


def _almost_unique(present: Any, distinct: int) -> str:
    unreadable = numbers(present)[1]
    if unreadable.mean() <= 1 - MOSTLY:
        first = present[int(np.argmax(unreadable))].as_py()
        return f"it is text in {unreadable.sum()} of {len(present)} rows, such as {first!r}"
    grouped = pc.match_substring_regex(present.cast(pa.string()), GROUPED)
    if grouped.to_numpy(zero_copy_only=False).mean() >= MOSTLY:
        first = present[0].as_py()
        return f"it looks like numbers with decimal commas or grouped digits, such as {first!r}"
    return f"it has {distinct} different texts in {len(present)} rows"


def _counts_rows(present: Any, distinct: int) -> bool:
    """Tell a running number: whole, all different, without a gap."""
    if distinct < NAMES_ROWS or distinct < len(present):
        return False
    values = numbers(present)[0]
    whole = bool(np.all(values == np.floor(values)))
    return whole and float(values.max() - values.min()) == distinct - 1


def _names_rows(distinct: int, rows: int) -> bool:
    return distinct > NAMES_ROWS and distinct > rows / 2


def _task(present: Any, config: DataConfig) -> tuple[Task, tuple[str, ...]]:
    name = config.target
    if not (is_text(present) or is_number(present)) or _kind(present) == "date":
        raise BadData(
            f"The target {name!r} holds values that are neither numbers nor classes.",
            hint="choose another target",
        )
    classes = tuple(sorted(set(categories(present))))
    if len(classes) == 1:
        raise BadData(
            f"The target {name!r} is {classes[0]!r} in every row.",
            hint="give rows in which the target differs",
        )
    task = config.task or _inferred(present, len(classes), config.types.get(name))
    if task == "regression":
        return task, ()
    if _names_rows(len(classes), len(present)):
        raise BadData(
            f"The target {name!r} has {len(classes)} classes in {len(present)} rows.",
            hint="choose another target, or set data.task to regression if it is a number",
        )
    if task == "binary" and len(classes) > PAIR:
        raise BadData(
            f"The task is binary, but {name!r} has {len(classes)} classes.",
            hint="set data.task to multiclass",
        )
    return task, classes


def _inferred(present: Any, distinct: int, forced: Kind | None) -> Task:
    values, unreadable = numbers(present)
    if forced is not None:
        is_class = forced == "category"
    elif pa.types.is_boolean(present.type) or unreadable.any():
        is_class = True
    else:
        few = distinct <= CLASSES and distinct * ROWS_PER_CLASS <= len(present)
        whole = np.isfinite(values).all() and (np.floor(values) == values).all()
        is_class = bool((distinct == PAIR or few) and whole)
    if not is_class:
        return "regression"
    return "binary" if distinct == PAIR else "multiclass"
