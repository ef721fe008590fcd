"""Puts remedies' models through the gate, the best first, until one passes."""

from collections.abc import Sequence
from dataclasses import dataclass

from factory.bundle import Bundle
from factory.decide import Refused
from factory.gate import Bar, Costs, gate, served_tests, with_tests
from factory.nouns import GateTest, Verdict
from factory.rehearse import Rehearsed
from factory.remedies import Adapt, Choice, Remedy
from flows.case import Examined
from flows.loop import choose, judging_rows
from flows.older import older_rows, read_by


@dataclass(frozen=True)
class Ruling:
    """What was chosen, and what the gate said of it.

    Attributes:
        choice: the best remedy that passed; where none did, the best one.
        entry: its rehearsal; None where nothing new is to serve.
        verdict: of the gate; None where there was nothing to judge.
        refused: the others that the gate refused, in the order in which they were tried.
    """

    choice: Choice
    entry: Rehearsed | None = None
    verdict: Verdict | None = None
    refused: tuple[Refused, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the gate passed what was chosen."""
        return self.verdict is not None and self.verdict.passed

    @property
    def known(self) -> tuple[Refused, ...]:
        """What had been refused when the choice was made."""
        return self.refused if self.passed else ()


def rule(
    examined: Examined, rehearsed: Sequence[Rehearsed], failed: Sequence[Ruling] = ()
) -> Ruling:
    """Decide, and ask the gate; where it refuses, decide again without what it refused.

    The next best is asked for only where it may replace the champion, too. Where nothing passes,
    the best stands with its verdict, and nothing is served.

    Args:
        examined: what was found out about the window.
        rehearsed: what was measured.
        failed: rulings whose model passed, in the order in which they were made, but not as it
            was to serve, with the verdict of that last look.
    """
    first: Ruling | None = failed[0] if failed else None
    refused = _refusals(failed[-1]) if failed else ()
    while True:
        choice = choose(examined, rehearsed, refused)
        entry = next((r for r in rehearsed if r.rehearsal.remedy == choice.remedy), None)
        if entry is None or entry.bundle is examined.court.champion:
            break
        verdict = verdict_on(entry, examined)
        ruling = Ruling(choice, entry, verdict, refused)
        if verdict.passed:
            return ruling
        first = first or ruling
        refused = _refusals(ruling)
    if first is None:
        return Ruling(choice)
    others = tuple(one for one in refused if one.remedy != first.choice.remedy)
    return Ruling(first.choice, first.entry, first.verdict, others)


def _refusals(ruling: Ruling) -> tuple[Refused, ...]:
    because = "" if ruling.verdict is None else ruling.verdict.because
    return (*ruling.refused, Refused(ruling.choice.remedy, because))


def verdict_on(entry: Rehearsed, examined: Examined) -> Verdict:
    """Put a measured model through the gate, on the rows that the remedies were measured on.

    What was adapted has the champion's weights and cannot have forgotten anything; older rows,
    which came in the old unit, or with the old shares, do not judge it.
    """
    remedy, champion = entry.rehearsal.remedy, examined.court.champion
    rows = judging_rows(examined)
    older = None
    if not isinstance(remedy, Adapt):
        older = older_rows(examined.rows, read_by(champion, entry.bundle), rows)
    learnt = examined.learn[examined.judged]
    crossed = (learnt, entry.outputs) if examined.folds else None
    bar = _bar(remedy, entry, examined)
    return gate(champion, entry.bundle, rows, bar, older=older, crossed=crossed)


def as_served(
    verdict: Verdict,
    entry: Rehearsed,
    served: Bundle | None,
    examined: Examined,
    costs: Costs | None = None,
) -> Verdict:
    """Return the gate's verdict once it has seen what is to serve.

    Args:
        verdict: by which the measured model passed.
        entry: its rehearsal.
        served: as it would serve; None where it could not be made.
        examined: what was found out about the window.
        costs: see ``factory.gate.measure_costs``.
    """
    if served is None:
        because = "The recipe that was measured cannot be fitted on all rows"
        return with_tests(verdict, [GateTest("served", passed=False, because=because)])
    bar = _bar(entry.rehearsal.remedy, entry, examined)
    given = examined.case.champion, served, judging_rows(examined), entry.outputs, bar
    return with_tests(verdict, served_tests(*given, costs))


def _bar(remedy: Remedy, entry: Rehearsed, examined: Examined) -> Bar:
    return Bar.of(examined.case.config, remedy, level=entry.rehearsal.level)
