"""What a predictor hands to the inference log, and what it asks of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from factory.compiled.rows import Layout, Rows
from factory.nouns import Outputs

Role = Literal["champion", "canary", "shadow"]
"""Whose answer it was: the champion's, the challenger's to a share of the traffic, or that of a
challenger that nobody was given."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """What one version said of the rows of one request.

    Attributes:
        model: registered name.
        version: that predicted.
        role: what the version was to this request.
        at: moment of prediction, nanoseconds since 1970, UTC.
        ids: one a row, unique over all predictions; a shadow's are those of the answer that was
            given, so that both are judged by one label. They begin with the moment, so that
            later ones are greater.
        layout: names the features of ``rows``.
        rows: what was predicted on, n canonical rows.
        outputs: shape (n,) values or (n, k) probabilities.
        keys: raw cells of the id and timestamp columns, as far as the request had them.
    """

    model: str
    version: int
    role: Role
    at: int
    ids: Sequence[str]
    layout: Layout
    rows: Rows
    outputs: Outputs
    keys: Mapping[str, Sequence[Any]] = field(default_factory=dict)


class Log(Protocol):
    """Where predictions go, on their way to the inference log.

    The predictor calls ``append`` on its event loop, between a prediction and its answer: an
    implementation only takes the batch into a bounded queue, and another thread writes.
    """

    def append(self, batch: Predictions) -> bool:
        """Take a batch, without waiting for anything.

        Returns:
            False where the queue is full, and nothing was taken: the request is answered with
            503, since a prediction that is not logged is never given.
        """
        ...

    def waiting(self) -> int:
        """Return how many rows were taken and are not written yet."""
        ...

    def close(self) -> None:
        """Write what was taken, and take nothing more; called once, when the predictor stops."""
        ...
