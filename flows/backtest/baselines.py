"""Policies that only ever refit: when, a trigger says; on what, the policy's name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from factory.bundle import Bundle, pipeline_outputs
from factory.config import ModelConfig
from factory.errors import BadData
from factory.nouns import Outputs
from flows.backtest.fits import Fits, fit_key
from flows.backtest.names import Named
from flows.backtest.replay import Action, Moment, Player
from flows.backtest.scene import Scene
from flows.backtest.triggers import TRIGGERS, Trigger
from training.family import family_named, loss_for
from training.fit import fit_pipeline
from training.labels import labelled


@dataclass
class Baseline:
    """Refits the first model's recipe when its trigger says so.

    It looks at nothing else: broken rows are learnt from like any other.
    """

    champion: Bundle
    pipeline: Any
    config: ModelConfig
    trigger: Trigger
    newest: int | None
    fits: Fits
    rows: list[pd.DataFrame]
    fresh: bool = False

    def outputs(self, frame: pd.DataFrame) -> Outputs:
        """Return what the serving model says."""
        return pipeline_outputs(self.pipeline, self.champion.schema, frame)

    def act(self, moment: Moment) -> Action:
        """Take in the labels that came, and refit where the trigger alarms."""
        if moment.came is not None:
            self.rows.append(labelled(moment.came.window.frame, self.champion.schema))
            self.fresh = self.fresh or len(self.rows[-1]) > 0
        because = self.trigger.look(moment)
        if because is None:
            return Action("keep", "no alarm")
        if not self.fresh:
            return Action("keep", f"{because}; no label came since the last fit")
        return self._refit(because)

    def _refit(self, because: str) -> Action:
        rows = pd.concat(self.rows, ignore_index=True)
        if self.newest is None:
            self.rows = [rows]
        else:
            rows = rows.tail(self.newest).reset_index(drop=True)
            self.rows = [rows]
        try:
            self.pipeline = _fit(self.champion, rows, self.config, self.fits)
        except (BadData, ValueError) as error:
            # Such rows teach nothing, as one class alone does; the model that served goes on.
            return Action("keep", f"{because}; the refit failed: {error}")
        self.fresh = False
        self.trigger.restart(rows)
        return Action("retrain", because, trained=True, told={"rows": len(rows)})


def player(scene: Scene, policy: Named, fits: Fits) -> Player:
    """Return a baseline by its name."""
    champion = scene.champion
    training = labelled(scene.stream.training.frame, champion.schema)
    size = scene.stream.spans[0].rows
    make: Callable[..., Trigger] = TRIGGERS[policy.kind]
    return Baseline(
        champion=champion,
        pipeline=champion.pipeline,
        config=scene.config,
        trigger=make(champion.schema, training, policy.value, scene.config.seed),
        newest=None if policy.windows is None else policy.windows * size,
        fits=fits,
        rows=[training],
    )


def _fit(champion: Bundle, rows: pd.DataFrame, config: ModelConfig, fits: Fits) -> Any:
    schema = champion.schema
    family = family_named(champion.family)
    loss = loss_for(family, schema.task, config.search.loss, champion.metric)
    settings = (config.features, family.name, champion.params, loss, config.seed)
    recipe = [config.features.model_dump(), family.name, dict(champion.params), loss, config.seed]
    key = fit_key(rows, ["pipeline", schema.names, recipe])
    return fits.get(key, lambda: fit_pipeline(rows, schema, *settings))
