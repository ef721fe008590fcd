"""Fairness: the same measures for every group of people or things, and the gaps between groups."""

from collections.abc import Mapping

import numpy as np
from scipy.special import ndtri

from factory.bootstrap import ends
from factory.breakdown.bins import Grouping
from factory.breakdown.gaps import PAIR, Compared, gaps, gaps_to_best
from factory.breakdown.partition import Partition, partition
from factory.breakdown.parts import Fairness, Gap, Group
from factory.breakdown.rates import Rate, block_of, draw, rates_of
from factory.breakdown.rows import Rows
from factory.calibrate import dependence
from factory.config import CheckConfig
from factory.errors import BadConfig
from factory.nouns import Estimate, Floats, Schema
from factory.power import POWER_Z

JUDGED = ("selection_rate", "accuracy", "mean_absolute_error")
"""Rates on which power is told: the first of these that there is."""


def fairness(rows: Rows, config: CheckConfig, *, seed: int) -> tuple[Fairness, ...]:
    """Compare the groups that each entry of the config makes.

    A rate that needs no label is of all rows, any other of the labelled ones. A group enters the
    gaps with rates that rest on 30 rows or more. Its power is told by the smallest ratio to
    another group that its rows would show in four of five windows.

    Args:
        rows: the window.
        config: the groups, the favourable class and the least ratio of selection rates.
        seed: of the bootstrap.

    Raises:
        BadConfig: a column is not there, its cut does not suit it, or no class has the name.

    Source:
        Uniform guidelines on employee selection procedures (1978), for the ratio of four fifths.

    >>> import pandas as pd
    >>> from factory.bundle import Bundle
    >>> schema = Schema((), "y", "binary", classes=("no", "yes"))
    >>> frame = pd.DataFrame({"sex": ["f", "m"] * 400, "y": ["yes", "yes", "no", "no"] * 200})
    >>> said = np.tile([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.9, 0.1]], (200, 1))
    >>> bundle = Bundle(
    ...     schema=schema, pipeline=None, family="", params={}, metric="accuracy", reference=frame,
    ...     reference_outputs=said, reference_score=0.75, importance={}, neutral={},
    ...     seen=np.array([], dtype=np.uint64),
    ... )
    >>> window = Rows(bundle, frame, frame["y"].to_numpy(), said, np.ones(800, dtype=bool))
    >>> (found,) = fairness(window, CheckConfig(groups=["sex"]), seed=0)
    >>> found.gaps["demographic_parity_difference"].value, found.fair
    (0.5, False)
    """
    favourable = favourable_class(config, rows.bundle.schema)
    return tuple(_fairness(rows, one, favourable, config, seed) for one in config.groups)


def favourable_class(config: CheckConfig, schema: Schema) -> str | None:
    """Return the class that is good to get; None where groups are compared by errors alone.

    Raises:
        BadConfig: no class has the name.

    >>> schema = Schema((), "y", "binary", classes=("no", "yes"))
    >>> favourable_class(CheckConfig(), schema)
    'yes'
    """
    if config.favourable is None:
        return schema.classes[-1] if schema.task == "binary" else None
    if config.favourable not in schema.classes:
        known = ", ".join(map(repr, schema.classes)) or "none, for a regression"
        raise BadConfig(
            f"check.favourable: {config.favourable!r} is no class of {schema.target!r}.",
            hint=f"classes: {known}",
        )
    return config.favourable


