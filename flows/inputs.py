"""All that a decision follows from, kept with it so that it can be made again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from factory.config import ModelConfig
from factory.decide import Refused
from factory.exact import write
from factory.nouns import Diagnosis, Evidence, Window
from factory.plan import History, Phase
from factory.rehearse import Rehearsed
from factory.remedies import Rehearsal
from flows.case import Examined
from flows.code import code_version
from flows.workplace import without_secret
from registry.masks import packed, unpacked


@dataclass(frozen=True)
class AsRead:
    """What reading a window told of it beside its rows; masks are packed, by feature."""

    unreadable: Mapping[str, str]
    examples: Mapping[str, str]
    absent: tuple[str, ...]
    extra: tuple[str, ...]

    @classmethod
    def of(cls, window: Window) -> "AsRead":
        """Keep what a window carries."""
        masks = {name: packed(mask) for name, mask in window.unreadable.items()}
        return cls(masks, dict(window.examples), window.absent, window.extra)

    def window(self, rows: Window) -> Window:
        """Return rows with all that was told of them."""
        n = len(rows.frame)
        masks = {name: unpacked(mask, n) for name, mask in self.unreadable.items()}
        return Window(rows.frame, rows.version, masks, self.examples, self.absent, self.extra)


@dataclass(frozen=True)
class Inputs:
    """What a decision follows from.

    Attributes:
        at: the moment that the check was told, UTC, ISO format.
        config: the rules, without a password.
        window: what reading it told.
        evidence: what was measured.
        diagnosis: what was concluded.
        rehearsals: what each remedy scored and cost.
        refused: whose models the gate had refused by then.
        history: what had happened before.
        code: which code ran, see ``flows.code``.
        phase: of the decision.
    """

    at: str
    config: ModelConfig
    window: AsRead
    evidence: Evidence
    diagnosis: Diagnosis
    rehearsals: tuple[Rehearsal, ...]
    refused: tuple[Refused, ...]
    history: History
    code: Mapping[str, Any]
    phase: Phase


def inputs_json(
    examined: Examined, rehearsed: Sequence[Rehearsed], refused: tuple[Refused, ...]
) -> dict[str, Any]:
    """Return what a decision follows from as plain JSON, to the last bit."""
    case = examined.case
    inputs = Inputs(
        case.at,
        without_secret(case.config),
        AsRead.of(case.window),
        examined.checked.evidence,
        examined.diagnosis,
        tuple(entry.rehearsal for entry in rehearsed),
        refused,
        case.history,
        code_version(),
        case.phase,
    )
    told: dict[str, Any] = write(inputs)
    return told
