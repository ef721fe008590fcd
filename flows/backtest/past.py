"""A model's past kept in memory and a folder: what the registry and the ledger are to the loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from factory.bundle import Bundle
from factory.nouns import Bools, Window
from factory.plan import History
from factory.policy import PolicyConfig
from factory.remedies import Remedy, Retrain, RollBack
from flows.backtest.scene import Scene
from flows.backtest.stream import load, save
from flows.case import Case
from flows.recall import Table


@dataclass(frozen=True)
class Decided:
    """A decision: what was to be done, and the version that it replaced, if it did."""

    remedy: Remedy
    replaced: int | None = None


@dataclass
class Past:
    """Versions, promotions and windows of one model in one replay.

    Its clock stands still, so that no decision can hang on how fast a machine is: seconds cost
    nothing here, and a search is bounded by its trials.

    Attributes:
        scene: the stage.
        folder: an empty one, for versions.
        champion: the model that serves.
        promoted: version of each promotion, the oldest first.
        made: number of versions.
        decided: the decisions, the oldest first.
        windows: those that were decided on, labelled and not quarantined.
    """

    scene: Scene
    folder: Path
    champion: Bundle
    promoted: list[int] = field(default_factory=list)
    made: int = 0
    decided: list[Decided] = field(default_factory=list)
    windows: list[Table] = field(default_factory=list)

    @classmethod
    def of(cls, scene: Scene, folder: Path) -> "Past":
        """Begin with the first champion and the rows it was trained on."""
        folder.mkdir(parents=True)
        training = scene.stream.training
        first = Table(training.version.sha256, trained=True, read=lambda: (training.frame, {}))
        past = cls(scene, folder, scene.champion, windows=[first])
        past.promoted.append(past.keep(scene.champion))
        return past

    def load(self, version: int) -> Bundle:
        """Return an earlier version."""
        bundle: Bundle = load(self.folder / f"{version}.pickle")
        return bundle

    def tables(self) -> Sequence[Table]:
        """Return the rows known so far, oldest first."""
        return self.windows

    def clock(self) -> float:
        """Return always the same moment."""
        return 0.0

    def keep(self, bundle: Bundle) -> int:
        """Keep a model, and return its version."""
        self.made += 1
        save(bundle, self.folder / f"{self.made}.pickle")
        return self.made

    def decide(self, remedy: Remedy, served: Bundle | None) -> None:
        """Note a decision, and promote the model that came of it; None leaves the champion."""
        if served is None:
            self.decided.append(Decided(remedy))
            return
        version = remedy.to_version if isinstance(remedy, RollBack) else self.keep(served)
        self.decided.append(Decided(remedy, replaced=self.promoted[-1]))
        self.promoted.append(version)
        self.champion = served

    def remember(self, number: int, window: Window, broken: Mapping[str, Bools]) -> None:
        """Add a labelled window to the rows that later fits learn from."""
        kept = {name: mask for name, mask in broken.items() if mask.any()}

        def read() -> tuple[pd.DataFrame, Mapping[str, Bools]]:
            return self.scene.stream.window(number).frame, kept

        self.windows.append(Table(window.version.sha256, trained=False, read=read))

    def case(self, window: Window) -> Case:
        """Return a window as the loop is to judge it."""
        config = self.scene.config
        return Case(
            model=config.name,
            version=self.promoted[-1],
            champion=self.champion,
            config=config,
            window=window,
            history=self._history(config.policy),
            memory=self,
            at=_moment(window),
        )

    def _history(self, policy: PolicyConfig) -> History:
        now = self.promoted[-1]
        changes = [number for number, d in enumerate(self.decided) if d.replaced is not None]
        lately = self.decided[-policy.settle :] if policy.settle else []
        counted = self.decided[-policy.retrains_within :]
        return History(
            earlier=tuple(v for v in dict.fromkeys(reversed(self.promoted)) if v != now),
            reign=len(self.promoted),
            windows_since_promotion=len(self.decided) - (changes[-1] + 1 if changes else 0),
            left=tuple(d.replaced for d in lately if d.replaced is not None),
            retrains=sum(isinstance(d.remedy, Retrain) for d in counted),
        )


def _moment(window: Window) -> str:
    """Return the moment at which a window is judged: when its last row happened."""
    return f"{window.version.end or '2000-01-01T00:00:00'}+00:00"
