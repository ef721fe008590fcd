"""Everything that an answer says, whatever its form."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from factory.abstaining import Reason
from factory.nouns import Bools, Outputs
from serving.refused import Fault
from serving.served import Served


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that an answer says, whatever its form.

    Attributes:
        served: who predicted.
        request: the request's id.
        ids: one a row, None for a bad one.
        at: nanoseconds since 1970.
        moment: the same as text.
        good: rows that were predicted, shape (n,).
        outputs: of the good rows.
        faults: of the others, at most 100.
        reasons: why a good row is left to a person, None for those that are not; None where the
            version never abstains.
    """

    served: Served
    request: str
    ids: Sequence[str | None]
    at: int
    moment: str
    good: Bools
    outputs: Outputs
    faults: Sequence[Fault] = field(default=())
    reasons: Sequence[Reason | None] | None = None

    @property
    def labels(self) -> list[Any]:
        """The predictions: classes or values, None for bad rows."""
        schema = self.served.bundle.schema
        if schema.classes:
            said = [schema.classes[i] for i in self.outputs.argmax(axis=1).tolist()]
        else:
            said = self.outputs.tolist()
        return self.spread(said)

    @property
    def probabilities(self) -> list[Any]:
        """The probabilities of each row, None for bad rows."""
        return self.spread(self.outputs.tolist())

    @property
    def abstained(self) -> list[Any] | None:
        """Why a person is to answer, a row each; None where the version never abstains."""
        return None if self.reasons is None else self.spread(list(self.reasons))

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The faults as plain values."""
        return [asdict(fault) for fault in self.faults]

    def spread(self, values: list[Any]) -> list[Any]:
        """Put what was said of good rows in the places of all rows."""
        if len(values) == len(self.good):
            return values
        each = iter(values)
        return [next(each) if good else None for good in self.good.tolist()]
