"""When a baseline refits; each trigger sees what its policy is told, and nothing else."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np
import pandas as pd

from factory.detectors.features import detector
from factory.metrics import encode, row_losses
from factory.nouns import Floats, Schema
from factory.profile import Profile
from factory.summary import Summary
from flows.backtest.replay import Labelled, Moment
from training.fit import sampled

REFERENCE_ROWS = 50_000
"""Of those that the serving model learnt from, kept to compare windows with, at most."""
LEVEL = 0.05
HALF = 2
DIVERGENCE, LOSSES = 0.2, 0.002


class Trigger(Protocol):
    """Says after each window whether to refit."""

    def look(self, moment: Moment) -> str | None:
        """Return why to refit now; None is no alarm."""

    def restart(self, rows: pd.DataFrame) -> None:
        """Learn that a model serves which learnt from these labelled rows."""


class Calendar:
    """Every so many windows, or never.

    Args:
        every: windows; None is never.
    """

    def __init__(self, every: int | None) -> None:
        self._every = every

    def look(self, moment: Moment) -> str | None:
        """Alarm when it is time."""
        if self._every is None or (moment.number + 1) % self._every:
            return None
        return "after every window" if self._every == 1 else f"after every {self._every} windows"

    def restart(self, rows: pd.DataFrame) -> None:
        """Go on as before."""
        del rows


class Moved:
    """When features moved from what the serving model learnt from; dates are not compared.

    Args:
        schema: the features.
        rows: that the first model learnt from.
        names: detector of numbers, and of categories.
        alarms: from a detector's finding to whether it alarms.
        least: features that have to.
        seed: of the sample that windows are compared with.
    """

    def __init__(
        self,
        schema: Schema,
        rows: pd.DataFrame,
        names: tuple[str, str],
        alarms: Callable[[Any], bool],
        least: int,
        seed: int,
    ) -> None:
        plain = [c for c in schema.features if c.plain]
        self._kinds = {c.name: c.kind for c in plain}
        self._schema = schema.reading(tuple(plain))
        self._names, self._alarms, self._least, self._seed = names, alarms, least, seed
        self._reference = self._profile(rows)

    def look(self, moment: Moment) -> str | None:
        """Alarm when enough features moved."""
        now = Profile.of(moment.window.frame, self._schema)
        moved = [
            name
            for name in self._kinds
            if self._moved(name, self._reference.features[name], now.features[name])
        ]
        if len(moved) < self._least:
            return None
        return f"{', '.join(moved)} moved"

    def restart(self, rows: pd.DataFrame) -> None:
        """Compare with these rows from now on."""
        self._reference = self._profile(rows)

    def _moved(self, name: str, before: Summary, now: Summary) -> bool:
        number, category = self._names
        found = detector(number if self._kinds[name] == "number" else category)(before, now)
        return self._alarms(found)

    def _profile(self, rows: pd.DataFrame) -> Profile:
        kept = sampled(len(rows), REFERENCE_ROWS, self._seed)
        return Profile.of(rows.iloc[kept].reset_index(drop=True), self._schema)


class Adwin:
    """When river's ADWIN finds that the loss rose, row by row, as labels come in.

    Classes are judged right or wrong, values by their absolute error over the largest of the
    first labelled window, since ADWIN's bound is one for numbers between 0 and 1.

    Args:
        schema: of the target.
        level: chance of a false alarm, ADWIN's delta.
    """

    def __init__(self, schema: Schema, level: float) -> None:
        # River is an extra; who does not ask for it need not have it.
        from factory.online.river import drift  # noqa: PLC0415

        self._new: Callable[[], Any] = partial(drift.ADWIN, delta=level)
        self._schema, self._watch, self._largest = schema, self._new(), math.nan

    def look(self, moment: Moment) -> str | None:
        """Feed the losses that are known now."""
        if moment.came is None:
            return None
        rose = False
        for loss in self._losses(moment.came).tolist():
            before = self._watch.estimation
            self._watch.update(loss)
            rose |= self._watch.drift_detected and self._watch.estimation > before
        return "the loss rose" if rose else None

    def restart(self, rows: pd.DataFrame) -> None:
        """Forget the losses of the model that served."""
        del rows
        self._watch = self._new()

    def _losses(self, came: Labelled) -> Floats:
        truth = came.window.frame[self._schema.target]
        known = truth.notna().to_numpy()
        y, outputs = truth.to_numpy()[known], came.outputs[known]
        if self._schema.task != "regression":
            right = encode(self._schema.classes, y, outputs) == outputs.argmax(axis=1)
            return np.asarray(~right, dtype=np.float64)
        losses = row_losses(self._schema, y, outputs)
        if math.isnan(self._largest) and len(losses):
            self._largest = float(losses.max()) or 1.0
        return np.asarray(np.minimum(losses / self._largest, 1.0), dtype=np.float64)


def _psi(schema: Schema, rows: pd.DataFrame, value: float | None, seed: int) -> Trigger:
    limit = DIVERGENCE if value is None else value
    return Moved(schema, rows, ("psi", "psi"), lambda f: f.statistic > limit, 1, seed)


def _kofn(schema: Schema, rows: pd.DataFrame, value: float | None, seed: int) -> Trigger:
    features = sum(column.plain for column in schema.features)
    # Half of the features is when Evidently calls a data set drifted.
    least = max(1, -(-features // HALF)) if value is None else int(value)
    return Moved(schema, rows, ("ks", "chi2"), lambda f: f.p_value <= LEVEL, least, seed)


TRIGGERS: Mapping[str, Callable[[Schema, pd.DataFrame, float | None, int], Trigger]] = {
    "never": lambda *_: Calendar(None),
    "always": lambda *_: Calendar(1),
    "periodic": lambda _schema, _rows, value, _seed: Calendar(int(value or 1)),
    "psi": _psi,
    "kofn": _kofn,
    "adwin": lambda schema, _rows, value, _seed: Adwin(schema, LOSSES if value is None else value),
}
