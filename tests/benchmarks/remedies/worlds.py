"""Rows of a real table, drawn in an order of their own, and the champion that met them first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from peers.estimate_sets import table

from factory.bundle import Bundle
from factory.config import ModelConfig, parse_config
from factory.nouns import Column, Schema, Window
from flows.recall import Table
from registry.versions import data_version
from training.train import train

SMALL = 4_000
"""Rows of a table below which all sizes shrink."""
FAMILIES = ("boosting", "linear", "forest")


@dataclass(frozen=True)
class Sizes:
    """Rows to train on, of a window, and of the windows that come after the incident."""

    train: int = 10_000
    window: int = 1_000
    coming: int = 2_000
    earlier: int = 3

    @classmethod
    def of(cls, rows: int) -> "Sizes":
        if rows < SMALL:
            return cls(int(0.35 * rows), int(0.11 * rows), int(0.18 * rows))
        return cls(min(cls.train, int(0.4 * rows)))


@dataclass(frozen=True)
class Rows:
    """A real table, its rows in an order drawn by seed, in canonical form."""

    frame: pd.DataFrame
    schema: Schema
    sizes: Sizes
    rng: np.random.Generator

    @classmethod
    def of(cls, name: str, seed: int) -> "Rows":
        found = table(name)
        rng = np.random.default_rng([seed, sum(map(ord, name))])
        order = rng.permutation(len(found.frame))[:60_000]
        frame = found.frame.iloc[order].reset_index(drop=True)
        columns = [Column(n, "number") for n in found.numbers]
        columns += [Column(n, "category") for n in found.categories]
        frame[list(found.numbers)] = frame[list(found.numbers)].astype(float)
        classes = () if found.task == "regression" else tuple(sorted(frame["y"].unique()))
        schema = Schema(tuple(columns), "y", found.task, timestamp="moment", classes=classes)
        return cls(frame, schema, Sizes.of(len(frame)), rng)

    def draw(self, chances: Mapping[str, Any] | None = None) -> "Stream":
        """Cut rows into those to train on, earlier windows, the incident's and coming ones.

        Args:
            chances: per part, how likely each row is drawn, shape (rows,); others are drawn evenly.
        """
        s = self.sizes
        counts = {"train": s.train, "earlier": s.earlier * s.window, "window": s.window,
                  "coming": s.coming}  # fmt: skip
        free = np.ones(len(self.frame), dtype=bool)
        parts = {}
        for part, count in counts.items():
            weights = np.where(free, 1.0 if chances is None else chances.get(part, 1.0), 0.0)
            # What comes is only looked at, and may hold a row twice, lest any sort run out.
            again = part == "coming"
            picked = self.rng.choice(len(free), count, replace=again, p=weights / weights.sum())
            free[picked] = False
            parts[part] = self.frame.iloc[picked].reset_index(drop=True)
        return Stream(**parts)


@dataclass(frozen=True)
class Stream:
    """The parts of a stream, canonical rows without a moment; ``at`` gives them theirs."""

    train: pd.DataFrame
    earlier: pd.DataFrame
    window: pd.DataFrame
    coming: pd.DataFrame

    def at(self) -> "Stream":
        """Give every row its moment, a minute apart."""
        parts = [self.train, self.earlier, self.window, self.coming]
        starts = np.cumsum([0, *(len(part) for part in parts)])
        return Stream(
            *(
                part.assign(moment=_minutes(start, len(part)))
                for part, start in zip(parts, starts[:-1], strict=True)
            )
        )


def _minutes(first: int, rows: int) -> Any:
    return pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(first, first + rows), unit="min")


@dataclass
class Remembered:
    """A model's past in memory."""

    versions: dict[int, Bundle]
    kept: list[Table] = field(default_factory=list)

    def load(self, version: int) -> Bundle:
        return self.versions[version]

    def tables(self) -> list[Table]:
        return self.kept

    def clock(self) -> float:
        return perf_counter()

    def keep(self, frame: pd.DataFrame, schema: Schema, *, trained: bool) -> None:
        version = data_version(frame, schema)
        self.kept.append(Table(version.sha256, trained, lambda: (frame, {})))


def config_for(schema: Schema, seed: int) -> ModelConfig:
    """The defaults, one family by seed, no search."""
    families = [FAMILIES[seed % len(FAMILIES)]]
    # Absolute errors are judged all the same; to boost on them takes five times as long.
    loss = "squared_error" if schema.task == "regression" else "auto"
    values = {
        "name": "world",
        "data": {"path": "world.parquet", "target": schema.target, "timestamp": schema.timestamp},
        "search": {"families": families, "trials": 1, "folds": 2, "loss": loss},
        "check": {"corruptions": 0},
        "policy": {"searches": False},
        "seed": seed,
    }
    return parse_config(values, source="world")


_CHAMPIONS: dict[str, Bundle] = {}


def champion_of(frame: pd.DataFrame, schema: Schema, config: ModelConfig) -> Bundle:
    """Train a first champion, once for the same rows."""
    key = f"{data_version(frame, schema).sha256} {config.seed}"
    if key not in _CHAMPIONS:
        _CHAMPIONS[key] = train(frame, schema, config, clock=perf_counter).bundle
    return _CHAMPIONS[key]


def window_of(frame: pd.DataFrame, schema: Schema) -> Window:
    """Make rows a window."""
    return Window(frame, data_version(frame, schema))
