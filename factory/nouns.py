"""The nouns of the factory, one word per thing; see the README for what each means."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from factory.breakdown.parts import Breakdown
    from factory.diagnosis.parts import ClassShare, Share, Suspect

Task = Literal["binary", "multiclass", "regression"]
Kind = Literal["number", "category", "date", "text", "image"]
EMBEDDED: frozenset[Kind] = frozenset({"text", "image"})
"""Kinds that are compared by where an embedding puts their values."""
WORDED: frozenset[Kind] = EMBEDDED | {"category"}
"""Kinds whose values are strings; an image's is that of its pixels (see ``factory.pictures``)."""
Cause = Literal[
    "none",
    "data_quality",
    "covariate_drift",
    "label_drift",
    "concept_drift",
    "regression",
    "unknown",
]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Counts = NDArray[np.intp]
Outputs = Floats
"""What a model says of n rows: shape (n,) values, or (n, k) probabilities of the k classes."""


@dataclass(frozen=True, slots=True)
class Column:
    """One feature and its kind; ``shape`` is an image's: height, width, channels."""

    name: str
    kind: Kind
    shape: tuple[int, ...] = ()

    @property
    def embedded(self) -> bool:
        """Whether a value is no point on a line and no category, but has a place in a space.

        >>> Column("file", "image", (8, 8, 1)).embedded, Column("a", "date").embedded
        (True, False)
        """
        return self.kind in EMBEDDED

    @property
    def plain(self) -> bool:
        """Whether values can be compared one by one: dates always move."""
        return self.kind in {"number", "category"}


@dataclass(frozen=True, slots=True)
class Schema:
    """What a model's data look like: features, target, and the columns that order and name rows.

    ``classes`` are the target's values in sorted order, empty for regression; in binary tasks
    the last one is the positive class. ``beside`` are columns that part rows into segments and
    groups, and that no model reads.
    """

    features: tuple[Column, ...]
    target: str
    task: Task
    timestamp: str | None = None
    id: str | None = None
    classes: tuple[str, ...] = ()
    beside: tuple[Column, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(column.name for column in self.features)

    @property
    def identifiable(self) -> bool:
        """Whether a row can be told from an equal row seen at another time."""
        return self.timestamp is not None or self.id is not None

    def without(self, features: Collection[str]) -> "Schema":
        """Return this schema less some features."""
        return self.reading(tuple(c for c in self.features if c.name not in features))

    def reading(self, features: tuple[Column, ...]) -> "Schema":
        """Return this schema with other features."""
        return replace(self, features=features)


@dataclass(frozen=True, slots=True)
class DataVersion:
    """A content-addressed table: its hash over every value of every row, and its size."""

    sha256: str
    rows: int
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The rows that are checked now, in canonical form (see ``registry.sources``).

    ``unreadable`` marks, per feature, the rows whose value could not be read as the schema's
    kind; those cells are missing in ``frame``, and the first of each is told in ``examples``.
    Masks have shape (rows,). ``absent`` are the features that the table has no column for, all
    missing in ``frame``, and ``extra`` its columns that the schema does not know.
    """

    frame: pd.DataFrame
    version: DataVersion
    unreadable: Mapping[str, Bools] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


Damage = Literal[
    "schema",
    "type",
    "missing",
    "constant",
    "unit",
    "out_of_range",
    "placeholder",
    "stuck",
    "unseen",
    "duplicate",
    "late",
    "future",
]
ROWS = "*"
"""Stands for whole rows where a feature is named."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A data-quality finding on one feature; ``share`` of the window's rows is touched.

    ``handled`` is a feature that the champion does without already. ``detail`` goes on after
    the problem's name, for people. Of a change of unit ``unit`` keeps (a, b): a value is now
    a times what it would have been, plus b. A duplicated row is a problem of ``*``, a moment
    that cannot be one of the timestamp: see ``of_rows``. ``of_labels`` marks one of the target.
    """

    feature: str
    problem: Damage
    share: float
    handled: bool = False
    detail: str = ""
    unit: tuple[float, float] | None = None
    of_labels: bool = False

    @property
    def of_rows(self) -> bool:
        """Whether rows as such are damaged, and no feature that a model could do without.

        >>> Problem(ROWS, "duplicate", 0.1).of_rows, Problem("a", "missing", 0.1).of_rows
        (True, False)
        """
        return self.problem in {"duplicate", "late", "future"}


@dataclass(frozen=True, slots=True)
class Signal:
    """What one detector says of one feature (or of predictions, labels, all features jointly).

    ``effect`` is the size of the change on [0, 1], comparable between window sizes, and
    ``detectable`` the smallest share of rows whose move the test would have seen in four of
    five such windows; None where it is not known, or no move would do. ``tells`` are the
    features that a joint test leans on, the most telling first.
    """

    feature: str
    kind: str
    detector: str
    statistic: float
    p_value: float
    effect: float
    alarm: bool
    detectable: float | None = None
    tells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric with its confidence interval and the rows it rests on."""

    value: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True, slots=True)
