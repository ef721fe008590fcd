"""What a check of the installation says."""

from dataclasses import dataclass
from typing import Literal

Grade = Literal["ok", "note", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what was looked at.
        grade: a note needs nothing; with a warning something may fail, with a problem it does.
        said: what was found.
        fix: the one thing to do; empty where there is nothing.
    """

    check: str
    grade: Grade
    said: str
    fix: str = ""
