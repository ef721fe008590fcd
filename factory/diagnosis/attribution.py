"""How much of a fall comes from broken rows, from P(x), from P(y), and from the relation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from factory.bootstrap import ends
from factory.bundle import Bundle
from factory.detectors.joint import sample
from factory.diagnosis.parts import Share, Source
from factory.diagnosis.priority import relative
from factory.diagnosis.relation import Residuals, elsewhere, numbers, residuals
from factory.diagnosis.resamples import means, row_counts
from factory.diagnosis.target import Target, rows_of_targets_stayed, thinned
from factory.diagnosis.tilted import carried
from factory.metrics import encode, metric_named
from factory.nouns import Bools, Column, Floats, Outputs
from factory.scorers import ROW_LOSSES

ROWS = 8_000
"""Rows of either side that are looked at, at most."""
FEWEST = 40
"""Rows of either side that are needed."""
SURE = 0.95
"""A source is named where it is the largest with this confidence."""
LITTLE = 0.01
"""A feature worth less than this share of all matters not."""
UNLIKE = 0.05
"""Where the reference has the like of fewer of the window's rows, no source is named."""
MOST = 1_000_000
"""More labelled rows than this are not asked for."""
Draws = Mapping[Source, Floats]


@dataclass(frozen=True)
class Attribution:
    """Where a fall comes from, as far as rows tell.

    Attributes:
        shares: of the extra loss, in the order in which they are taken off; they add up to 1.
        named: the source that is the largest for certain; None where that is open.
        needed: labelled rows that would tell; None where one is named, or none would.
        overlap: share of the window's rows whose like the reference has.
        by_feature: share of the extra loss that each feature's move carries.
        rows: labelled rows that this rests on.
    """

    shares: tuple[Share, ...]
    named: Source | None
    needed: int | None
    overlap: float
    by_feature: Mapping[str, float]
    rows: int


@dataclass(frozen=True)
class _Sides:
    """Rows of both sides with their losses and resamples; row 0 of the counts is the rows as such.

    ``counts`` have shape (1 + resamples, rows).
    """

    reference: pd.DataFrame
    window: pd.DataFrame
    before: Floats
    now: Floats
    before_counts: Floats
    now_counts: Floats

    def means(self) -> tuple[Floats, Floats]:
        """Return both sides' mean losses, shape (1 + resamples,) each."""
        return means(self.before_counts, self.before), means(self.now_counts, self.now)

    def keeping(self, rows: NDArray[np.intp], *, now: bool) -> "_Sides":
        """Return the sides with some of the rows of one."""
        if now:
            return replace(self, window=self.window.iloc[rows], now=self.now[rows],
                           now_counts=self.now_counts[:, rows])  # fmt: skip
        return replace(self, reference=self.reference.iloc[rows], before=self.before[rows],
                       before_counts=self.before_counts[:, rows])  # fmt: skip


def attribute(
    bundle: Bundle,
    frame: pd.DataFrame,
    outputs: Outputs,
    *,
    sound: Bools,
    target_moved: bool,
    confidence: float,
    resamples: int,
    seed: int,
) -> Attribution | None:
    """Take a window's extra loss apart.

    Broken rows are taken off first. The loss that is left is compared between equal features:
    what differs there is the relation's, the rest the covariates'. Where the target moved, the
    reference is also given the window's mix of targets. If then nothing tells the sides apart,
    or the difference between equal features goes, the mix of targets is the reason.

    The loss is the metric's own where that is a mean over rows, or the root of one, else the
    absolute error or the log loss. Intervals are those of the bootstrap over rows, or blocks of
    rows where a timestamp orders them.

    Args:
        bundle: the champion, with its reference.
        frame: labelled rows of the window that it was not trained on.
        outputs: the champion's outputs on ``frame``.
        sound: rows without any broken value, shape (n,).
        target_moved: whether the target's distribution moved.
        confidence: of the intervals, two-sided.
        resamples: of the bootstrap.
        seed: of everything random.

    Returns:
        None where a side has fewer than 40 rows, or no more is lost than before.

    Source:
        see ``factory.diagnosis.relation`` and ``factory.diagnosis.target``.
    """
    sides, kept = _sides(bundle, frame, outputs, resamples, seed)
    if min(len(sides.before), len(sides.now)) < FEWEST:
        return None
    first, last = sides.means()
    if not last[0] > first[0]:
        return None
    parts: dict[Source, Floats] = {}
    whole = np.flatnonzero(sound[kept])
    if len(whole) < len(kept):
        parts["broken"] = last - first
        if len(whole) < FEWEST:
            return _attribution(parts, last - first, confidence, 0.0, {}, len(sides.now))
        sides = sides.keeping(whole, now=True)
        parts["broken"] = last - sides.means()[1]
    same = _residuals(bundle, sides, seed)
    parts |= _split(bundle, sides, same, seed, target_moved=target_moved)
    by_feature = carried(bundle.schema, sides.reference, sides.window, sides.before)
    return _attribution(parts, last - first, confidence, same.overlap, by_feature, len(sides.now))


