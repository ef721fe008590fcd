"""The policy ``factory``: the loop of ``factory run`` itself, with its past in memory."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from factory.bundle import Bundle
from factory.nouns import Outputs, Window
from factory.plan import Phase
from factory.rehearse import Rehearsed
from factory.remedies import (
    Choice,
    DropFeatures,
    FixSource,
    RollBack,
    is_fitted,
    remedy_json,
)
from flows.backtest.fits import Fits
from flows.backtest.names import Named
from flows.backtest.past import Past
from flows.backtest.replay import Action, Moment, Player
from flows.backtest.scene import Scene
from flows.case import Examined
from flows.court import Ruling, as_served, rule
from flows.finish import finished
from flows.loop import examine, try_remedies


@dataclass
class Ours:
    """Judges a window when its rows come in, and once more when its labels do."""

    past: Past
    fits: Fits

    def outputs(self, frame: pd.DataFrame) -> Outputs:
        """Return what the champion says."""
        return self.past.champion.outputs(frame)

    def act(self, moment: Moment) -> Action:
        """Run the loop on the window whose labels came in, and on the newest one."""
        actions = []
        if moment.came is not None:
            actions += self._judge(moment.came.number, moment.came.window)
        if moment.came is None or moment.came.number != moment.number:
            actions += self._judge(moment.number, moment.window)
        last = next((a for a in reversed(actions) if a.kind != "keep"), actions[-1])
        told = {"decisions": [action.told for action in actions]}
        return replace(last, trained=any(action.trained for action in actions), told=told)

    def _judge(self, number: int, window: Window) -> list[Action]:
        """Decide on a window; where data broke, first on what is prepared, then on the rest."""
        case = self.past.case(window)
        examined = examine(case)
        actions = []
        if examined.diagnosis.cause == "data_quality" and examined.enough:
            first = self._decide(number, _in_phase(examined, "at_once"))
            makeshift = isinstance(first.choice.remedy, DropFeatures)
            if makeshift and first.served is not None:
                actions.append(self._settle(first))
                examined = examine(replace(self.past.case(window), phase="then"))
        last = self._decide(number, examined)
        actions.append(self._settle(last))
        quarantined = isinstance(last.choice.remedy, FixSource)
        if not quarantined and examined.checked.evidence.labelled:
            self.past.remember(number, window, examined.checked.broken)
        return actions

    def _decide(self, number: int, examined: Examined) -> "_Decision":
        """Rehearse, decide, and make what is to serve.

        Latency is no matter here, since it is another on every machine, and a person who has to
        approve is taken to agree.
        """
        rehearsed = try_remedies(examined)
        self.fits.count += sum(is_fitted(entry.rehearsal.remedy) for entry in rehearsed)
        failed: list[Ruling] = []
        while True:
            ruling = rule(examined, rehearsed, failed)
            entry, verdict = ruling.entry, ruling.verdict
            if entry is None or verdict is None or not verdict.passed:
                return _Decision(number, examined, rehearsed, ruling)
            if isinstance(ruling.choice.remedy, RollBack):
                return _Decision(number, examined, rehearsed, ruling, entry.bundle)
            self.fits.count += is_fitted(ruling.choice.remedy)
            made = finished(entry, examined)
            ruling = replace(ruling, verdict=as_served(verdict, entry, made, examined))
            if ruling.passed:
                return _Decision(number, examined, rehearsed, ruling, made)
            failed.append(ruling)

    def _settle(self, decision: "_Decision") -> Action:
        self.past.decide(decision.ruling.choice.remedy, decision.served)
        return _told(decision)


@dataclass(frozen=True)
class _Decision:
    number: int
    examined: Examined
    rehearsed: tuple[Rehearsed, ...]
    ruling: Ruling
    served: Bundle | None = None

    @property
    def choice(self) -> Choice:
        return self.ruling.choice


def _in_phase(examined: Examined, phase: Phase) -> Examined:
    return replace(examined, case=replace(examined.case, phase=phase))


def player(scene: Scene, policy: Named, fits: Fits) -> Player:
    """Return our policy."""
    return Ours(Past.of(scene, scene.stream.folder / policy.name), fits)


def _told(decision: _Decision) -> Action:
    examined, choice, verdict = decision.examined, decision.choice, decision.ruling.verdict
    served = decision.served is not None
    told: dict[str, Any] = {
        "judged": decision.number,
        "phase": examined.case.phase,
        "remedy": remedy_json(choice.remedy),
        "cause": examined.diagnosis.cause,
        "culprits": list(examined.diagnosis.culprits),
        "alarm": examined.checked.evidence.alarm,
        "because": choice.because,
        "verdict": None if verdict is None else verdict.because,
        "passed": None if verdict is None else verdict.passed,
        "refused": [remedy_json(one.remedy) for one in decision.ruling.refused],
        "rehearsals": [
            {
                "remedy": remedy_json(entry.rehearsal.remedy),
                "score": entry.rehearsal.score,
                "gain": entry.rehearsal.gain,
                "gain_low": entry.rehearsal.gain_low,
            }
            for entry in decision.rehearsed
        ],
    }
    refused = verdict is not None and not served
    kind = "keep" if refused else choice.remedy.kind
    return Action(kind, choice.because, served and is_fitted(choice.remedy), told)
