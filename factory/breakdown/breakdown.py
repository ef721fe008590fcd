"""Breakdown: segments, groups, value and counts of one window, together."""

from factory.breakdown.fairness import fairness, favourable_class
from factory.breakdown.outcomes import outcomes
from factory.breakdown.partition import require_columns
from factory.breakdown.parts import Breakdown
from factory.breakdown.rows import Rows
from factory.breakdown.segments import segments
from factory.breakdown.value import value
from factory.breakdown.worth import value_slopes, value_table
from factory.config import CheckConfig
from factory.errors import BadConfig
from factory.nouns import Schema


def breakdown(rows: Rows, config: CheckConfig, *, level: float, seed: int) -> Breakdown:
    """Measure the parts of a window that the config asks for, and count its outcomes.

    Args:
        rows: the window.
        config: segments, groups and value.
        level: chance that any segment alarms where nothing changed.
        seed: of everything random.

    Raises:
        BadConfig: the config does not fit the model's data.

    >>> import numpy as np, pandas as pd
    >>> from factory.bundle import Bundle
    >>> frame = pd.DataFrame({"y": np.zeros(9)})
    >>> bundle = Bundle(
    ...     schema=Schema((), "y", "regression"), pipeline=None, family="", params={},
    ...     metric="mean_absolute_error", reference=frame, reference_outputs=np.ones(9),
    ...     reference_score=1.0, importance={}, neutral={}, seen=np.array([], dtype=np.uint64),
    ... )
    >>> window = Rows(bundle, frame, np.zeros(9), np.full(9, 2.0), np.ones(9, dtype=bool))
    >>> found = breakdown(window, CheckConfig(), level=0.02, seed=0)
    >>> found.segments, found.counts.metrics["root_mean_squared_error"]
    ((), 2.0)
    """
    judged, bundle = rows.labelled, rows.bundle
    require_parts(config, bundle.whole, tuple(str(name) for name in bundle.reference))
    lacking = _lacking(rows, config)
    config = _without(config, lacking)
    return Breakdown(
        segments=segments(rows, config, level=level, seed=seed),
        fairness=fairness(rows, config, seed=seed),
        value=value(rows, config, seed=seed),
        counts=outcomes(bundle.schema, rows.truth[judged], rows.outputs[judged]),
        lacking=lacking,
    )


def _lacking(rows: Rows, config: CheckConfig) -> tuple[str, ...]:
    """Return the columns beside the features that part rows, and that no row has a value of."""
    frame = rows.frame
    beside = [column.name for column in rows.bundle.schema.beside]
    asked = [name for name in config.parted_by if name in beside]
    return tuple(n for n in asked if len(frame) and (n not in frame or frame[n].isna().all()))


def _without(config: CheckConfig, columns: tuple[str, ...]) -> CheckConfig:
    """Return the config less the segments and groups by some columns."""
    left = {
        key: tuple(g for g in getattr(config, key) if not any(cut.column in columns for cut in g))
        for key in ("segments", "groups")
    }
    return config.model_copy(update=left)


def require_parts(
    config: CheckConfig, schema: Schema, columns: tuple[str, ...] | None = None
) -> None:
    """Refuse segments, groups and values that do not fit a model's data.

    Args:
        config: what was asked for.
        schema: of the data.
        columns: those there are; features, target and timestamp when absent.

    Raises:
        BadConfig: with the column or class that is wrong, and those there are.

    >>> from factory.nouns import Column
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> require_parts(CheckConfig(segments=["b"]), schema)
    Traceback (most recent call last):
        ...
    factory.errors.BadConfig: check.segments: there is no column 'b' to part rows by.
      fix: choose of: a, y
    """
    beside = (column.name for column in schema.beside)
    known = (*schema.names, schema.target, *filter(None, [schema.timestamp]), *beside)
    for key in ("segments", "groups"):
        try:
            require_columns(columns or known, schema, getattr(config, key))
        except BadConfig as error:
            raise BadConfig(f"check.{key}: {error.problem}", hint=error.hint) from None
    favourable_class(config, schema)
    if config.value is not None:
        told = value_table if schema.classes else value_slopes
        told(config.value, schema)