class Performance:
    """The champion's metric: on its reference, and on the window.

    ``realised`` is measured on the window's labelled rows, ``estimated`` told from the features
    and outputs of all its rows. The alarm follows the former where there is one. ``combined``
    takes labelled rows as realised and the others as estimated. ``predicted`` is a second
    opinion, from the distribution of the outputs alone (see ``factory.predictor``).

    No estimate sees that the relation itself changed: ``labels_needed`` is the number of labelled
    rows that would show a fall of ``tolerance`` in four of five windows, None where none would.
    """

    metric: str
    reference: float
    realised: Estimate | None
    estimated: Estimate | None
    alarm: bool
    combined: Estimate | None = None
    predicted: Estimate | None = None
    labels_needed: int | None = None
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a check measured on one window."""

    model: str
    version: int
    window: DataVersion
    labelled: int
    quality: tuple[Problem, ...]
    drift: tuple[Signal, ...]
    joint: Signal | None
    prediction_drift: Signal | None
    label_drift: Signal | None
    performance: Performance
    breakdown: "Breakdown | None" = None
    behaviour: Signal | None = None

    @property
    def drift_alarm(self) -> bool:
        """Whether any feature, or how they hang together, moved by more than is accepted."""
        together = self.joint is not None and self.joint.alarm
        return together or any(signal.alarm for signal in self.drift)

    @property
    def alarm(self) -> bool:
        """Whether anything at all was found."""
        single = (self.prediction_drift, self.label_drift, self.behaviour)
        return (
            any(not problem.handled for problem in self.quality)
            or self.drift_alarm
            or self.performance.alarm
            or any(signal is not None and signal.alarm for signal in single)
            or (self.breakdown is not None and self.breakdown.alarm)
        )


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why the window looks as it does; ``culprits`` are the features blamed, worst first.

    ``shares`` are those of a fall by where it comes from, and ``labels_needed`` the labelled rows
    that would name its largest source where the window's do not. ``overlap`` is the share of
    rows whose like the reference has: of the others nobody can tell whether the features or
    their relation to the target did it. ``suspects`` are all features by priority. ``mix`` is
    what the classes' shares are, told without labels where only they moved.
    """

    cause: Cause
    culprits: tuple[str, ...]
    because: str
    shares: "tuple[Share, ...]" = ()
    suspects: "tuple[Suspect, ...]" = ()
    mix: "tuple[ClassShare, ...]" = ()
    labels_needed: int | None = None
    overlap: float | None = None


@dataclass(frozen=True, slots=True)
class GateTest:
    """One of the gate's tests: ``passed`` is None where rows were too few to tell."""

    name: str
    passed: bool | None
    because: str
    figures: Mapping[str, float | int | str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's outcome, in words: passed where no test failed."""

    passed: bool
    because: str
    tests: tuple[GateTest, ...] = ()
