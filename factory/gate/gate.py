"""The tests in their order, and the verdict in words."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from factory.bundle import Bundle, row_hashes
from factory.gate.bar import Bar, border
from factory.gate.costs import Costs, cost_tests
from factory.gate.sanity import DISTINCT, MOST_SEEN, degenerate_test, leak_test
from factory.gate.slices import Pair, forgetting_test, segment_test
from factory.metrics import encode, metric_named
from factory.nouns import Bools, GateTest, Outputs, Verdict
from factory.paired import Paired


def gate(
    champion: Bundle,
    challenger: Bundle,
    rows: pd.DataFrame,
    bar: Bar,
    *,
    older: pd.DataFrame | None = None,
    costs: Costs | None = None,
    crossed: tuple[Bools, Outputs] | None = None,
) -> Verdict:
    """Compare challenger and champion, paired, on labelled rows that neither was trained on.

    Of a refit this is the measured one; what is served in its place, having learnt from these rows
    as well, is looked at by ``served_tests``.

    Args:
        champion: the model that serves now.
        challenger: the model as the registry returns it, so that a bundle which does not
            survive saving and loading cannot pass.
        rows: labelled rows in time order; those that either model has seen do not count.
        bar: what is asked.
        older: labelled rows of before, for what must not be forgotten; the seen do not count.
        costs: measured beforehand (see ``measure_costs``), so that a verdict can be recomputed.
        crossed: rows that the challenger may have learnt from, shape (n,), and the outputs on all
            rows of its twin, which has not (see ``factory.rehearse.Twin``).

    Returns:
        A verdict that fails with the first test, where the others would say nothing; else all
        of them are made, and it names each that failed.
    """
    twin = np.zeros(len(rows), dtype=bool) if crossed is None else crossed[0]
    fresh, seen = _fresh(champion, challenger, rows, bar, twin)
    if not seen.passed:
        return Verdict(passed=False, because=seen.because, tests=(seen,))
    now = _pair(champion, challenger, rows.loc[fresh].reset_index(drop=True))
    if crossed is not None:
        now.challenger[twin[fresh]] = crossed[1][twin & fresh]
    schema = champion.schema
    truth = encode(schema.classes, now.truth, now.champion)
    sane = degenerate_test(schema, truth, now.challenger, now.champion)
    if not sane.passed:
        return Verdict(passed=False, because=sane.because, tests=(seen, sane))
    metric = metric_named(champion.metric, schema)
    main = _better(Paired.of(metric, now.truth, now.champion, now.challenger), bar)
    tests = [seen, sane, main]
    config = bar.config
    heard = set(challenger.schema.names) - set(challenger.neutralised)
    bar = replace(bar, silent=frozenset(champion.schema.names) - heard)
    if config.leak is not None:
        tests.append(leak_test(champion, challenger, now.frame, config.leak))
    if config.segment_loss is not None:
        tests.append(segment_test(champion, metric, now, bar))
    if config.forgetting is not None and older is not None:
        # Older rows may have taught the champion what they were held out from until then: the
        # model before that speaks for it. Where rows carry no id, the like of what a model has
        # seen is no new row either.
        known = champion.measured
        unseen = known.unseen(older) & challenger.unseen(older)
        before = _pair(known, challenger, older.loc[unseen].reset_index(drop=True))
        newest = now
        if known is not champion:
            newest = replace(now, champion=known.outputs(now.frame))
        tests.append(forgetting_test(champion, metric, newest, before, bar))
    if costs is not None:
        tests += cost_tests(costs, config)
    return _verdict(tests, main)


def served_tests(
    champion: Bundle,
    served: Bundle,
    rows: pd.DataFrame,
    said: Outputs,
    bar: Bar,
    costs: Costs | None = None,
) -> tuple[GateTest, ...]:
    """Look at what is to be served in place of a model that has passed the gate.

    It may have learnt from the rows, so that no score on them speaks for it. But it must make
    sense, and a model that knows the rows and still says worse of them than the one that does not
    was fitted wrongly. Latency and size are its own.

    Args:
        champion: the model that serves now.
        served: as the registry returns it, so that a bundle which does not survive saving and
            loading cannot pass.
        rows: labelled rows on which the measured model passed.
        said: that model's outputs on them.
        bar: what is asked.
        costs: measured beforehand, see ``gate``.
    """
    schema, metric = champion.schema, metric_named(champion.metric, champion.schema)
    labels, outputs = rows[schema.target].to_numpy(), served.outputs(rows)
    sane = degenerate_test(schema, encode(schema.classes, labels, said), outputs, said)
    tests = [replace(sane, name="served")]
    if sane.passed:
        found = Paired.of(metric, labels, said, outputs)
        worse = found.gain < -bar.config.margin and found.p_value(worse=True) <= bar.level
        words = "says worse" if worse else "says no worse"
        because = f"What is to be served {words} of the rows than what was measured"
        because = f"{because}: {metric.name} {found.gain:+.1%} on {found.rows:,} rows"
        figures: dict[str, float | int | str | None] = {"gain": found.gain, "rows": found.rows}
        tests.append(GateTest("served_fits", not worse, because, figures))
    return (*tests, *(cost_tests(costs, bar.config) if costs is not None else ()))


def with_tests(verdict: Verdict, more: Sequence[GateTest]) -> Verdict:
    """Add tests to a verdict that passed."""
    failed = [test.because for test in more if test.passed is False]
    tests = (*verdict.tests, *more)
    return Verdict(not failed, "; ".join(failed) or verdict.because, tests)


def gate_first(challenger: Bundle, baseline: float, bar: Bar) -> Verdict:
    """Ask of a first champion that it beats a model that ignores every feature.

    Args:
        challenger: the candidate, judged on its reference.
        baseline: the same metric of the best constant prediction on the same rows.
        bar: what is asked.
    """
    schema = challenger.schema
    metric = metric_named(challenger.metric, schema)
    rows, outputs = challenger.reference, challenger.reference_outputs
    said = (
        f"{metric.name} {challenger.reference_score:.4g} against {baseline:.4g} of a constant "
        f"on {len(rows):,} held-out rows"
    )
    truth = encode(schema.classes, rows[schema.target].to_numpy(), outputs)
    usual = np.eye(len(schema.classes))[truth] if schema.classes else truth
    sane = degenerate_test(schema, truth, outputs, usual)
    if not sane.passed:
        return Verdict(passed=False, because=sane.because, tests=(sane,))
    better = metric.gain(baseline, challenger.reference_score) > 0
    words = "The model beats" if better else "The model does not beat"
    figures = {"champion": baseline, "challenger": challenger.reference_score, "rows": len(rows)}
    main = GateTest("baseline", better, f"{words} a constant prediction: {said}", figures)
    tests = [sane, main]
    if bar.config.leak is not None:
        tests.append(leak_test(None, challenger, rows, bar.config.leak))
    return _verdict(tests, main)


def _verdict(tests: Sequence[GateTest], main: GateTest) -> Verdict:
    failed = [test.because for test in tests if test.passed is False]
    return Verdict(not failed, "; ".join(failed) or main.because, tuple(tests))


def _better(found: Paired, bar: Bar) -> GateTest:
    """Test the gain itself.

    An improvement has to be certain: its lower bound lies above 0. And it must be worth a
    version: a gain that is certainly below the one asked for fails. To ask for the measured gain
    itself would refuse half the challengers that are exactly as good as asked; as it is, one
    that passes measured at least about half of it.
    """
    low, high = found.bound(bar.level), found.bound(bar.level, upper=True)
    name = found.metric.name
    least = border(bar.asks, bar.config)
    needed = found.rows_needed(max(bar.gain, 1e-9), bar.level, least)
    figures: dict[str, float | int | str | None] = {
        "metric": name, "rows": found.rows, "champion": found.champion,
        "challenger": found.challenger, "gain": found.gain, "low": low, "high": high,
        "p_value": found.p_value(least), "level": bar.level, "rows_needed": needed,
    }  # fmt: skip
    measured = f"{name} {found.gain:+.1%} (at least {low:+.1%}) on {found.rows:,} rows"
    if not np.isfinite(found.gain):
        because = f"{name} is not defined on these {found.rows:,} rows"
        return GateTest(bar.asks, passed=False, because=because, figures=figures)
    certain = found.p_value(least) <= bar.level
    if bar.asks == "non_inferiority":
        words = "no worse" if certain else "not certainly no worse"
        because = f"The challenger is {words} (by {bar.config.margin:.1%}): {measured}"
        return GateTest(bar.asks, certain, because, figures)
    if certain and high >= bar.gain:
        because = f"The challenger does better: {measured}"
        return GateTest(bar.asks, passed=True, because=because, figures=figures)
    if certain:
        because = f"The gain is certain but below {bar.gain:.1%}: {measured}"
        return GateTest(bar.asks, passed=False, because=because, figures=figures)
    more = f"; about {needed:,} such rows would show it" if needed and needed > found.rows else ""
    because = f"No certain gain of {bar.gain:.1%}: {measured}{more}"
    return GateTest(bar.asks, passed=False, because=because, figures=figures)


def _pair(champion: Bundle, challenger: Bundle, rows: pd.DataFrame) -> Pair:
    truth = rows[champion.schema.target].to_numpy()
    if rows.empty:
        # No pipeline predicts no row.
        nothing = champion.reference_outputs[:0]
        return Pair(rows, truth, nothing, nothing)
    return Pair(rows, truth, champion.outputs(rows), challenger.outputs(rows))


def _unseen(champion: Bundle, challenger: Bundle, rows: pd.DataFrame) -> Bools:
    if not champion.schema.identifiable:
        return np.ones(len(rows), dtype=bool)
    return champion.unseen(rows) & challenger.unseen(rows)


def _fresh(
    champion: Bundle, challenger: Bundle, rows: pd.DataFrame, bar: Bar, twin: Bools
) -> tuple[Bools, GateTest]:
    """Return the rows that count, and whether they are enough and honest.

    Where rows carry neither moment nor id, equal rows may be others. But where nearly each of
    these is the only one of its kind, and the challenger was trained on the like of half of them
    while the champion was not, they are the same.
    """
    fresh = _unseen(champion, challenger, rows) | (twin & champion.unseen(rows))
    count = int(fresh.sum())
    figures: dict[str, float | int | str | None] = {"rows": count, "seen": len(rows) - count}
    if count < bar.minimum_rows:
        because = f"Only {count} rows are new to both models; {bar.minimum_rows} are needed"
        return fresh, GateTest("rows", passed=False, because=because, figures=figures)
    if not champion.schema.identifiable:
        distinct = len(np.unique(row_hashes(rows, champion.schema))) / len(rows)
        alone = rows.loc[~twin]
        excess = 0.0
        if len(alone):
            excess = float(champion.unseen(alone).mean() - challenger.unseen(alone).mean())
        figures |= {"distinct": distinct, "seen_by_challenger_only": excess}
        if distinct >= DISTINCT and excess > MOST_SEEN:
            because = f"The challenger was trained on {excess:.0%} of the {len(rows):,} rows"
            return fresh, GateTest("rows", passed=False, because=because, figures=figures)
    return fresh, GateTest("rows", passed=True, because=f"{count:,} rows are new to both models",
                           figures=figures)  # fmt: skip
