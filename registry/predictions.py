"""What a predictor hands to the inference log, and what it asks of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from factory.abstaining import Reason
from factory.compiled.rows import Layout, Rows
from factory.nouns import Outputs, Schema

Role = Literal["champion", "canary", "shadow"]
"""Whose answer it was: the champion's, the challenger's to a share of the traffic, or that of a
challenger that nobody was given."""

MOMENT = 16
"""Letters of an id that tell its moment."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """What one version said of the rows of one request.

    Attributes:
        model: registered name.
        version: that predicted.
        role: what the version was to this request.
        at: moment of prediction, nanoseconds since 1970, UTC.
        ids: one a row, unique over all predictions; a shadow's are those of the answer that was
            given, so that both are judged by one label. See ``prediction_ids``.
        schema: of the version; names classes, id and timestamp.
        layout: names the features of ``rows``.
        rows: what was predicted on, n canonical rows.
        outputs: shape (n,) values or (n, k) probabilities.
        keys: raw cells of the id and timestamp columns, as far as the request had them.
        abstained: why each row is left to a person, None for those that are not; None where the
            version never abstains.
    """

    model: str
    version: int
    role: Role
    at: int
    ids: Sequence[str]
    schema: Schema
    layout: Layout
    rows: Rows
    outputs: Outputs
    keys: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    abstained: Sequence[Reason | None] | None = None


def prediction_ids(at: int, source: int, first: int, rows: int) -> list[str]:
    """Return ids that are ordered as their moments are.

    Args:
        at: moment, nanoseconds since 1970, UTC.
        source: who predicts, below 2**32, drawn by chance.
        first: number of the first row within the source and moment, below 2**32.
        rows: how many.

    >>> prediction_ids(1_700_000_000_000_000_000, 10, 0, 2)
    ['17979cfe362a0000-0000000a-00000000', '17979cfe362a0000-0000000a-00000001']
    """
    prefix = f"{at:016x}-{source:08x}-"
    return [f"{prefix}{row:08x}" for row in range(first, first + rows)]


def moment_of(prediction_id: str) -> int | None:
    """Return the moment that an id begins with, None where it is no such id.

    >>> moment_of("17979cfe362a0000-0000000a-00000000")
    1700000000000000000
    >>> moment_of("order 7")
    """
    try:
        return int(prediction_id[:MOMENT], 16) if prediction_id[MOMENT] == "-" else None
    except (ValueError, IndexError):
        return None


class Log(Protocol):
    """Where predictions go, on their way to the inference log.

    The predictor calls ``append`` on its event loop, between a prediction and its answer: an
    implementation only takes the batch into a bounded queue, and another thread writes.
    """

    def append(self, batch: Predictions) -> bool:
        """Take a batch, without waiting for anything.

        Returns:
            False where the queue is full, and nothing was taken: the answer waits a moment for
            room, and is then refused with 503, since a prediction that is not logged is never
            given.
        """
        ...

    def waiting(self) -> int:
        """Return how many rows were taken and are not written yet."""
        ...

    def close(self) -> None:
        """Write what was taken, and take nothing more; called once, when the predictor stops."""
        ...
