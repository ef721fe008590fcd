"""The policy ``oracle``: performs every remedy, and takes what does best on the next window.

It looks one window ahead and not further, so that it is the best of what could be done now, not
the best of all ways through the stream. Its candidates learn from every labelled row that has
come in, since none has to be held back to choose by.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.metrics import Metric, metric_named
from factory.nouns import Outputs
from factory.plan import applicable, fits
from factory.remedies import Keep, Remedy, RollBack, is_fitted, is_search, remedy_json
from flows.backtest.fits import Fits
from flows.backtest.names import Named
from flows.backtest.past import Past
from flows.backtest.replay import Action, Moment, Player
from flows.backtest.scene import Scene
from flows.candidates import plans_for
from flows.case import Case, Examined, Pool
from flows.loop import examine
from training.judge import completed


@dataclass
class Oracle:
    """Chooses by the labels of the window to come, which nobody else may see."""

    past: Past
    metric: Metric
    fits: Fits

    def outputs(self, frame: pd.DataFrame) -> Outputs:
        """Return what the champion says."""
        return self.past.champion.outputs(frame)

    def act(self, moment: Moment) -> Action:
        """Perform every remedy on the window whose labels came in, and keep the best."""
        if moment.came is None:
            return Action("keep", "no label has come in")
        past = self.past
        case = past.case(moment.came.window)
        examined = examine(case)
        known = case.labelled
        alone = Pool.of(case.window.frame, examined.checked.broken)
        examined = replace(examined, pool=alone, learn=known, measure=known, folds=())
        tried = self._tried(case, examined, moment.number + 1)
        remedy, bundle, score = self._best(tried)
        chosen = None
        if not isinstance(remedy, Keep):
            rolls_back = isinstance(remedy, RollBack)
            chosen = bundle if rolls_back else completed(bundle, case.config)
        past.decide(remedy, chosen)
        past.remember(moment.came.number, moment.came.window, examined.checked.broken)
        told = {
            "remedy": remedy_json(remedy),
            "tried": [{"remedy": remedy_json(r), "score": s} for r, _, s in tried],
        }
        because = f"the best of {len(tried)} on the next window, {score:.4g}"
        return Action(remedy.kind, because, is_fitted(remedy), told)

    def _tried(
        self, case: Case, examined: Examined, following: int
    ) -> list[tuple[Remedy, Bundle, float]]:
        frame = self.past.scene.stream.window(following).frame
        truth = frame[case.champion.schema.target]
        known = truth.notna().to_numpy()
        y = truth.to_numpy()[known]
        tried = []
        for remedy, prepare in plans_for(_remedies(case, examined), case, examined).items():
            bundle = prepare()
            if bundle is None:
                continue
            self.fits.count += is_fitted(remedy)
            score = self.metric.value(y, bundle.outputs(frame)[known]) if known.any() else np.nan
            tried.append((remedy, bundle, score))
        return tried

    def _best(self, tried: list[tuple[Remedy, Bundle, float]]) -> tuple[Remedy, Bundle, float]:
        """Return the best; of equal ones the first, which is the cheapest."""
        best = tried[0]
        for one in tried[1:]:
            if self.metric.gain(best[2], one[2]) > 0:
                best = one
        return best


def player(scene: Scene, policy: Named, fits: Fits) -> Player:
    """Return the oracle."""
    metric = metric_named(scene.champion.metric, scene.champion.schema)
    return Oracle(Past.of(scene, scene.stream.folder / policy.name), metric, fits)


def _remedies(case: Case, examined: Examined) -> list[Remedy]:
    """List what applies, and every refit, for which the loop would want a reason first."""
    evidence, diagnosis = examined.checked.evidence, examined.diagnosis
    policy, task = case.config.policy, case.champion.schema.task
    unbound = replace(case.history, retrains=0)
    found = applicable(evidence, diagnosis, unbound, policy, task=task)
    return list(dict.fromkeys([*found, *(r for r in fits((), policy) if not is_search(r))]))