def _fairness(
    rows: Rows, grouping: Grouping, favourable: str | None, config: CheckConfig, seed: int
) -> Fairness:
    bundle, schema = rows.bundle, rows.bundle.schema
    most = config.most_segments
    parted = partition(bundle.reference, rows.frame, bundle.whole, grouping, most)
    truth = rows.truth.astype(object)
    truth[~rows.labelled] = None
    now = rates_of(schema, truth, rows.outputs, favourable)
    target = bundle.reference[schema.target].to_numpy()
    before = rates_of(schema, target, bundle.reference_outputs, favourable)
    compared = _compared(parted, now, before, config, block_of(schema, now), seed)
    between = gaps(compared, config.confidence)
    fair = _fair(between.get("demographic_parity_ratio"), config.impact_ratio)
    return Fairness(
        columns=parted.columns,
        favourable=favourable,
        groups=_groups(rows, parted, now, compared, config),
        gaps=between,
        impact_ratio=config.impact_ratio,
        fair=fair,
        alarm=fair is False and config.impact_alarm,
    )


def _fair(ratio: Gap | None, least: float) -> bool | None:
    """Say whether a ratio is certainly enough, or certainly not."""
    if ratio is None or ratio.low < least <= ratio.high:
        return None
    return ratio.low >= least


def _compared(
    parted: Partition,
    now: Mapping[str, Rate],
    before: Mapping[str, Rate],
    config: CheckConfig,
    block: int,
    seed: int,
) -> dict[str, Compared]:
    k = len(parted.where)
    apart = np.arange(k) != (-1 if parted.pooled is None else parted.pooled)
    drawn = draw(now, parted.window, k, resamples=config.resamples, seed=seed, block=block)
    return {
        name: Compared(
            *rate.by_group(parted.window, k),
            drawn=drawn[name],
            usual=before[name].by_group(parted.reference, k)[0],
            apart=apart,
        )
        for name, rate in now.items()
    }


def _groups(
    rows: Rows,
    parted: Partition,
    now: Mapping[str, Rate],
    compared: Mapping[str, Compared],
    config: CheckConfig,
) -> tuple[Group, ...]:
    sizes, labelled = (
        np.bincount(codes, minlength=len(parted.where)).tolist()
        for codes in (parted.window, parted.window[rows.labelled])
    )
    behind = gaps_to_best(compared, config.confidence)
    name = next(name for name in JUDGED if name in now)
    ordered = rows.bundle.schema.timestamp is not None
    seen = _detectable(now[name], compared[name], config.confidence, ordered=ordered)
    return tuple(
        Group(
            where=where,
            pooled=number == parted.pooled,
            rows=sizes[number],
            labelled=labelled[number],
            metrics=_metrics(compared, number, config.confidence),
            gaps=behind[number],
            detectable=None if np.isnan(seen[number]) else float(seen[number]),
            powered=bool(seen[number] <= 1 - config.impact_ratio),
        )
        for number, where in enumerate(parted.where)
    )


def _metrics(
    compared: Mapping[str, Compared], group: int, confidence: float
) -> dict[str, Estimate]:
    return {
        name: Estimate(
            float(rate.level[group]),
            *ends(rate.drawn[:, group], confidence),
            int(rate.rows[group]),
        )
        for name, rate in compared.items()
        if rate.rows[group] > 0
    }


def _detectable(rate: Rate, compared: Compared, confidence: float, *, ordered: bool) -> Floats:
    """Return per group the smallest relative shortfall that would be seen, NaN if it is unknown.

    It is told from how much the rate varies over all rows, for a group that is too small or too
    uniform does not show that itself; and against the best of the other groups.
    """
    found = np.full(len(compared.level), np.nan)
    some = np.flatnonzero(compared.entering)
    values = rate.some[rate.of > 0]
    mean = float(np.abs(values).mean()) if len(values) else 0.0
    if len(some) < PAIR or mean == 0:
        return found
    spread = float(values.std()) / mean
    if ordered:
        spread *= float(np.sqrt(dependence(values - values.mean())))
    level = (1 - confidence) / 2 / (len(some) - 1)
    z = POWER_Z - float(ndtri(level))
    for group in some:
        others = some[some != group]
        best = others[compared.level[others].argmax()]
        share = 1 / compared.rows[group] + 1 / compared.rows[best]
        found[group] = -np.expm1(-z * spread * np.sqrt(share))
    return found