def _sides(
    bundle: Bundle, frame: pd.DataFrame, outputs: Outputs, resamples: int, seed: int
) -> tuple[_Sides, NDArray[np.intp]]:
    rng, ordered = np.random.default_rng(seed), bundle.schema.timestamp is not None
    pairs = []
    for rows, said in ((bundle.reference, bundle.reference_outputs), (frame, outputs)):
        losses = _losses(bundle, rows, said)
        finite = np.flatnonzero(np.isfinite(losses))
        some = finite[sample(len(finite), ROWS, rng)]
        counts = row_counts(losses[some], resamples, rng, ordered=ordered)
        pairs.append((rows.iloc[some], losses[some], counts, some))
    old, new = pairs
    return _Sides(old[0], new[0], old[1], new[1], old[2], new[2]), new[3]


def _losses(bundle: Bundle, frame: pd.DataFrame, outputs: Outputs) -> Floats:
    metric = metric_named(bundle.metric, bundle.schema)
    name = metric.name
    if name not in ROW_LOSSES:
        name = "log_loss" if metric.classes else "mean_absolute_error"
    truth = encode(metric.classes, frame[bundle.schema.target].to_numpy(), outputs)
    with np.errstate(over="ignore", invalid="ignore"):
        losses = ROW_LOSSES[name](truth, outputs)
    return -losses if name == metric.name and metric.greater_is_better else losses


def _compared(column: Column, bundle: Bundle, sides: _Sides) -> bool:
    """Tell whether rows must be alike in a feature: not where all differ, and it matters not.

    Dates always differ. So does a counter, or a month; where the champion hardly reads it, rows
    that differ in it alone are still like each other.
    """
    if column.kind == "date":
        return False
    worth = relative(bundle.importance).get(column.name, 1.0)
    pair = sides.reference[column.name], sides.window[column.name]
    return worth >= LITTLE or not elsewhere(*pair)


def _residuals(bundle: Bundle, sides: _Sides, seed: int) -> Residuals:
    columns = tuple(c for c in bundle.schema.features if _compared(c, bundle, sides))
    X = numbers(sides.reference, sides.window, columns)
    window = np.repeat([0, 1], [len(sides.before), len(sides.now)])
    return residuals(X, window, np.concatenate([sides.before, sides.now]), seed)


def _split(
    bundle: Bundle,
    sides: _Sides,
    same: Residuals,
    seed: int,
    *,
    target_moved: bool,
) -> dict[Source, Floats]:
    first, last = sides.means()
    relation = same.moved(np.hstack([sides.before_counts, sides.now_counts]))
    plain: dict[Source, Floats] = {
        "covariates": last - first - relation,
        "relation": relation,
    }
    if not target_moved:
        return plain
    name = bundle.schema.target
    target = Target.of(
        bundle.schema, sides.reference[name].to_numpy(), sides.window[name].to_numpy()
    )
    like = sides.keeping(thinned(target.weights(), target.before, seed), now=False)
    if len(like.before) < FEWEST:
        return plain
    mixed = _mixed(sides, target)
    if rows_of_targets_stayed(bundle.schema, like.reference, sides.window, seed, labelled=True):
        return {"labels": mixed - first, "relation": last - mixed}
    still = _residuals(bundle, like, seed).moved(np.hstack([like.before_counts, like.now_counts]))
    low, high = ends(relation[1:], SURE)
    if low <= 0 <= high or abs(still[0]) > abs(relation[0]) / 2:
        return plain
    return {
        "labels": mixed - first,
        "covariates": last - mixed - still,
        "relation": still,
    }


def _mixed(sides: _Sides, target: Target) -> Floats:
    """Return the reference's mean loss under the window's mix of targets, per resample."""
    total, mass = np.zeros(len(sides.now_counts)), np.zeros(len(sides.now_counts))
    for part in range(target.parts):
        mine = target.before == part
        if not mine.any():
            continue
        share = sides.now_counts[:, target.now == part].sum(axis=1)
        total += share * means(sides.before_counts[:, mine], sides.before[mine])
        mass += share
    return np.asarray(total / np.maximum(mass, 1.0))


def _attribution(
    parts: dict[Source, Floats],
    whole: Floats,
    confidence: float,
    overlap: float,
    by_feature: Mapping[str, float],
    rows: int,
) -> Attribution:
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = {
            source: part / np.where(whole > 0, whole, np.nan) for source, part in parts.items()
        }
    told = tuple(
        Share(source, float(draws[0]), *ends(draws[1:], confidence))
        for source, draws in shares.items()
    )
    named, needed = _named(parts, rows)
    if named != "broken" and overlap < UNLIKE:
        named, needed = None, None
    covariates = max(0.0, float(shares["covariates"][0])) if "covariates" in shares else 0.0
    adding = {name: max(0.0, value) for name, value in by_feature.items()}
    total = sum(adding.values())
    carried_by = {n: covariates * v / total if total else 0.0 for n, v in adding.items()}
    return Attribution(told, named, needed, overlap, carried_by, rows)


def _named(parts: Mapping[Source, Floats], rows: int) -> tuple[Source | None, int | None]:
    """Return the source that is the largest for certain, or how many rows would tell."""
    order: Sequence[Source] = sorted(parts, key=lambda source: -float(parts[source][0]))
    first = parts[order[0]]
    rival = np.max([np.zeros(len(first)), *(parts[other] for other in order[1:])], axis=0)
    lead = first - rival
    if np.mean(lead[1:] > 0) >= SURE:
        return order[0], None
    spread = float(np.std(lead[1:]))
    if lead[0] <= 0 or spread == 0:
        return None, None
    needed = 1 + rows * max(1.0, (float(ndtri(SURE)) * spread / float(lead[0])) ** 2)
    return None, int(needed) if needed < MOST else None
