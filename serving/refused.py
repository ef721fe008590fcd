"""What a request is refused with."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "malformed",
    "unauthorized",
    "unsupported",
    "too_large",
    "unknown_route",
    "wrong_method",
    "unknown_model",
    "bad_rows",
    "queue_full",
    "not_ready",
    "unavailable",
    "internal",
]
"""Why; there are no others, so that a metric may be labelled with it."""

STATUS: dict[Kind, int] = {
    "malformed": 400,
    "unauthorized": 401,
    "unsupported": 415,
    "too_large": 413,
    "unknown_route": 404,
    "wrong_method": 405,
    "unknown_model": 404,
    "bad_rows": 422,
    "queue_full": 503,
    "not_ready": 503,
    "unavailable": 501,
    "internal": 500,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A cell that breaks a rule of the signature.

    Attributes:
        row: place in the request, from 0.
        column: the feature.
        rule: ``required`` (the row has no such key), ``number``, ``date`` or ``text`` (the cell
            is none), or ``finite`` (the model has no finite answer to the row; column ``*``).
        got: the cell, shortened.
    """

    row: int
    column: str
    rule: Literal["required", "number", "date", "text", "image", "finite"]
    got: str


class Refused(Exception):
    """A request that is answered with an error.

    Args:
        kind: why, see ``Kind``.
        problem: what is wrong, one sentence.
        hint: the one thing to do next.
        faults: the cells that are wrong, where it is for them.
    """

    def __init__(
        self, kind: Kind, problem: str, *, hint: str, faults: tuple[Fault, ...] = ()
    ) -> None:
        super().__init__(problem)
        self.kind: Kind = kind
        self.problem = problem
        self.hint = hint
        self.faults = faults

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.kind]

    def told(self) -> dict[str, Any]:
        """Return the answer's body."""
        said: dict[str, Any] = {"error": self.problem, "kind": self.kind, "fix": self.hint}
        return said | ({"errors": [asdict(fault) for fault in self.faults]} if self.faults else {})
