"""One window before the court, and what was found out about it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from factory.adapt.unit import aligned
from factory.bundle import Bundle
from factory.change import change_point
from factory.check import Checked
from factory.config import ModelConfig
from factory.metrics import row_losses
from factory.nouns import Bools, Diagnosis, Window
from factory.plan import History, Phase
from flows.recall import Memory, Rows, gather

CHANGE_WINDOWS = 10
"""Windows back to which a change of the losses is looked for."""


@dataclass(frozen=True)
class Case:
    """One window before the court: the champion, the rows, and what is known of the past.

    Attributes:
        model: registered name.
        version: of the champion.
        champion: the model that serves.
        config: its rules.
        window: the rows.
        history: what happened before.
        memory: earlier versions and rows.
        at: the present moment, UTC, ISO format.
        phase: of the decision.
        source: where the rows came from, without a password.
    """

    model: str
    version: int
    champion: Bundle
    config: ModelConfig
    window: Window
    history: History
    memory: Memory
    at: str
    phase: Phase = "whole"
    source: str = ""

    @property
    def rules(self) -> str:
        """Hash of the rules that the decision follows."""
        check = self.config.check.model_dump(exclude={"evidently", "evidently_rows"})
        policy = self.config.policy.model_dump()
        return _digest([check, policy, self.config.seed])

    @property
    def id(self) -> str:
        """Identify the decision: same model, reign, window, rules and phase."""
        reign, rows = self.history.reign, self.window.version.sha256
        return _digest([self.model, reign, rows, self.rules, self.phase])

    @property
    def labelled(self) -> Bools:
        """Rows with a label that the champion was not trained on, shape (rows,)."""
        schema = self.champion.schema
        frame = self.window.frame
        if schema.target not in frame:
            return np.zeros(len(frame), dtype=bool)
        known = frame[schema.target].notna().to_numpy()
        return known & self.champion.unseen(frame) if schema.identifiable else known


@dataclass(frozen=True)
class Pool:
    """Rows among which remedies are measured: a window's, or a small window's and earlier ones.

    Attributes:
        frame: canonical rows, the window's last.
        broken: per feature, which of them are broken, shape (rows,).
        earlier: how many of them came in earlier windows.
    """

    frame: pd.DataFrame
    broken: Mapping[str, Bools]
    earlier: int = 0

    @classmethod
    def of(cls, frame: pd.DataFrame, broken: Mapping[str, Bools]) -> "Pool":
        """Return a window's rows alone."""
        return cls(frame, broken)

    def after(self, earlier: pd.DataFrame) -> "Pool":
        """Return the same rows after sound, labelled ones of earlier windows."""
        rows = earlier.reindex(columns=self.frame.columns)
        sound = np.zeros(len(rows), dtype=bool)
        return Pool(
            pd.concat([rows, self.frame], ignore_index=True),
            {name: np.concatenate([sound, mask]) for name, mask in self.broken.items()},
            len(rows),
        )

    def mask(self, known: Bools) -> Bools:
        """Return which rows have a label, by which of the window's own have."""
        return np.concatenate([np.ones(self.earlier, dtype=bool), known])


@dataclass(frozen=True)
class Examined:
    """What was measured and concluded of a case before anything was tried.

    Attributes:
        case: the window, and what it is judged by.
        checked: what was measured.
        diagnosis: what was concluded.
        pool: the rows that the masks below are of.
        measure: labelled rows that remedies are measured on, shape (rows,).
        learn: labelled rows, older than those, that remedies may learn from.
        enough: whether the rows to measure on are enough to decide anything.
        folds: where rows are few, blocks of those to learn from, each of which a twin measures
            that learns from the others and from the newest; shapes (rows,).
        before: the same before those rows that were measured on were learnt from, where they are.
    """

    case: Case
    checked: Checked
    diagnosis: Diagnosis
    pool: Pool
    measure: Bools
    learn: Bools
    enough: bool
    folds: tuple[Bools, ...] = ()
    before: "Examined | None" = None

    @property
    def court(self) -> Case:
        """The case as remedies are measured: without labels, on rows that the champion may know.

        Those stand in for the window's and come from the champion's reference, so that the model
        before it learnt from its reference speaks for it.
        """
        if self.enough:
            return self.case
        return replace(self.case, champion=self.case.champion.measured)

    @cached_property
    def after(self) -> "Examined":
        """The same once all is measured, with all rows to learn from."""
        none = np.zeros_like(self.measure)
        learn = self.learn | self.measure
        return replace(self, learn=learn, measure=none, folds=(), before=self)

    @property
    def judged(self) -> Bools:
        """The rows that remedies are measured on, shape (rows,)."""
        return self.measure | self.learn if self.folds else self.measure

    @property
    def twins(self) -> tuple["Examined", ...]:
        """The same with each of the folds to measure on and all else to learn from."""
        return tuple(replace(self, learn=self.judged & ~f, measure=f) for f in self.folds)

    @cached_property
    def rows(self) -> Rows:
        """The rows that refits learn from, gathered once."""
        case = self.case
        return gather(
            case.memory,
            case.champion.whole,
            case.window.version.sha256,
            self.pool.frame,
            self.learn,
            self.pool.broken,
            earlier=self.pool.earlier,
            align=partial(aligned, case.champion),
        )

    @cached_property
    def since_change(self) -> int | None:
        """How many of the newest rows came since the champion's losses changed; None if never.

        Looked at are the newest rows that the champion was not trained on, ten windows at most,
        none of which is measured on.
        """
        if self.before is not None:
            found, more = self.before.since_change, int(self.before.measure.sum())
            return None if found is None else found + more
        case, champion = self.case, self.case.champion
        rows = self.rows.sound(champion.schema)
        if rows is None:
            return None
        rows = rows.tail(CHANGE_WINDOWS * case.window.version.rows)
        if champion.schema.identifiable:
            rows = rows.loc[champion.unseen(rows)]
        if rows.empty:
            return None
        truth = rows[champion.schema.target].to_numpy()
        losses = row_losses(champion.schema, truth, champion.outputs(rows))
        found = change_point(losses, seed=case.config.seed)
        return None if found is None else len(rows) - found


def _digest(told: list[Any]) -> str:
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
