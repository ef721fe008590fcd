"""Twins: the served model's recipe, fitted without the rows that each of them speaks for."""

from collections.abc import Callable
from dataclasses import dataclass

from sklearn.pipeline import Pipeline

from factory.nouns import Counts

SPEAKS = "\0speaks"
"""Column of a reference's rows that says which twin speaks for them."""


@dataclass(frozen=True, eq=False)
class Twins:
    """Who speaks for a reference from which the served model has learnt: it is cross-fitted.

    Attributes:
        pipelines: the served model's recipe, each fitted without the rows that it speaks for.
            The first is the one that the gate measured.
        speaks: per row of the reference, which of them speaks for it, shape (rows,).

    Source:
        Stone, Cross-validatory choice and assessment of statistical predictions (1974).
    """

    pipelines: tuple[Pipeline, ...]
    speaks: Counts

    def take(self, rows: Counts) -> "Twins":
        """Return the same for some rows of the reference, by position."""
        return Twins(self.pipelines, self.speaks[rows])

    def changed(self, change: Callable[[Pipeline], Pipeline]) -> "Twins":
        """Return the same with every pipeline changed."""
        return Twins(tuple(change(pipeline) for pipeline in self.pipelines), self.speaks)
