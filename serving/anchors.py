"""Anchors of single predictions: rules under which a model goes on saying what it says."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from factory.anchors.search import find_anchor
from factory.anchors.terms import QUARTERS, Terms
from factory.bundle import Bundle
from factory.nouns import Bools, Counts, Outputs


def explain(bundle: Bundle, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the anchor of each row's prediction.

    A classifier says the same of two rows where it names the same class, a regression where what
    it says falls in the same quarter of what it said of the reference.

    Returns:
        Per row ``terms`` (all of them true of it), ``precision``, ``low``, ``coverage`` and
        ``holds``, see ``factory.anchors.search.Anchor``; ``says`` is the class, or the quarter's
        two ends.
    """
    edges = np.quantile(bundle.own_outputs, QUARTERS) if not bundle.schema.classes else None
    said = _kinds(bundle.outputs(rows), edges)
    found = []
    for place, kind in enumerate(said.tolist()):

        def same(drawn: pd.DataFrame, kind: int = kind) -> Bools:
            return np.asarray(_kinds(bundle.outputs(drawn), edges) == kind)

        terms = Terms.of(rows.iloc[place : place + 1], bundle.reference, bundle.schema)
        told = asdict(find_anchor(terms, same, seed=0))
        ends = [None] if edges is None else [None, *edges.tolist(), None]
        says: Any = ends[kind : kind + 2] if edges is not None else bundle.schema.classes[kind]
        found.append({"says": says, **told})
    return found


def _kinds(outputs: Outputs, edges: Outputs | None) -> Counts:
    return np.asarray(outputs.argmax(axis=1) if edges is None else np.searchsorted(edges, outputs))
