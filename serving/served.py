"""One version, loaded, proved and warm: what answers requests."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from factory.abstain import abstained
from factory.abstaining import Reason
from factory.bundle import Bundle
from factory.compiled.pipeline import Compiled
from factory.compiled.proof import Proof
from factory.compiled.rows import Rows
from factory.nouns import Outputs
from registry.fastest import compiled_version
from registry.models import Models

PROBE = 256
"""Rows that a version is timed on."""
INLINE_SECONDS = 0.002
"""The event loop waits for a prediction that takes no longer than this."""


@dataclass(frozen=True, slots=True)
class Served:
    """A version that predicts.

    Attributes:
        model: registered name.
        version: its number.
        created: when it was registered, seconds since 1970.
        bundle: as the registry has it.
        compiled: what predicts.
        proof: why it may.
        inline_rows: how many rows are predicted at once without a thread of their own.
    """

    model: str
    version: int
    created: float
    bundle: Bundle
    compiled: Compiled
    proof: Proof
    inline_rows: int

    def outputs(self, rows: Rows) -> Outputs:
        """Return values, shape (n,), or probabilities, shape (n, k)."""
        return self.compiled.outputs(rows)

    def abstained(self, rows: Rows, outputs: Outputs) -> list[Reason | None] | None:
        """Return why each row is left to a person; None where the version never abstains."""
        return abstained(self.bundle, lambda: rows.frame(self.compiled.layout), outputs)

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that name a row."""
        schema = self.bundle.schema
        return tuple(name for name in (schema.id, schema.timestamp) if name is not None)


def load(models: Models, name: str, version: int) -> Served:
    """Load a version in the form that is proved for this machine, and time it.

    Raises:
        UnknownModel: there is no such version.
        Unavailable: its files are gone or damaged.
    """
    bundle, compiled, proof = compiled_version(models, name, version)
    probe = Rows.of(bundle.reference.head(PROBE), compiled.layout)
    first = probe.where(np.arange(len(probe)) == 0)
    one = min(_seconds(compiled, first) for _ in range(3))
    each = _seconds(compiled, probe) / max(len(probe), 1)
    inline = int(INLINE_SECONDS / each) if one < INLINE_SECONDS and each > 0 else 0
    created = models.created(name, version)
    return Served(name, version, created, bundle, compiled, proof, inline)


def _seconds(compiled: Compiled, rows: Rows) -> float:
    if not len(rows):
        return 0.0
    started = perf_counter()
    compiled.outputs(rows)
    return perf_counter() - started
