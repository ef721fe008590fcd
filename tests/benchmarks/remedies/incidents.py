"""What goes wrong: each incident turns rows of a real table into a world before its window."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
from worlds import Remembered, Rows, Stream, champion_of, config_for

from factory.bundle import Bundle
from factory.config import ModelConfig

Frame = pd.DataFrame


@dataclass(frozen=True)
class World:
    """A model, its past, a window to decide on, and the rows that come after.

    ``culprits`` are the features that broke, which only the judge knows.
    """

    rows: Rows
    config: ModelConfig
    stream: Stream
    memory: Remembered
    version: int
    culprits: tuple[str, ...] = ()

    @property
    def champion(self) -> Bundle:
        return self.memory.versions[self.version]


def _world(rows: Rows, stream: Stream, seed: int, culprits: tuple[str, ...] = ()) -> World:
    config = config_for(rows.schema, seed)
    stream = stream.at()
    memory = Remembered({1: champion_of(stream.train, rows.schema, config)})
    memory.keep(stream.train, rows.schema, trained=True)
    size = rows.sizes.window
    for start in range(0, len(stream.earlier), size):
        part = stream.earlier.iloc[start : start + size].reset_index(drop=True)
        memory.keep(part, rows.schema, trained=False)
    return World(rows, config, stream, memory, 1, culprits)


def none(rows: Rows, seed: int) -> World:
    return _world(rows, rows.draw(), seed)


def _important(world: World, kind: str = "number", rank: int = 0) -> str | None:
    kinds = {c.name: c.kind for c in world.rows.schema.features}
    names = [n for n in world.champion.importance if kind in (kinds[n], "any")]
    ordered = sorted(names, key=lambda n: -world.champion.importance[n])
    return ordered[rank] if len(ordered) > rank else None


def _damaged(
    rows: Rows, seed: int, damage: Callable[[Frame, str, np.random.Generator], Frame], kind: str
) -> World | None:
    world = _world(rows, rows.draw(), seed)
    name = _important(world, kind)
    if name is None:
        return None
    stream = world.stream
    window, coming = (damage(part, name, rows.rng) for part in (stream.window, stream.coming))
    return replace(world, stream=replace(stream, window=window, coming=coming), culprits=(name,))


def unit_change(rows: Rows, seed: int) -> World | None:
    a, b = [(1000.0, 0.0), (1.8, 32.0), (2.54, 0.0)][seed % 3]
    return _damaged(rows, seed, lambda f, n, _: f.assign(**{n: f[n] * a + b}), "number")


def feature_constant(rows: Rows, seed: int) -> World | None:
    value: dict[str, Any] = {}

    def stick(frame: Frame, name: str, rng: np.random.Generator) -> Frame:
        present = frame[name].dropna().to_numpy()
        return frame.assign(**{name: value.setdefault("at", present[rng.integers(len(present))])})

    return _damaged(rows, seed, stick, "any")


def feature_missing(rows: Rows, seed: int) -> World | None:
    share = (1.0, 0.6, 0.9)[seed % 3]

    def lose(frame: Frame, name: str, rng: np.random.Generator) -> Frame:
        lost = np.nan if frame[name].dtype.kind == "f" else None
        return frame.assign(**{name: frame[name].mask(rng.random(len(frame)) < share, lost)})

    return _damaged(rows, seed, lose, "any")


def outlier_burst(rows: Rows, seed: int) -> World | None:
    def spike(frame: Frame, name: str, rng: np.random.Generator) -> Frame:
        hit = rng.random(len(frame)) < 0.15
        factor = rng.choice([-50.0, 100.0, 1000.0], size=len(frame))
        spread = float(frame[name].std()) or 1.0
        return frame.assign(**{name: frame[name].where(~hit, frame[name] + factor * spread)})

    return _damaged(rows, seed, spike, "number")


def _ranks(values: Any) -> Any:
    """Return where each row stands along a feature; categories stand in an order by their names."""
    if values.dtype.kind == "f":
        return values.rank(pct=True).fillna(0.5).to_numpy()
    names = values.astype(str)
    heights = {name: crc32(name.encode()) / 2**32 for name in names.unique()}
    return names.map(heights).to_numpy()


def _tilt(rows: Rows, name: str, strength: float) -> Any:
    return np.exp(strength * np.sqrt(12) * (_ranks(rows.frame[name]) - 0.5))


def covariates_harmless(rows: Rows, seed: int) -> World:
    plain = champion_of(rows.draw().at().train, rows.schema, config_for(rows.schema, seed))
    name = min(plain.importance, key=lambda n: abs(plain.importance[n]))
    later = _tilt(rows, name, 1.0)
    return _world(rows, rows.draw({"window": later, "coming": later}), seed)


def covariates_harmful(rows: Rows, seed: int) -> World:
    plain = champion_of(rows.draw().at().train, rows.schema, config_for(rows.schema, seed))
    name = max(plain.importance, key=lambda n: plain.importance[n])
    before, later = _tilt(rows, name, -1.5), _tilt(rows, name, 1.5)
    parts = {"train": before, "earlier": before, "window": later, "coming": later}
    return _world(rows, rows.draw(parts), seed)


def label_shift(rows: Rows, seed: int) -> World:
    labels = rows.frame["y"]
    if rows.schema.task == "regression":
        later = np.exp(1.2 * np.sqrt(12) * (labels.rank(pct=True).to_numpy() - 0.5))
    else:
        classes = rows.schema.classes
        steps = rows.rng.permutation(np.linspace(-1.0, 1.0, len(classes)))
        later = np.exp(labels.map(dict(zip(classes, steps, strict=True))).to_numpy(float))
    return _world(rows, rows.draw({"window": later, "coming": later}), seed)


def _other(frame: Frame, world: World, share: float) -> Frame:
    """Move the relation of a share of the rows: it now leans on a feature in another way."""
    rng, schema = world.rows.rng, world.rows.schema
    name = str(_important(world, "any"))
    hit = rng.random(len(frame)) < share
    high = _ranks(frame[name]) > 0.5
    if schema.task == "regression":
        y = frame["y"].to_numpy()
        spread = float(world.stream.train["y"].std())
        return frame.assign(y=np.where(hit, y + np.where(high, 1.0, -0.5) * spread, y))
    following = dict(zip(schema.classes, np.roll(schema.classes, -1), strict=True))
    moved = frame["y"].map(following)
    return frame.assign(y=frame["y"].mask(hit & high, moved))


def _windows(frame: Frame, size: int) -> list[Frame]:
    return [frame.iloc[i : i + size].reset_index(drop=True) for i in range(0, len(frame), size)]


def concept_abrupt(rows: Rows, seed: int) -> World:
    world = _world(rows, rows.draw(), seed)
    s = world.stream
    moved = replace(s, window=_other(s.window, world, 1.0), coming=_other(s.coming, world, 1.0))
    return replace(world, stream=moved)


def concept_gradual(rows: Rows, seed: int) -> World:
    world = _world(rows, rows.draw(), seed)
    s, memory = world.stream, Remembered(world.memory.versions, world.memory.kept[:1])
    for share, part in zip((0.2, 0.4, 0.6), _windows(s.earlier, rows.sizes.window), strict=True):
        memory.keep(_other(part, world, share), rows.schema, trained=False)
    moved = replace(s, window=_other(s.window, world, 0.8), coming=_other(s.coming, world, 1.0))
    return replace(world, stream=moved, memory=memory)


def concept_recurring(rows: Rows, seed: int) -> World:
    world = _world(rows, rows.draw(), seed)
    s, memory = world.stream, Remembered(world.memory.versions, world.memory.kept[:1])
    earlier = _other(s.earlier, world, 1.0)
    for part in _windows(earlier, rows.sizes.window):
        memory.keep(part, rows.schema, trained=False)
    memory.versions[2] = champion_of(earlier, rows.schema, world.config)
    return replace(world, memory=memory, version=2)


def bad_release(rows: Rows, seed: int) -> World:
    world = _world(rows, rows.draw(), seed)
    train, name = world.stream.train, str(_important(world, "any"))
    order = np.argsort(_ranks(train[name]), kind="stable")
    few = train.iloc[np.sort(order[: len(train) // 4])]
    world.memory.versions[2] = champion_of(few.reset_index(drop=True), rows.schema, world.config)
    return replace(world, version=2)


def broken_labels(rows: Rows, seed: int) -> World:
    world = _world(rows, rows.draw(), seed)
    window, rng = world.stream.window, rows.rng
    y = window["y"].to_numpy()
    match seed % 3:
        case 0:
            y = rng.permutation(y)
        case 1:
            y = np.full(len(y), y[rng.integers(len(y))], dtype=y.dtype)
        case _:
            hit = np.flatnonzero(rng.random(len(y)) < 0.5)
            y = y.copy()
            y[hit] = y[rng.permutation(hit)]
    return replace(world, stream=replace(world.stream, window=window.assign(y=y)))


INCIDENTS: dict[str, Callable[[Rows, int], World | None]] = {
    "no drift": none,
    "unit change": unit_change,
    "feature constant": feature_constant,
    "feature missing": feature_missing,
    "outlier burst": outlier_burst,
    "covariates, harmless": covariates_harmless,
    "covariates, harmful": covariates_harmful,
    "label shift": label_shift,
    "concept, abrupt": concept_abrupt,
    "concept, gradual": concept_gradual,
    "concept, recurring": concept_recurring,
    "bad release": bad_release,
    "broken labels": broken_labels,
}
