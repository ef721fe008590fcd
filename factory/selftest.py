"""The self-test of a deployed image detector: would it see a camera that ages?"""

from dataclasses import dataclass

import numpy as np

from factory.bundle import Bundle
from factory.config import CheckConfig
from factory.detectors.features import Measured, detector, judged, measure
from factory.embedded import Embedded
from factory.errors import BadData
from factory.ladder import LADDER, SEVERITIES, climbed
from factory.nouns import Column, Counts
from factory.pictures import FULL, Pixels, read_cells, to_cells

CERTAIN = 2
"""Severity from which every window should alarm."""
FEWEST = 40
"""Pictures of the reference below which nothing is tested."""


@dataclass(frozen=True)
class Rung:
    """What windows of one corruption did; ``severity`` 0 are clean ones.

    ``p_value`` is the least certain window's, of clean ones the most certain's, and ``effect``
    that window's.
    """

    corruption: str
    severity: int
    windows: int
    alarms: int
    p_value: float
    effect: float


@dataclass(frozen=True)
class SelfTest:
    """The ladder that one image feature's detector climbed.

    Attributes:
        feature: the image's name.
        detector: that compares it.
        rows: of every window.
        clean: windows as they came.
        rungs: each corruption at each severity.
        confidence: the champion's mean largest probability on the reference, and on pure noise;
            None for regression, and where it reads other features too.
    """

    feature: str
    detector: str
    rows: int
    clean: Rung
    rungs: tuple[Rung, ...]
    confidence: tuple[float, float] | None

    @property
    def passed(self) -> bool:
        """Whether no clean window alarmed, and from severity 2 on every broken one did."""
        high = [rung for rung in self.rungs if rung.severity >= CERTAIN]
        return self.clean.alarms == 0 and all(rung.alarms == rung.windows for rung in high)


def selftest(
    bundle: Bundle, column: Column, config: CheckConfig, *, rows: int, windows: int, seed: int
) -> SelfTest:
    """Break the reference's own pictures step by step, and look which windows alarm.

    A random half of the reference stands for it, and windows are drawn from the other half, at
    most all of that. A window alarms as it would in a check.

    Args:
        bundle: the champion.
        column: a feature that is an image.
        config: the detector, and when it alarms.
        rows: of a window.
        windows: for each rung; ten times as many clean ones.
        seed: of the half, the windows and the noise.

    Raises:
        BadData: the reference has fewer than 40 pictures.
    """
    rng = np.random.default_rng(seed)
    cells = bundle.reference[column.name].dropna().to_numpy(dtype=object)
    if len(cells) < FEWEST:
        raise BadData(f"The reference has {len(cells)} pictures.", hint="train on more rows")
    order = rng.permutation(len(cells))
    known = Embedded.of(cells[np.sort(order[: len(cells) // 2])], column)
    others = read_cells(cells[np.sort(order[len(cells) // 2 :])], column.shape)[0]
    rows = min(rows, len(others))
    tested = _Tested(known, config, _threshold(bundle, config))

    def rung(corruption: str, severity: int, count: int) -> Rung:
        found = []
        for _ in range(count):
            drawn: Counts = rng.choice(len(others), size=rows, replace=False)
            pixels = others[drawn]
            if severity:
                pixels = climbed(pixels, corruption, severity, rng)
            found.append(tested.look(pixels))
        pick = max if severity else min
        p_value, effect, _ = pick(found)
        return Rung(corruption, severity, count, sum(one[2] for one in found), p_value, effect)

    clean = rung("none", 0, 10 * windows)
    rungs = tuple(rung(name, severity, windows) for name in LADDER for severity in SEVERITIES)
    noise = rng.integers(0, int(FULL) + 1, size=others.shape).astype(np.uint8)
    return SelfTest(
        column.name, config.detectors.image, rows, clean, rungs, _confidence(bundle, others, noise)
    )


@dataclass(frozen=True)
class _Tested:
    known: Embedded
    config: CheckConfig
    threshold: float

    def look(self, pixels: Pixels) -> tuple[float, float, bool]:
        column, name = self.known.column, self.config.detectors.image
        finding = detector(name)(self.known, Embedded.of(to_cells(pixels), column))
        measured = Measured(column.name, column.kind, name, finding, 0.0, None)
        signal = judged([measured], self.threshold, self.config)[0]
        return signal.p_value, signal.effect, signal.alarm


def _threshold(bundle: Bundle, config: CheckConfig) -> float:
    """Return the p-value below which a test of a check alarms, with the joint test beside it."""
    tests = measure(bundle.profile, bundle.profile, bundle.schema, config.detectors, bundle.budget)
    level = config.false_alarms / 100 / (3 + bool(config.segments))
    return bundle.budget.threshold(level, len(tests) + 1)


def _confidence(bundle: Bundle, clean: Pixels, noise: Pixels) -> tuple[float, float] | None:
    if not bundle.schema.classes or len(bundle.schema.features) > 1:
        return None
    name = bundle.schema.names[0]
    frame = bundle.reference.iloc[: len(clean)]
    said = [
        bundle.outputs(frame.iloc[: len(pixels)].assign(**{name: to_cells(pixels)})).max(axis=1)
        for pixels in (clean[: len(frame)], noise[: len(frame)])
    ]
    return float(said[0].mean()), float(said[1].mean())
