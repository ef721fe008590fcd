"""The steps before an estimator as functions of ``Rows`` and matrices."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from factory.adapt.convert import Convert
from factory.compiled.encoders import encode, tables
from factory.compiled.finals import Uncompiled
from factory.compiled.rows import Dates, Layout, Rows
from factory.nouns import Floats
from factory.transformers import Budget, DateParts, Finite, Neutralise, made_finite

Features = Callable[[Rows], Floats]
Matrix = Callable[[Floats], Floats]
MONDAY = 3
"""1 January 1970 was a Thursday."""


def features_of(pipeline: Pipeline, layout: Layout) -> Features:
    """Return what turns rows into the numbers that a fitted pipeline's estimator reads.

    Raises:
        Uncompiled: a step is of a kind that is served as it is.
    """
    before: list[Callable[[Rows], Rows]] = []
    steps = [step for _, step in pipeline.steps[:-1]]
    while steps and isinstance(steps[0], Convert | Neutralise):
        before.append(_changed(steps.pop(0), layout))
    if not steps or not isinstance(steps[0], ColumnTransformer):
        raise Uncompiled("a pipeline without a ColumnTransformer has no compiled form")
    blocks, after = _blocks(steps[0], layout), [_matrix(step) for step in steps[1:]]

    def run(rows: Rows) -> Floats:
        for change in before:
            rows = change(rows)
        made = [block(rows) for block in blocks]
        matrix = made[0] if len(made) == 1 else np.hstack(made)
        for step in after:
            matrix = step(matrix)
        return matrix

    return run


def date_part(dates: Dates, part: str) -> Floats:
    """Return a part of dates as pandas has it; of a missing date, a missing number.

    >>> dates = np.array(["1969-12-31T23:00", "2024-02-29", "NaT"], "datetime64[ns]")
    >>> [date_part(dates, part).tolist() for part in ("month", "weekday", "hour")]
    [[12.0, 2.0, nan], [2.0, 3.0, nan], [23.0, 0.0, nan]]
    """
    match part:
        case "year":
            whole = dates.astype("datetime64[Y]").astype(np.int64) + 1970
        case "month":
            whole = dates.astype("datetime64[M]").astype(np.int64) % 12 + 1
        case "day":
            whole = (dates.astype("datetime64[D]") - dates.astype("datetime64[M]")).astype(int) + 1
        case "weekday":
            whole = (dates.astype("datetime64[D]").astype(np.int64) + MONDAY) % 7
        case "hour":
            whole = dates.astype("datetime64[h]").astype(np.int64) % 24
        case _:
            raise Uncompiled(f"the part {part!r} of dates has no compiled form")
    return np.where(np.isnat(dates), np.nan, whole)


def _changed(step: Convert | Neutralise, layout: Layout) -> Callable[[Rows], Rows]:
    if isinstance(step, Convert):
        places = [(n, layout.numbers.index(n)) for n in step.units if n in layout.numbers]

        def convert(rows: Rows) -> Rows:
            numbers = rows.numbers.copy()
            for name, place in places:
                numbers[:, place] = step.converted(name, numbers[:, place])
            return Rows(numbers, rows.categories, rows.dates)

        return convert
    fixed = [(c, i, step.constants[c.name]) for c, i in layout.placed if c.name in step.constants]

    def neutralise(rows: Rows) -> Rows:
        numbers, dates = rows.numbers.copy(), rows.dates.copy()
        categories = list(rows.categories)
        for column, place, constant in fixed:
            match column.kind:
                case "number":
                    numbers[:, place] = constant
                case "category" | "text" | "image":
                    categories[place] = [constant] * len(rows)
                case "date":
                    dates[:, place] = constant
        return Rows(numbers, tuple(categories), dates)

    return neutralise


def _blocks(transformer: ColumnTransformer, layout: Layout) -> list[Features]:
    blocks = []
    for _, fitted, columns in transformer.transformers_:
        if isinstance(fitted, str) and fitted == "drop":
            continue
        if not all(isinstance(column, str) for column in columns):
            raise Uncompiled("columns that are not named have no compiled form")
        steps = [s for _, s in fitted.steps] if isinstance(fitted, Pipeline) else [fitted]
        blocks.append(_block(steps, list(columns), layout))
    return blocks


def _block(steps: list[Any], columns: list[str], layout: Layout) -> Features:
    kinds = {column.kind for column, _ in layout.placed if column.name in columns}
    if len(kinds) != 1:
        raise Uncompiled("columns of several kinds in one block have no compiled form")
    places = {column.name: place for column, place in layout.placed}
    where = [places[name] for name in columns]
    match kinds.pop():
        case "number":
            first: Features = _numbers(where, layout)
        case "category":
            first = _categories(steps.pop(0), columns, where)
        case "date":
            first = _dates(steps.pop(0), where)
        case "text" | "image" as kind:
            raise Uncompiled(f"the columns of a {kind} have no compiled form")
    after = [_matrix(step) for step in steps]

    def run(rows: Rows) -> Floats:
        matrix = first(rows)
        for step in after:
            matrix = step(matrix)
        return matrix

    return run


def _numbers(where: list[int], layout: Layout) -> Features:
    if where == list(range(len(layout.numbers))):
        return lambda rows: rows.numbers
    return lambda rows: rows.numbers[:, where]


def _categories(encoder: Any, columns: list[str], where: list[int]) -> Features:
    if not isinstance(encoder, OrdinalEncoder | OneHotEncoder):
        raise Uncompiled(f"{type(encoder).__name__} has no compiled form")
    if not getattr(encoder, "sparse_output", False) and encoder.handle_unknown != "error":
        known = tables(encoder, columns)
        run = encode([(place, *table) for place, table in zip(where, known, strict=True)])
        return lambda rows: run(rows.categories)
    raise Uncompiled("an encoder that refuses categories, or is sparse, has no compiled form")


def _dates(step: Any, where: list[int]) -> Features:
    if not isinstance(step, DateParts):
        raise Uncompiled(f"{type(step).__name__} has no compiled form")
    parts, learned = step.parts, step.learned_.ravel()

    def run(rows: Rows) -> Floats:
        made = [date_part(rows.dates[:, place], part) for place in where for part in parts]
        return np.where(learned, np.column_stack(made), 0.0)

    return run


def _matrix(step: Any) -> Matrix:
    match step:
        case Finite():
            empty = step.empty_
            return lambda X: made_finite(X.copy(), empty)
        case SimpleImputer():
            return _filled(step)
        case StandardScaler():
            mean = step.mean_ if step.with_mean else 0.0
            scale = step.scale_ if step.with_std else 1.0
            return lambda X: (X - mean) / scale
        case MinMaxScaler(clip=False):
            factor, least = step.scale_, step.min_
            return lambda X: X * factor + least
        case Normalizer(norm="l2"):
            return _unit_norm
        case Budget():
            kept = step.kept_
            return lambda X: X[:, kept]
        case FunctionTransformer(func=None):
            return lambda X: X
        case _:
            raise Uncompiled(f"{type(step).__name__} has no compiled form")


def _filled(step: SimpleImputer) -> Matrix:
    filling = np.asarray(step.statistics_, dtype=np.float64)
    if step.add_indicator or np.isnan(filling).any() or not np.isnan(step.missing_values):
        raise Uncompiled("an imputer that changes the columns has no compiled form")
    return lambda X: np.where(np.isnan(X), filling, X)


def _unit_norm(X: Floats) -> Floats:
    norms = np.sqrt(np.einsum("ij,ij->i", X, X))
    norms[norms == 0] = 1.0
    return np.asarray(X / norms[:, None])
