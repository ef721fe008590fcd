"""A variational autoencoder per class: rows of numbers whose relations bend, such as pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.nouns import Column, Floats, Schema
from factory.ood.autoencoder import Autoencoder
from factory.ood.coder import Frame, Wish
from factory.replay.copula import columns_of, marginal_of, marginal_values
from factory.replay.marginal import Marginal

EPOCHS = 200


@dataclass(frozen=True, eq=False)
class Part:
    """How the rows of one class are drawn.

    Attributes:
        share: of all rows.
        marginals: of each column; what is drawn has their values, in the order that is drawn.
        network: which makes rows of codes.
        middle: mean code of the rows, shape (k,).
        root: a matrix that makes independent normals codes around it, shape (k, k).
        errors: by how much the network misses each column, shape (d,).
    """

    share: float
    marginals: tuple[Marginal, ...]
    network: Autoencoder
    middle: Floats
    root: Floats
    errors: Floats


@dataclass(frozen=True, eq=False)
class Vae:
    """A generator of rows of numbers: one network a class, or one with the target for regression.

    Attributes:
        columns: what is generated.
        target: name of the target.
        classes: one for each of ``parts``; none for regression.
        parts: the distributions.
    """

    columns: tuple[Column, ...]
    target: str
    classes: tuple[str, ...]
    parts: tuple[Part, ...]

    @classmethod
    def fit(cls, frame: pd.DataFrame, schema: Schema, *, seed: int) -> Self:
        """Learn from canonical labelled rows; what is missing is taken at the column's middle.

        Args:
            frame: labelled rows with all of the schema's columns.
            schema: features, columns beside, timestamp and target; none is a category.
            seed: of the networks.

        Source:
            Kingma and Welling, Auto-encoding variational Bayes (2014); its use for replay by
            van de Ven and Tolias, Generative replay with feedback connections (2018).
        """
        columns = columns_of(schema)
        X = np.column_stack([_numbers(frame[c.name].to_numpy()) for c in columns])
        truth = frame[schema.target].to_numpy()
        masks = {name: truth == name for name in schema.classes}
        masks = {name: mask for name, mask in masks.items() if mask.any()}
        parts = [
            _part(frame.loc[mask], X[mask], columns, float(mask.mean()), seed)
            for mask in masks.values() or [np.ones(len(frame), dtype=bool)]
        ]
        return cls(columns, schema.target, tuple(masks), tuple(parts))

    def draw(self, rows: int, *, seed: int) -> pd.DataFrame:
        """Return new rows, each class with its share of them, in random order."""
        rng = np.random.default_rng(seed)
        ends = np.round(np.cumsum([part.share for part in self.parts]) * rows).astype(int)
        counts = np.diff(np.concatenate([[0], ends]))
        tables = []
        for number, (part, count) in enumerate(zip(self.parts, counts, strict=True)):
            table = _drawn(part, self.columns, int(count), rng)
            if self.classes:
                table[self.target] = np.full(count, self.classes[number], dtype=object)
            tables.append(pd.DataFrame(table))
        whole = pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)
        return whole.iloc[rng.permutation(len(whole))].reset_index(drop=True)

    def to_values(self) -> dict[str, Any]:
        """Return arrays and plain values, of which ``of`` makes the same again."""
        return {
            "columns": [[column.name, column.kind] for column in self.columns],
            "target": self.target,
            "classes": list(self.classes),
            "parts": [
                {
                    "share": part.share,
                    "marginals": [marginal_values(one) for one in part.marginals],
                    "network": part.network.to_values(),
                    "middle": part.middle,
                    "root": part.root,
                    "errors": part.errors,
                }
                for part in self.parts
            ],
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_values`` told."""
        columns = tuple(Column(name, kind) for name, kind in values["columns"])
        parts = tuple(
            Part(
                told["share"],
                tuple(map(marginal_of, told["marginals"])),
                Autoencoder.of_values(told["network"]),
                told["middle"],
                told["root"],
                told["errors"],
            )
            for told in values["parts"]
        )
        return cls(columns, values["target"], tuple(values["classes"]), parts)


def _part(
    frame: pd.DataFrame, X: Floats, columns: tuple[Column, ...], share: float, seed: int
) -> Part:
    scaled = Frame.of(X).scaled(X)
    network = Autoencoder.fit(scaled, Wish("vae", "mse", (), EPOCHS, seed))
    codes = network.sampled(scaled, seed)
    spread = (
        np.atleast_2d(np.cov(codes, rowvar=False)) if len(codes) > 1 else np.eye(codes.shape[1])
    )
    root = np.linalg.cholesky(spread + 1e-6 * np.eye(len(spread)))
    errors = (scaled - network.decoded(codes)).std(axis=0)
    marginals = tuple(Marginal.of(frame[c.name].to_numpy(), c.kind) for c in columns)
    return Part(share, marginals, network, codes.mean(axis=0), root, errors)


def _drawn(
    part: Part, columns: tuple[Column, ...], rows: int, rng: np.random.Generator
) -> dict[str, NDArray[Any]]:
    codes = part.middle + rng.standard_normal((rows, len(part.middle))) @ part.root.T
    said = part.network.decoded(codes)
    said = said + part.errors * rng.standard_normal(said.shape)
    shares = (said.argsort(axis=0).argsort(axis=0) + rng.random(said.shape)) / max(rows, 1)
    table: dict[str, NDArray[Any]] = {}
    for column, marginal, share in zip(columns, part.marginals, shares.T, strict=True):
        values = marginal.at(share) if len(marginal.levels) else np.full(rows, np.nan)
        table[column.name] = values.astype("M8[ns]" if column.kind == "date" else "f8")
    return table


def _numbers(values: NDArray[Any]) -> Floats:
    if values.dtype.kind != "M":
        return np.asarray(values, dtype=np.float64)
    return np.where(np.isnat(values), np.nan, values.astype("M8[ns]").view(np.int64))
