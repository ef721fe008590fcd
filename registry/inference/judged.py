"""What labels say of logged predictions: every version and role by the same labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from factory.metrics import Metric
from factory.nouns import Outputs, Schema
from registry.home import Home
from registry.inference.columns import outputs_of
from registry.inference.labels import labels_of
from registry.inference.table import address, read


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a version is worth on the predictions that have labels.

    Attributes:
        version: that predicted.
        role: what it was to these requests.
        rows: its predictions.
        labelled: those with a label.
        value: the metric on them, None where it is not defined.
    """

    version: int
    role: str
    rows: int
    labelled: int
    value: float | None


@dataclass(frozen=True)
class Told:
    """Logged predictions with what is known of their truth.

    Attributes:
        ids: of the predictions, shape (n,).
        versions: shape (n,).
        roles: shape (n,).
        outputs: shape (n,) or (n, k).
        labels: float64 or text, missing where unknown, shape (n,).
    """

    ids: Any
    versions: Any
    roles: Any
    outputs: Outputs
    labels: Any

    def of(self, version: int, role: str | None = None) -> Any:
        """Mark the labelled rows of a version whose outputs are finite, shape (n,)."""
        finite = np.isfinite(self.outputs).all(axis=tuple(range(1, self.outputs.ndim)))
        mask = (self.versions == version) & ~pd.isna(self.labels) & finite
        return mask if role is None else mask & (self.roles == role)


def told_between(
    home: Home,
    model: str,
    schema: Schema,
    low: str,
    high: str,
    *,
    until: int | None = None,
    among: Sequence[int] | None = None,
) -> Told:
    """Return what was predicted between two ids, by anybody in any role, with its labels.

    Args:
        home: whose log.
        model: registered name.
        schema: of the champion.
        low: the first id, or what it begins with.
        high: the first id that is no part of it any more.
        until: leave out labels that arrived later, nanoseconds since 1970.
        among: versions whose predictions are asked for; None are all.

    Raises:
        BadData: the log is damaged.
        Unavailable: its store does not answer.
    """
    within = (pc.field("prediction_id") >= low) & (pc.field("prediction_id") < high)
    if among is not None:
        within &= pc.field("version").isin(list(among))
    table = read(address(home, "predictions", model), None, within)
    if table.num_rows == 0:
        none = np.array([], dtype=object)
        width = (0, len(schema.classes)) if schema.classes else (0,)
        return Told(none, none, none, np.zeros(width), none)
    table = table.sort_by([(name, "ascending") for name in ("prediction_id", "version", "role")])
    ids = table.column("prediction_id").to_pandas()
    keys = table.column("row_id").to_pandas() if "row_id" in table.column_names else None
    labels = labels_of(home, model, schema, ids, keys, until=until)
    versions = table.column("version").to_numpy()
    roles = table.column("role").to_pandas().to_numpy(dtype=object)
    return Told(ids.to_numpy(), versions, roles, outputs_of(table, schema), labels)


def judgements(told: Told, metric: Metric) -> list[Judgement]:
    """Return what each version is worth in each of its roles, in order."""
    found = []
    for version, role in sorted(set(zip(told.versions.tolist(), told.roles, strict=True))):
        own = (told.versions == version) & (told.roles == role)
        known = told.of(version, role)
        value = float("nan")
        if known.any():
            value = metric.value(told.labels[known], told.outputs[known])
        finite = value if np.isfinite(value) else None
        found.append(Judgement(version, role, int(own.sum()), int(known.sum()), finite))
    return found


def paired(told: Told, champion: int, challenger: int) -> tuple[Any, Any, Outputs, Outputs]:
    """Return ids, labels, and what two versions said of the same requests.

    Args:
        told: predictions with labels.
        champion: one version.
        challenger: the other, whose answers were given or kept beside.

    Returns:
        Ids and labels, shape (m,), and both versions' outputs, of the m predictions that both
        made and whose label is known, in the order of their ids.
    """
    masks = [told.of(version) for version in (champion, challenger)]
    first, second = (pd.Index(told.ids[mask]) for mask in masks)
    both = first.intersection(second, sort=True)
    places = [
        np.flatnonzero(m)[i.get_indexer(both)] for m, i in zip(masks, (first, second), strict=True)
    ]
    first_place, second_place = places
    outputs = told.outputs[first_place], told.outputs[second_place]
    return told.ids[first_place], told.labels[first_place], *outputs
