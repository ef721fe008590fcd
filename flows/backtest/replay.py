"""One policy's life: each window is scored by what serves, then acted on with what is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import process_time
from typing import Any, Protocol

import numpy as np
import pandas as pd

from factory.metrics import Metric
from factory.nouns import Outputs, Window
from flows.backtest.fits import Fits
from flows.backtest.stream import Stream, without_labels


@dataclass(frozen=True)
class Labelled:
    """A window with its labels, and what the model that served had said of its rows."""

    number: int
    window: Window
    outputs: Outputs


@dataclass(frozen=True)
class Moment:
    """What is known when a window has been served.

    Attributes:
        number: of the window, from 0.
        window: its rows, without labels.
        came: the window whose labels came in now; the same one where labels have no delay.
    """

    number: int
    window: Window
    came: Labelled | None


@dataclass(frozen=True)
class Action:
    """What a policy did after a window: a remedy's kind, why, and whatever else is to be told.

    ``trained`` says whether a model that was fitted for it serves from now on.
    """

    kind: str
    because: str
    trained: bool = False
    told: Mapping[str, Any] = field(default_factory=dict)


class Player(Protocol):
    """A policy at work: it serves, and acts on what it is told."""

    def outputs(self, frame: pd.DataFrame) -> Outputs:
        """Return what the serving model says of canonical rows."""

    def act(self, moment: Moment) -> Action:
        """Learn what the moment tells, and choose what serves the next window."""


@dataclass(frozen=True)
class Played:
    """What became of a policy.

    Attributes:
        by_window: the metric on each window's labelled rows; None where it is undefined.
        actions: one for each window but the last, which nothing follows.
        trainings: models that were fitted and served.
        fits: all different fits, also those that only took part in a rehearsal.
        seconds: processor seconds, as if no other policy had shared its fits.
    """

    by_window: tuple[float | None, ...]
    actions: tuple[Action, ...]
    trainings: int
    fits: int
    seconds: float

    @property
    def mean(self) -> float | None:
        """Mean over the windows that have a score; every window counts the same."""
        known = [score for score in self.by_window if score is not None]
        return float(np.mean(known)) if known else None


def replay(stream: Stream, player: Player, metric: Metric, *, delay: int, fits: Fits) -> Played:
    """Let a policy live through a stream.

    Args:
        stream: the windows.
        player: the policy.
        metric: what each window is scored by.
        delay: windows after which a window's labels are known; 0 is at once.
        fits: the player's, for what it costs.
    """
    started = process_time()
    waiting: list[Labelled] = []
    scores: list[float | None] = []
    actions: list[Action] = []
    last = len(stream.spans) - 1
    for number in range(last + 1):
        window = stream.window(number)
        outputs = player.outputs(window.frame)
        scores.append(_score(metric, window, outputs, stream.schema.target))
        waiting.append(Labelled(number, window, outputs))
        if number == last:
            break
        came = waiting.pop(0) if len(waiting) > delay else None
        shown = without_labels(window, stream.schema)
        actions.append(player.act(Moment(number, shown, came)))
    return Played(
        by_window=tuple(scores),
        actions=tuple(actions),
        trainings=sum(action.trained for action in actions),
        fits=fits.count,
        seconds=process_time() - started + fits.owed,
    )


def _score(metric: Metric, window: Window, outputs: Outputs, target: str) -> float | None:
    truth = window.frame[target]
    known = truth.notna().to_numpy()
    if not known.any():
        return None
    value = metric.value(truth.to_numpy()[known], outputs[known])
    return value if np.isfinite(value) else None
