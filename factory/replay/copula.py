"""A Gaussian copula of a table: its columns' values as they are, tied together by normals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from factory.errors import BadConfig
from factory.nouns import Column, Floats, Schema
from factory.replay.correlation import correlations
from factory.replay.marginal import Latent, Marginal, coded

OTHERS = 20
"""Commonest values of each other column by which categories are set in order."""
NOTHING: Mapping[str, tuple[Any, str]] = {
    "number": (np.nan, "f8"),
    "category": (None, "O"),
    "date": (np.datetime64("NaT", "ns"), "M8[ns]"),
}
"""What stands where a column has no value, and its type."""


@dataclass(frozen=True, eq=False)
class Joint:
    """How the columns of one class are distributed.

    Attributes:
        share: of all rows.
        marginals: of each column.
        root: a matrix that makes independent normals the latent ones, shape (d, d); the first of
            them are the columns', the rest tell what is missing in the columns that lack some.
    """

    share: float
    marginals: tuple[Marginal, ...]
    root: Floats


@dataclass(frozen=True, eq=False)
class Copula:
    """A generator of rows: one copula a class, or one with the target in it for regression.

    Attributes:
        columns: what is generated.
        lacking: those of them that some rows have no value of.
        target: name of the target.
        classes: one for each of ``joints``; none for regression.
        joints: the distributions.
    """

    columns: tuple[Column, ...]
    lacking: tuple[str, ...]
    target: str
    classes: tuple[str, ...]
    joints: tuple[Joint, ...]

    @classmethod
    def fit(cls, frame: pd.DataFrame, schema: Schema, *, seed: int = 0) -> Self:
        """Learn from canonical labelled rows.

        The moments of the rows are a column like the others. Ids are not learnt.

        Args:
            frame: labelled rows with all of the schema's columns.
            schema: features, columns beside, timestamp and target.
            seed: nothing is drawn in a fit.

        Raises:
            BadConfig: a feature is a text or an image.

        Source:
            Xue-Kun Song, Multivariate dispersion models generated from Gaussian copula (2000).

        >>> schema = Schema((Column("a", "number"),), "y", "binary", classes=("no", "yes"))
        >>> a = np.arange(200.0)
        >>> rows = pd.DataFrame({"a": a, "y": np.where(a < 100, "no", "yes")})
        >>> drawn = Copula.fit(rows, schema).draw(50, seed=0)
        >>> bool((drawn["a"] < 100).eq(drawn["y"] == "no").all())
        True
        """
        del seed
        columns = columns_of(schema)
        for column in columns:
            if column.embedded:
                raise BadConfig(
                    f"A copula draws no {column.kind} such as {column.name!r}.",
                    hint="leave replay out of the config",
                )
        orders = _orders(frame, columns, schema)
        codes = {
            column.name: coded(
                frame[column.name].to_numpy(), column.kind, orders.get(column.name, ())
            )[0]
            for column in columns
        }
        truth = frame[schema.target].to_numpy()
        parts = [np.flatnonzero(truth == name) for name in schema.classes]
        present = [name for name, part in zip(schema.classes, parts, strict=True) if len(part)]
        parts = [part for part in parts if len(part)] or [np.arange(len(frame))]
        lacking = tuple(name for name, told in codes.items() if (told < 0).any())
        latents = [_latents(codes, lacking, part) for part in parts]
        pooled = correlations([_together(each) for each in zip(*latents, strict=True)])
        joints = []
        for part, own in zip(parts, latents, strict=True):
            marginals = tuple(
                Marginal.of(frame[c.name].to_numpy()[part], c.kind, orders.get(c.name, ()))
                for c in columns
            )
            matrix = correlations(own, pooled) if len(parts) > 1 else pooled
            joints.append(Joint(len(part) / len(frame), marginals, np.linalg.cholesky(matrix)))
        return cls(columns, lacking, schema.target, tuple(present), tuple(joints))

    def draw(self, rows: int, *, seed: int) -> pd.DataFrame:
        """Return new rows, each class with its share of them, in random order."""
        rng = np.random.default_rng(seed)
        ends = np.round(np.cumsum([joint.share for joint in self.joints]) * rows).astype(int)
        counts = np.diff(np.concatenate([[0], ends]))
        parts = []
        for number, (joint, count) in enumerate(zip(self.joints, counts, strict=True)):
            part = self._drawn(joint, int(count), rng)
            if self.classes:
                part[self.target] = np.full(count, self.classes[number], dtype=object)
            parts.append(pd.DataFrame(part))
        table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        return table.iloc[rng.permutation(len(table))].reset_index(drop=True)

    def to_values(self) -> dict[str, Any]:
        """Return arrays and plain values, of which ``of`` makes the same again."""
        return {
            "columns": [[column.name, column.kind] for column in self.columns],
            "lacking": list(self.lacking),
            "target": self.target,
            "classes": list(self.classes),
            "joints": [
                {
                    "share": joint.share,
                    "root": joint.root,
                    "marginals": [marginal_values(marginal) for marginal in joint.marginals],
                }
                for joint in self.joints
            ],
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_values`` told."""
        columns = tuple(Column(name, kind) for name, kind in values["columns"])
        joints = tuple(
            Joint(told["share"], tuple(map(marginal_of, told["marginals"])), told["root"])
            for told in values["joints"]
        )
        lacking, classes = tuple(values["lacking"]), tuple(values["classes"])
        return cls(columns, lacking, values["target"], classes, joints)

    def _drawn(self, joint: Joint, rows: int, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        shares = ndtr(rng.standard_normal((rows, len(joint.root))) @ joint.root.T)
        table: dict[str, NDArray[Any]] = {}
        beyond = dict(zip(self.lacking, shares[:, len(self.columns) :].T, strict=True))
        for column, marginal, share in zip(
            self.columns, joint.marginals, shares[:, : len(self.columns)].T, strict=True
        ):
            nothing, dtype = NOTHING[column.kind]
            values = np.full(rows, nothing, dtype=dtype)
            present = beyond.get(column.name, np.zeros(rows)) <= 1 - marginal.missing
            if len(marginal.levels):
                values[present] = marginal.at(share[present])
            table[column.name] = values
        return table


def columns_of(schema: Schema) -> tuple[Column, ...]:
    """Return what has to be generated of a row: all but its id, and a class, which comes first.

    >>> [c.name for c in columns_of(Schema((Column("a", "number"),), "y", "regression", "at"))]
    ['a', 'at', 'y']
    """
    found = [*schema.features, *schema.beside]
    if schema.timestamp is not None:
        found.append(Column(schema.timestamp, "date"))
    if not schema.classes:
        found.append(Column(schema.target, "number"))
    return tuple({column.name: column for column in found}.values())


def _latents(
    codes: Mapping[str, NDArray[np.intp]], lacking: tuple[str, ...], part: NDArray[np.intp]
) -> list[Latent]:
    told = [Latent.of(_dense(found[part])) for found in codes.values()]
    return told + [Latent.of(_dense((codes[name][part] < 0).astype(np.intp))) for name in lacking]


def _dense(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Number the places that occur."""
    known = codes >= 0
    dense = np.full(len(codes), -1, dtype=np.intp)
    dense[known] = np.unique(codes[known], return_inverse=True)[1]
    return dense


def _together(parts: tuple[Latent, ...]) -> Latent:
    """Pool what rows of several classes tell of the normal within each."""
    sizes = [len(part.scores) for part in parts]
    terms = np.average([part.terms for part in parts], axis=0, weights=sizes)
    return Latent(np.concatenate([part.scores for part in parts]), np.asarray(terms))


def _orders(frame: pd.DataFrame, columns: tuple[Column, ...], schema: Schema) -> dict[str, Any]:
    """Set the values of each category in the order in which all else about the rows changes most.

    That is their place on the first axis of the rows' means of all other columns.
    """
    marks = {column.name: _marks(frame[column.name], column) for column in columns}
    if schema.classes:
        marks[schema.target] = _marks(frame[schema.target], Column(schema.target, "category"))
    orders = {}
    for column in columns:
        if column.kind != "category":
            continue
        codes, names = pd.factorize(frame[column.name], sort=True)
        others = np.hstack([mark for name, mark in marks.items() if name != column.name])
        counts = np.bincount(codes[codes >= 0], minlength=len(names)).astype(np.float64)
        sums = np.zeros((len(names), others.shape[1]))
        np.add.at(sums, codes[codes >= 0], others[codes >= 0])
        heavy = np.sqrt(counts)[:, None]
        axis = np.linalg.svd(sums / heavy - heavy * others.mean(axis=0), full_matrices=False)[0]
        places = axis[:, 0] / heavy[:, 0] if len(names) else np.empty(0)
        orders[column.name] = tuple(str(names[place]) for place in np.argsort(places))
    return orders


def _marks(values: "pd.Series[Any]", column: Column) -> Floats:
    if column.kind == "category":
        common = values.value_counts().index[:OTHERS]
        marks = values.to_numpy()[:, None] == common.to_numpy()[None, :]
        return np.asarray(marks, dtype=np.float64)
    scores = Latent.of(coded(values.to_numpy(), column.kind)[0]).scores
    return np.nan_to_num(scores)[:, None]


def marginal_values(marginal: Marginal) -> dict[str, Any]:
    """Return arrays and plain values, of which ``marginal_of`` makes the same again."""
    text = marginal.levels.dtype == object
    return {
        "values": marginal.levels.tolist() if text else marginal.levels,
        "ends": marginal.ends,
        "missing": marginal.missing,
        "whole": marginal.whole,
    }


def marginal_of(told: Mapping[str, Any]) -> Marginal:
    """Return what ``marginal_values`` told."""
    values = told["values"]
    if isinstance(values, list):
        values = np.array(values, dtype=object)
    return Marginal(values, told["ends"], told["missing"], told["whole"])
