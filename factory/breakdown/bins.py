"""What parts a table into segments: one column, or a bin of it, or several together."""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from factory.errors import BadConfig

FORMS = "a column's name, {column: age, edges: [25, 40]}, {column: age, quantiles: 4} or a list"


class Bin(BaseModel):
    """One column, and how it is cut.

    Without more, categories and numbers of few values are parted by value, other numbers at
    their quartiles, and dates by month.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str = Field(
        description="a feature, the target, the timestamp, or a column that is no feature"
    )
    edges: tuple[float, ...] | None = Field(
        None, min_length=1, description="numbers are cut here; an edge belongs to the upper side"
    )
    quantiles: int | None = Field(
        None, ge=2, le=20, description="numbers are cut into so many parts of the reference"
    )
    part: Literal["year", "month", "weekday", "hour"] | None = Field(
        None, description="what counts of a date"
    )

    @model_validator(mode="after")
    def one_cut(self) -> Self:
        """Refuse two cuts at once, and edges that do not rise."""
        given = [cut for cut in ("edges", "quantiles", "part") if getattr(self, cut) is not None]
        if len(given) > 1:
            problem = f"{self.column!r} is cut twice, by {' and '.join(given)}."
            raise BadConfig(problem, hint=f"keep one of {', '.join(given)}")
        edges = self.edges or ()
        if any(not low < high for low, high in pairwise(edges)):
            raise BadConfig(f"edges {list(edges)} do not rise.", hint="sort them, each once")
        return self


Grouping = tuple[Bin, ...]
"""Columns that part a table together."""


def read_groupings(entries: Any) -> tuple[Grouping, ...]:
    """Return what a config lists as tuples of bins.

    Raises:
        BadConfig: an entry that is none of the known forms.

    >>> [[b.column for b in entry] for entry in read_groupings(["a", ["a", {"column": "b"}]])]
    [['a'], ['a', 'b']]
    """
    if isinstance(entries, str | dict) or not hasattr(entries, "__iter__"):
        raise BadConfig(f"{entries!r} is no list.", hint="write one entry a line, each after '-'")
    return tuple(_grouping(entry) for entry in entries)


def _grouping(entry: Any) -> Grouping:
    parts = entry if isinstance(entry, list | tuple) else (entry,)
    bins = tuple(_bin(part) for part in parts)
    columns = [(b.column, b.part) for b in bins]
    if not bins or len(set(columns)) < len(columns):
        problem = f"{entry!r} names no column, or one twice."
        raise BadConfig(problem, hint="name each column once")
    return bins


def _bin(part: Any) -> Bin:
    if isinstance(part, Bin):
        return part
    try:
        return Bin.model_validate({"column": part} if isinstance(part, str) else part)
    except ValidationError as error:
        first = error.errors()[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, BadConfig):
            raise cause from None
        where = ".".join(str(key) for key in first["loc"]) or repr(part)
        raise BadConfig(f"{where}: {first['msg']}.", hint=f"give {FORMS} of these") from None


Groupings = Annotated[
    tuple[Grouping, ...],
    BeforeValidator(read_groupings, json_schema_input_type=list[str | Bin | list[str | Bin]]),
]
"""As a config lists them: columns, bins, or lists of both that are crossed."""
