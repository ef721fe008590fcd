"""Lets the loop decide on a world's window, and performs everything else as well."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from incidents import INCIDENTS, World
from worlds import Rows, window_of

from factory.bundle import Bundle, pipeline_outputs
from factory.metrics import metric_named
from factory.plan import History, applicable
from factory.rehearse import Rehearsed
from factory.remedies import DropFeatures, Remedy, Retrain, describe, is_fitted
from factory.worth import gain_needed
from flows.backtest.replay import Labelled, Moment
from flows.backtest.triggers import TRIGGERS
from flows.candidates import plans_for
from flows.case import Case, Examined
from flows.court import rule
from flows.finish import last_fit
from flows.loop import examine, try_remedies

AT = "2030-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class Judged:
    """How one decision turned out.

    Attributes:
        chosen: the remedy in words; kept where the gate refused it.
        best: the one that scores best on the coming rows.
        regret: what the best gains on keeping, less what the chosen one does.
        margin: by how much the owner declares not to care.
        fits: models fitted by the loop.
        others: regret of simple policies, by name.
    """

    table: str
    incident: str
    seed: int
    cause: str
    chosen: str
    best: str
    regret: float
    margin: float
    fits: int
    others: dict[str, float]

    @property
    def right(self) -> bool:
        return self.regret <= self.margin


def judge(table: str, incident: str, seed: int) -> Judged | None:
    """Decide in a world; None where the incident cannot happen to the table."""
    world = INCIDENTS[incident](Rows.of(table, seed), seed)
    if world is None:
        return None
    case = case_of(world)
    examined = examine(case)
    rehearsed = try_remedies(examined)
    gains = gains_of(world, examined, rehearsed)
    ruling = rule(examined, rehearsed)
    gain, refused = 0.0, ""
    if ruling.entry is not None and ruling.passed:
        gain = gain_of(world, ruling.entry.bundle, ruling.choice.remedy, examined)
    elif ruling.verdict is not None:
        refused = f" (refused: {ruling.verdict.because})"
    best = max(gains, key=lambda r: gains[r]) if max(gains.values()) > 0 else None
    top = gains[best] if best is not None else 0.0
    policy = case.config.policy
    margin = gain_needed(best, policy) if best is not None else policy.minimum_gain
    return Judged(
        table, incident, seed,
        cause=examined.diagnosis.cause,
        chosen=describe(ruling.choice.remedy) + refused,
        best=describe(best) if best is not None else "keeping the champion",
        regret=max(top - gain, 0.0),
        margin=margin,
        fits=sum(is_fitted(r.rehearsal.remedy) for r in rehearsed),
        others=others(world, gains, top),
    )  # fmt: skip


def case_of(world: World) -> Case:
    earlier = tuple(v for v in sorted(world.memory.versions, reverse=True) if v != world.version)
    return Case(
        model="world",
        version=world.version,
        champion=world.champion,
        config=world.config,
        window=window_of(world.stream.window, world.rows.schema),
        history=History(earlier, reign=len(earlier) + 1, windows_since_promotion=9),
        memory=world.memory,
        at=AT,
    )


def gains_of(
    world: World, examined: Examined, rehearsed: tuple[Rehearsed, ...]
) -> dict[Remedy, float]:
    """Perform every remedy that could apply, whatever the evidence, and score it on what comes."""
    case = examined.case
    evidence = examined.checked.evidence
    performance = replace(evidence.performance, alarm=True)
    drift = evidence.label_drift and replace(evidence.label_drift, alarm=True)
    alarmed = replace(evidence, performance=performance, label_drift=drift)
    task = case.champion.schema.task
    remedies = dict.fromkeys(
        applicable(alarmed, examined.diagnosis, case.history, case.config.policy, task=task)
    )
    if world.culprits:
        hows: Any = ("neutralise", "hedge", "refit")
        remedies |= dict.fromkeys(DropFeatures(world.culprits, how) for how in hows)
    gains = {}
    made = {entry.rehearsal.remedy: entry.bundle for entry in rehearsed}
    for remedy, prepare in plans_for(list(remedies), case, examined).items():
        bundle = made[remedy] if remedy in made else prepare()
        if bundle is not None and bundle is not case.champion:
            gains[remedy] = gain_of(world, bundle, remedy, examined)
    return gains or {Retrain("all"): 0.0}


def gain_of(world: World, measured: Bundle, remedy: Remedy, examined: Examined) -> float:
    """What a remedy gains on the champion, as it serves, on the rows that come after the window."""
    coming, schema = world.stream.coming, measured.schema
    pipeline = last_fit(measured, remedy, examined)
    metric = metric_named(measured.metric, world.rows.schema)
    truth = coming["y"].to_numpy()
    said = world.champion.outputs(coming), pipeline_outputs(pipeline, schema, coming)
    scores = [metric.value(truth, each) for each in said]
    return metric.gain(scores[0], scores[1])


def others(world: World, gains: dict[Remedy, float], top: float) -> dict[str, float]:
    """Regret of policies that know one remedy: to train again on all rows."""
    again = top - gains.get(Retrain("all"), 0.0)
    regrets = {"never": top, "always": again, "periodic:2": (top + again) / 2}
    for name, value in (("psi", 0.2), ("kofn", None), ("adwin", None)):
        trigger = TRIGGERS[name](world.rows.schema, world.stream.train, value, world.config.seed)
        moments = [trigger.look(moment) for moment in _moments(world)]
        regrets[name] = again if moments[-1] else top
    return regrets


def _moments(world: World) -> Iterator[Moment]:
    """Live through the earlier windows and the incident's, as a policy is told of them."""
    frames = [table.read()[0] for table in world.memory.kept[1:]] + [world.stream.window]
    for number, frame in enumerate(frames):
        window = window_of(frame, world.rows.schema)
        labelled = Labelled(number, window, world.champion.outputs(frame))
        yield Moment(number, window, labelled)
