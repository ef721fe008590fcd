"""What a diagnosis says, in one sentence each."""

from collections.abc import Sequence

from factory.diagnosis.attribution import Attribution
from factory.diagnosis.parts import Better, ClassShare, Share, Source
from factory.nouns import Performance, Problem

MOST = 5
"""Names in one sentence."""
LIKE = 0.5
"""Where the reference has the like of fewer rows, that is said to be what keeps the cause open."""
SOURCES: dict[Source, str] = {
    "broken": "broken rows",
    "covariates": "features that moved",
    "labels": "the target's new mix",
    "relation": "a moved relation of features and target",
    "release": "the release",
}
BROKEN = {
    "missing": "missing",
    "constant": "stuck at one value",
    "out_of_range": "out of range",
    "placeholder": "a placeholder",
    "unseen": "of unknown categories",
    "type": "unreadable",
    "schema": "gone",
    "unit": "in another unit",
    "stuck": "stuck at one value for a stretch",
    "late": "far too early",
    "future": "far too late",
}


def broken(
    quality: Sequence[Problem], features: Sequence[str], attribution: Attribution | None
) -> str:
    """Say what is broken, the costliest feature first, and what of a fall that explains."""
    said = {p.feature: _problem(p) for p in quality if not p.of_rows}
    of_rows = [_problem(p) for p in quality if p.of_rows]
    text = "; ".join([*(said[name] for name in features[:MOST]), *of_rows])
    if attribution is None:
        return text
    (share,) = (s for s in attribution.shares if s.source == "broken")
    return f"{text}; {_part(share)} of the fall is on such rows"


def regression(better: Better) -> str:
    """Say which version does better."""
    return f"version {better.version} does better on this window's labels"


def fall_from(performance: Performance, attribution: Attribution, culprits: Sequence[str]) -> str:
    """Say how far performance fell, and which source of it is the largest for certain."""
    (share,) = (s for s in attribution.shares if s.source == attribution.named)
    text = f"{fall(performance)}; {_part(share)} of that comes from {SOURCES[share.source]}"
    match share.source:
        case "covariates" if culprits:
            return f"{text}: {names(culprits)}"
        case "labels":
            return f"{text}, while features and target hang together as before"
        case "relation":
            return f"{text}: rows with the same features lose more than they did"
        case _:
            return text


def undecided(performance: Performance, attribution: Attribution) -> str:
    """Say between which sources the cause is open, and what would tell."""
    first, *rest = sorted(attribution.shares, key=lambda s: -s.value)
    either = f"{SOURCES[first.source]} ({_part(first)})"
    if rest:
        either += f" or {SOURCES[rest[0].source]} ({_part(rest[0])})"
    text = f"{fall(performance)}; whether {either} costs most is open"
    if attribution.overlap < LIKE:
        unlike = f"{percent(1 - attribution.overlap)} of the rows are unlike any before"
        return f"{text}, for {unlike}: only a model that learnt from such rows would tell"
    if attribution.needed is not None:
        return f"{text}; about {_rounded(attribution.needed):,} labelled rows would tell"
    return f"{text}, and more labelled rows would hardly tell"


def open_fall(performance: Performance) -> str:
    """Say that performance fell, where nothing tells why."""
    return f"{fall(performance)}; there are too few labelled rows to say why"


def estimated(performance: Performance) -> str:
    """Say what performance is estimated at."""
    value = performance.estimated.value if performance.estimated is not None else float("nan")
    metric = performance.metric.replace("_", " ")
    return (
        f"{metric} is estimated at {value:.4g} against {performance.reference:.4g}; "
        "only labels would tell for certain"
    )


def mixed(mix: Sequence[ClassShare]) -> str:
    """Say which class became how common, as far as predictions tell."""
    most = max(mix, key=lambda s: abs(s.now - s.before))
    return (
        f"the share of {most.label!r} went from {percent(most.before)} to about "
        f"{percent(most.now)} ({percent(most.low)} to {percent(most.high)}), told without labels, "
        "and that explains all that moved"
    )


def fall(performance: Performance) -> str:
    """Say how far performance fell."""
    value = performance.realised.value if performance.realised is not None else float("nan")
    metric = performance.metric.replace("_", " ")
    return f"{metric} went from {performance.reference:.4g} to {value:.4g}"


def names(features: Sequence[str]) -> str:
    """Say features one after another.

    >>> names(("a", "b"))
    "'a' and 'b'"
    """
    told = [repr(name) for name in features]
    return ", ".join(told[:-1]) + (" and " if len(told) > 1 else "") + told[-1]


def percent(share: float) -> str:
    """Say a share; a small one is not said to be none.

    >>> percent(0.314), percent(0.004)
    ('31%', '0.4%')
    """
    small = 0 < abs(share) < 0.01  # noqa: PLR2004 - one percent
    return f"{share:.1%}" if small else f"{share:.0%}"


def _part(share: Share) -> str:
    low, high = max(share.low, 0.0), min(share.high, 1.0)
    value = min(max(share.value, 0.0), 1.0)
    return f"{percent(value)} ({percent(low)} to {percent(high)})"


def _rounded(rows: int) -> int:
    """Round up to two digits."""
    step = int(10 ** max(0, len(str(rows)) - 2))
    return -(-rows // step) * step


def _problem(problem: Problem) -> str:
    share, detail = percent(problem.share), f" ({problem.detail})" if problem.detail else ""
    if problem.problem == "duplicate":
        return f"{share} of rows repeat an earlier one{detail}"
    return f"{problem.feature!r} is {BROKEN[problem.problem]} in {share} of rows{detail}"
