"""What a version keeps of rows that are not kept: a generator of their like."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd

from factory.errors import BadConfig, Unavailable
from factory.nouns import Outputs, Schema
from factory.replay import GENERATORS, NUMBERS_ONLY


class Generator(Protocol):
    """A fitted distribution of labelled rows."""

    @classmethod
    def fit(cls, frame: pd.DataFrame, schema: Schema, *, seed: int) -> Self:
        """Learn from canonical labelled rows with all of the schema's columns."""

    def draw(self, rows: int, *, seed: int) -> pd.DataFrame:
        """Return so many rows with those columns, less the id."""

    def to_values(self) -> dict[str, Any]:
        """Return arrays and plain values, of which ``of`` makes the same again."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_values`` told."""


@cache
def generator(name: str) -> type[Generator]:
    """Load a generator of the table.

    Raises:
        Unavailable: the library that it needs is not installed.

    >>> generator("copula").__name__
    'Copula'
    """
    module, kind = GENERATORS[name].split(":")
    try:
        loaded: type[Generator] = getattr(import_module(module), kind)
    except ImportError as error:
        raise Unavailable(
            f"Generator {name!r} cannot be used: {error}.",
            hint="pip install 'drift-factory[keras]', or replay.generator: copula",
        ) from None
    return loaded


def require_generator(name: str, schema: Schema) -> None:
    """Refuse a generator that cannot draw such rows, before anything else is done.

    Raises:
        BadConfig: it draws no categories, and there are some.
        Unavailable: the library that it needs is not installed.

    >>> from factory.nouns import Column
    >>> require_generator("vae", Schema((Column("c", "category"),), "y", "regression"))
    Traceback (most recent call last):
        ...
    factory.errors.BadConfig: Generator 'vae' draws no category, such as 'c'.
      fix: replay.generator: copula
    """
    odd = [c.name for c in (*schema.features, *schema.beside) if c.kind == "category"]
    if odd and name in NUMBERS_ONLY:
        raise BadConfig(
            f"Generator {name!r} draws no category, such as {odd[0]!r}.",
            hint="replay.generator: copula",
        )
    generator(name)


@dataclass(frozen=True, eq=False)
class Replay:
    """A generator, and what it stands for.

    Attributes:
        kind: its name in the table.
        generator: fitted.
        rows: that it was fitted on.
        tables: versions of the tables that they came from, by their SHA-256.
    """

    kind: str
    generator: Generator
    rows: int
    tables: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls, kind: str, frame: pd.DataFrame, schema: Schema, tables: tuple[str, ...], *, seed: int
    ) -> Self:
        """Learn from canonical labelled rows.

        Args:
            kind: name of a generator.
            frame: the rows.
            schema: their columns.
            tables: that they came from.
            seed: of what is drawn in the fit.
        """
        return cls(kind, generator(kind).fit(frame, schema, seed=seed), len(frame), tables)

    def draw(
        self,
        rows: int,
        schema: Schema,
        *,
        seed: int,
        say: Callable[[pd.DataFrame], Outputs] | None = None,
    ) -> pd.DataFrame:
        """Return canonical labelled rows, in time order where they have a time.

        Args:
            rows: how many.
            schema: their columns; ids are made up.
            seed: of the draw.
            say: outputs of the model whose labels the rows get: a value, or a class drawn by its
                probabilities. The generator's own where absent.

        Source:
            Shin, Lee, Kim and Kim, Continual learning with deep generative replay (2017).

        >>> from factory.nouns import Column
        >>> schema = Schema((Column("a", "number"),), "y", "regression", id="row")
        >>> known = pd.DataFrame({"a": np.arange(50.0), "y": np.arange(50.0), "row": "x"})
        >>> kept = Replay.fit("copula", known, schema, (), seed=0)
        >>> drawn = kept.draw(20, schema, seed=1, say=lambda rows: rows["a"].to_numpy() * 2)
        >>> len(drawn), bool((drawn["y"] == 2 * drawn["a"]).all()), drawn["row"].is_unique
        (20, True, True)
        """
        table = self.generator.draw(rows, seed=seed)
        if say is not None and len(table):
            rng = np.random.default_rng([seed, 1])
            table[schema.target] = _labels(say(table), schema, rng)
        if schema.id is not None:
            table[schema.id] = np.array([f"replay-{seed}-{n}" for n in range(rows)], dtype=object)
        if schema.timestamp is not None:
            table = table.sort_values(schema.timestamp, kind="stable", ignore_index=True)
        return table

    def to_values(self) -> dict[str, Any]:
        """Return arrays and plain values, of which ``of`` makes the same again."""
        return {
            "kind": self.kind,
            "generator": self.generator.to_values(),
            "rows": self.rows,
            "tables": list(self.tables),
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_values`` told."""
        made = generator(values["kind"]).of(values["generator"])
        return cls(values["kind"], made, values["rows"], tuple(values["tables"]))


def _labels(said: Outputs, schema: Schema, rng: np.random.Generator) -> Any:
    if not schema.classes:
        return said
    ends = np.cumsum(said, axis=1)
    places = (ends < rng.random(len(said))[:, None] * ends[:, -1:]).sum(axis=1)
    return np.array(schema.classes, dtype=object)[np.minimum(places, len(schema.classes) - 1)]
