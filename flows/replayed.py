"""Rows that are not kept: each version draws their like, and what it learnt from is removed.

What stays of real rows is said here, since it is what somebody is promised. With ``replay`` on,
and ``keep`` off, no table remains that a promoted version has learnt from, nor one that
``factory train`` was given. There do remain: the
reference of each version, at most 20,000 held-out rows, without which no test of drift could be
made; hashes of the rows learnt from, by which nothing is judged on rows that it was trained on;
in the generator, up to 1,000 values of each column and class, each by itself; what a model family
keeps of rows (neighbours, support vectors); and the inference log, which is kept as long as its
own settings say. A generator is no proof of privacy: nothing here is differentially private.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.config import ModelConfig
from factory.nouns import Bools
from factory.replay.older import older_rows_of
from flows.workplace import Workplace, config_of
from registry.entries import WindowEntry
from registry.frames import StandIn, forget_frame, stand_in_of

DRAWN = "drawn"
"""Stands for a table's hash where its rows are drawn."""
HELD = "\0held"
"""Where broken rows are named, those that were drawn to judge on, and that nothing learns from."""


@dataclass(frozen=True)
class Gone:
    """Tables of a model that were removed.

    Attributes:
        tables: their versions.
        trained: whether ``factory train`` was given any of them.
        stands: the newest version that draws their like; None where nothing is gone.
    """

    tables: tuple[str, ...] = ()
    trained: bool = False
    stands: StandIn | None = None

    @classmethod
    def of(cls, windows: Iterable[WindowEntry], place: Workplace) -> Self:
        """Look which of some tables are gone."""
        found = [(w, stand_in_of(place.home, w.sha256)) for w in windows]
        gone = [(w, stands) for w, stands in found if stands is not None]
        if not gone:
            return cls()
        newest = max((stands for _, stands in gone), key=lambda stands: stands.version)
        trained = any(w.source == "train" for w, _ in gone)
        return cls(tuple(w.sha256 for w, _ in gone), trained, newest)


@dataclass(frozen=True)
class Older:
    """Rows that a training learns from beside those it is given, and the tables they stand for."""

    frame: pd.DataFrame | None = None
    tables: tuple[str, ...] = ()


def older_of(settings: ModelConfig, place: Workplace) -> Older:
    """Draw the like of the rows that a model learnt from and that are gone, to learn from again."""
    if settings.replay is None:
        return Older()
    windows = [w for w in place.ledger.windows(settings.name) if not w.quarantined]
    gone = Gone.of(windows, place)
    if gone.stands is None:
        return Older()
    frame, marks = drawn(place.models.load(gone.stands.model, gone.stands.version))
    return Older(frame.loc[~marks[HELD]].reset_index(drop=True), gone.tables)


def drawn(bundle: Bundle) -> tuple[pd.DataFrame, dict[str, Bools]]:
    """Return rows in place of those that a version learnt from, and which of them are held out."""
    config = config_of(bundle.config, "a version")
    if bundle.replay is None or config.replay is None:
        none = pd.DataFrame(columns=[*bundle.schema.names, bundle.schema.target])
        return none, {HELD: np.zeros(0, dtype=bool)}
    learn, held = older_rows_of(bundle, bundle.replay, config.replay, seed=config.seed)
    rows = pd.concat([learn, held], ignore_index=True)
    return rows, {HELD: np.repeat([False, True], [len(learn), len(held)])}


def forget_learnt(
    model: str, version: int, place: Workplace, tables: tuple[str, ...] | None = None
) -> None:
    """Remove the tables that a version's generator stands for, if its config says so.

    Tables that another model was trained or checked on stay.

    Args:
        model: its name.
        version: whose generator it is.
        place: the stores.
        tables: only these of them.
    """
    bundle = place.models.load(model, version)
    config = config_of(bundle.config, model).replay
    if config is None or config.keep or bundle.replay is None:
        return
    others = {
        window.sha256
        for name in place.ledger.models()
        if name != model
        for window in place.ledger.windows(name)
    }
    for table in bundle.replay.tables if tables is None else tables:
        known = stand_in_of(place.home, table)
        if table not in others and (known is None or known.version < version):
            forget_frame(place.home, table, StandIn(model, version))
