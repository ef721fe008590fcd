"""A model's past kept in memory and a folder: what the registry and the ledger are to the loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from factory.bundle import Bundle
from factory.nouns import Bools, Window
from factory.plan import History, Promoted
from factory.remedies import Remedy, RollBack, is_fitted
from factory.replay.older import remembered
from flows.backtest.scene import Scene
from flows.backtest.stream import load, save
from flows.case import Case
from flows.recall import Table
from flows.replayed import DRAWN, drawn


@dataclass
class Past:
    """Versions, promotions and windows of one model in one replay.

    Its clock stands still, so that no decision can hang on how fast a machine is: seconds cost
    nothing here, and a search is bounded by its trials.

    Attributes:
        scene: the stage.
        folder: an empty one, for versions.
        champion: the model that serves.
        promoted: promotions, the oldest first.
        made: number of versions.
        decided: kind of the remedy of each decision, the oldest first.
        windows: those that were decided on, labelled and not quarantined.
        newest: the newest version, which draws the like of rows that are not kept.
    """

    scene: Scene
    folder: Path
    champion: Bundle
    promoted: list[Promoted] = field(default_factory=list)
    made: int = 0
    decided: list[str] = field(default_factory=list)
    windows: list[Table] = field(default_factory=list)
    newest: Bundle | None = None

    @classmethod
    def of(cls, scene: Scene, folder: Path) -> "Past":
        """Begin with the first champion and the rows it was trained on."""
        folder.mkdir(parents=True)
        training = scene.stream.training
        first = Table(training.version.sha256, trained=True, read=lambda: (training.frame, {}))
        given = scene.config.replay, training.frame, (training.version.sha256,)
        champion = replace(
            scene.champion, replay=remembered(scene.champion, *given, seed=scene.config.seed)
        )
        past = cls(scene, folder, champion, windows=[first], newest=champion)
        past.promoted.append(Promoted(past.keep(champion), None, 0, decided=False))
        return past

    def load(self, version: int) -> Bundle:
        """Return an earlier version."""
        bundle: Bundle = load(self.folder / f"{version}.pickle")
        return bundle

    def tables(self) -> Sequence[Table]:
        """Return the rows known so far, oldest first."""
        newest, config = self.newest, self.scene.config.replay
        if newest is None or newest.replay is None or config is None or config.keep:
            return self.windows
        gone = newest.replay.tables
        there = [table for table in self.windows if table.sha256 not in gone]
        return [Table(DRAWN, trained=True, read=lambda: drawn(newest), stands=gone), *there]

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
        self.decided.append(remedy.kind)
        if served is None:
            return
        version = remedy.to_version if isinstance(remedy, RollBack) else self.keep(served)
        previous = self.promoted[-1].version
        self.promoted.append(Promoted(version, previous, len(self.decided), decided=True))
        self.champion = served
        if is_fitted(remedy):
            self.newest = served

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
            version=self.promoted[-1].version,
            champion=self.champion,
            config=config,
            window=window,
            history=History.of(self.promoted, self.decided, config.policy),
            memory=self,
            at=_moment(window),
        )


def _moment(window: Window) -> str:
    """Return the moment at which a window is judged: when its last row happened."""
    return f"{window.version.end or '2000-01-01T00:00:00'}+00:00"
