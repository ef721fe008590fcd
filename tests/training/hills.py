"""Objectives that score without a fit."""

from collections.abc import Iterator, Mapping

from factory.metrics import Metric
from training.objective import Score
from training.space import Choice, Float, Int, Space

ERROR = Metric("mean_absolute_error", greater_is_better=False, task="regression", classes=())
SCORE = Metric("r2", greater_is_better=True, task="regression", classes=())


class Hill:
    """Family ``right`` is best at x = 3, family ``wrong`` is far off."""

    folds = (((0,) * 900, ()),) * 3
    metric = ERROR
    spaces: Mapping[str, Space] = {
        "wrong": {"x": Float(-10, 10, start=0.0)},
        "right": {
            "x": Float(-10, 10, start=-5.0),
            "kind": Choice(("plain", "odd")),
            "y": Float(0, 1, start=0.5, when=("kind", ("odd",))),
        },
    }
    starts = (("wrong", {"x": 0.0}), ("right", {"x": -5.0, "kind": "plain"}))

    def __init__(self) -> None:
        self.scored = 0

    def steps(self, _) -> int:
        return 3

    def scores(self, proposal) -> Iterator[Score]:
        params = proposal.params
        far = abs(params["x"] - 3) + (50 if proposal.family == "wrong" else params.get("y", 0))
        for fold in range(3):
            self.scored += 1
            yield Score(far + fold)


class Slope(Hill):
    """One family of plain numbers, best at x = 3 and n = 40."""

    spaces: Mapping[str, Space] = {
        "only": {"x": Float(-10, 10, start=-5.0), "n": Int(1, 100, start=10, log=True)}
    }
    starts = (("only", {"x": -5.0, "n": 10}),)

    def scores(self, proposal):
        params = proposal.params
        for fold in range(3):
            yield Score(abs(params["x"] - 3) + abs(params["n"] - 40) / 40 + fold)
