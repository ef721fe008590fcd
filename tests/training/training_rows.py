"""Small canonical frames to train on."""

import numpy as np
import pandas as pd

from factory.config import ModelConfig, parse_config
from factory.nouns import Column, Schema, Task

FEATURES = (
    Column("size", "number"),
    Column("noise", "number"),
    Column("empty", "number"),
    Column("colour", "category"),
    Column("void", "category"),
    Column("made", "date"),
)
CLASSES = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


def schema(task: Task, *, timestamp: bool = False) -> Schema:
    return Schema(FEATURES, "y", task, "when" if timestamp else None, None, CLASSES[task])


def rows(task: Task, count: int = 150, *, seed: int = 0) -> pd.DataFrame:
    """Rows whose target depends on ``size`` and ``colour``; each feature lacks some values."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=count)
    colour = rng.choice(["red", "green", "blue", "teal"], size=count, p=[0.4, 0.3, 0.2, 0.1])
    level = 2 * size + (colour == "red") + 0.1 * rng.normal(size=count)
    size[rng.random(count) < 0.05] = np.nan
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(count) * 7, unit="h")
    made = pd.Series(when + pd.to_timedelta(rng.integers(0, 999, count), unit="h"))
    return pd.DataFrame(
        {
            "size": size,
            "noise": rng.normal(size=count),
            "empty": np.full(count, np.nan),
            "colour": blank(colour, rng.random(count) < 0.05),
            "void": blank(colour, np.full(count, fill_value=True)),
            "made": made.where(rng.random(count) > 0.05),
            "when": when,
            "y": target(task, level),
        }
    )


def target(task: Task, level: np.ndarray) -> np.ndarray:
    if task == "regression":
        return 100 + 50 * level
    borders = (0.5,) if task == "binary" else (-0.5, 1.0)
    return np.array(CLASSES[task], dtype=object)[np.digitize(level, borders)]


def blank(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.where(where, None, values.astype(object))


def config(**parts: object) -> ModelConfig:
    return parse_config(
        {"name": "m", "data": {"path": "m.csv", "target": "y"}, **parts}, source="test"
    )


class Ticks:
    """A clock that moves on by one step each time it is read."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now
