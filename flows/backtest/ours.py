"""The policy ``factory``: the loop of ``factory run`` itself, with its past in memory."""

from dataclasses import dataclass, replace
from typing import Any, assert_never

import pandas as pd

from factory.bundle import Bundle
from factory.nouns import (
    Adapt,
    AskLabels,
    Choice,
    DropFeatures,
    FixSource,
    Keep,
    Outputs,
    Retrain,
    RollBack,
    Verdict,
    Window,
    remedy_json,
)
from factory.rehearse import Rehearsed
from factory.remedies import is_fitted
from flows.act import verdict_on
from flows.backtest.fits import Fits
from flows.backtest.names import Named
from flows.backtest.past import Past
from flows.backtest.replay import Action, Moment, Player
from flows.backtest.scene import Scene
from flows.case import Case, Examined
from flows.loop import choose, examine, try_remedies
from training.judge import completed


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
            actions.append(self._judge(moment.came.number, moment.came.window))
        if moment.came is None or moment.came.number != moment.number:
            actions.append(self._judge(moment.number, moment.window))
        last = next((a for a in reversed(actions) if a.kind != "keep"), actions[-1])
        told = {"decisions": [action.told for action in actions]}
        return replace(last, trained=any(action.trained for action in actions), told=told)

    def _judge(self, number: int, window: Window) -> Action:
        case = self.past.case(window)
        examined = examine(case)
        rehearsed = try_remedies(case, examined)
        self.fits.count += sum(is_fitted(entry.rehearsal.remedy) for entry in rehearsed)
        choice = choose(case, examined, rehearsed)
        verdict, served = _perform(case, examined, rehearsed, choice)
        self.past.decide(choice.remedy, served)
        if not isinstance(choice.remedy, FixSource) and examined.checked.evidence.labelled:
            self.past.remember(number, window, examined.checked.broken)
        return _told(number, examined, rehearsed, choice, verdict)


def _perform(
    case: Case, examined: Examined, rehearsed: tuple[Rehearsed, ...], choice: Choice
) -> tuple[Verdict | None, Bundle | None]:
    """Put what was chosen through the gate, and return what serves if it passed.

    Latency is no matter here, since it is another on every machine.
    """
    match choice.remedy:
        case Keep() | FixSource() | AskLabels():
            return None, None
        case RollBack() | Adapt() | DropFeatures() | Retrain():
            entry = next(r for r in rehearsed if r.rehearsal.remedy == choice.remedy)
        case _:
            assert_never(choice.remedy)
    verdict = verdict_on(entry.bundle, case, examined, entry.rehearsal)
    if not verdict.passed:
        return verdict, None
    if isinstance(choice.remedy, RollBack):
        return verdict, entry.bundle
    return verdict, completed(entry.bundle, case.config)


def player(scene: Scene, policy: Named, fits: Fits) -> Player:
    """Return our policy."""
    return Ours(Past.of(scene, scene.stream.folder / policy.name), fits)


def _told(
    number: int,
    examined: Examined,
    rehearsed: tuple[Rehearsed, ...],
    choice: Choice,
    verdict: Verdict | None,
) -> Action:
    refused = verdict is not None and not verdict.passed
    told: dict[str, Any] = {
        "judged": number,
        "remedy": remedy_json(choice.remedy),
        "cause": examined.diagnosis.cause,
        "culprits": list(examined.diagnosis.culprits),
        "alarm": examined.checked.evidence.alarm,
        "because": choice.because,
        "verdict": None if verdict is None else verdict.because,
        "passed": None if verdict is None else verdict.passed,
        "rehearsals": [
            {
                "remedy": remedy_json(entry.rehearsal.remedy),
                "score": entry.rehearsal.score,
                "gain": entry.rehearsal.gain,
                "gain_low": entry.rehearsal.gain_low,
            }
            for entry in rehearsed
        ],
    }
    kind = "keep" if refused else choice.remedy.kind
    served = verdict is not None and verdict.passed
    return Action(kind, choice.because, served and is_fitted(choice.remedy), told)
