"""What a model costs to serve: time for one row, and size."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import skops.io

from factory.bundle import Bundle
from factory.nouns import GateTest
from factory.policy import GateConfig

REPEATS = 9
TRIFLE_MS, TRIFLE_MB = 20.0, 20.0
"""What costs no more than this is never too dear beside another."""
MB = 1e6


@dataclass(frozen=True, slots=True)
class Costs:
    """Milliseconds to predict one row, and megabytes of the saved pipeline; champion first."""

    latency_ms: tuple[float, float]
    size_mb: tuple[float, float]


def measure_costs(
    champion: Bundle, challenger: Bundle, rows: pd.DataFrame, clock: Callable[[], float]
) -> Costs:
    """Measure both models side by side; each one's best time of several counts.

    Whatever else the machine does only ever adds time, and the two take turns, so that the best
    of a few is nearly free of noise.

    Args:
        champion: the one.
        challenger: the other.
        rows: the first of them is predicted.
        clock: seconds.

    >>> from sklearn.dummy import DummyRegressor
    >>> import numpy as np
    >>> from factory.nouns import Column, Schema
    >>> frame = pd.DataFrame({"a": [1.0, 2.0], "y": [1.0, 3.0]})
    >>> bundle = Bundle(
    ...     schema=Schema((Column("a", "number"),), "y", "regression"),
    ...     pipeline=DummyRegressor().fit(frame[["a"]], frame["y"]), family="", params={},
    ...     metric="mean_absolute_error", reference=frame, reference_outputs=np.zeros(2),
    ...     reference_score=1.0, importance={}, neutral={}, seen=np.array([], dtype=np.uint64),
    ... )
    >>> clock = iter(np.arange(99.0)).__next__
    >>> measure_costs(bundle, bundle, frame, clock).latency_ms == (1000, 1000)
    True
    """
    row = rows.head(1)
    best = [float("inf"), float("inf")]
    for _ in range(REPEATS):
        for number, bundle in enumerate((champion, challenger)):
            started = clock()
            bundle.outputs(row)
            best[number] = min(best[number], clock() - started)
    sizes = [len(skops.io.dumps(bundle.pipeline)) / MB for bundle in (champion, challenger)]
    return Costs((1000 * best[0], 1000 * best[1]), (sizes[0], sizes[1]))


def cost_tests(costs: Costs, config: GateConfig) -> tuple[GateTest, GateTest]:
    """Compare costs with what is allowed.

    >>> config = GateConfig(latency_ms=5)
    >>> [t.passed for t in cost_tests(Costs((1.0, 6.0), (1.0, 2.0)), config)]
    [False, True]
    """
    return (
        _test("latency", "ms a row", costs.latency_ms, config.latency_ms, config.latency_ratio,
              TRIFLE_MS),
        _test("size", "MB", costs.size_mb, config.size_mb, config.size_ratio, TRIFLE_MB),
    )  # fmt: skip


def _test(
    name: str, unit: str, pair: tuple[float, float], most: float | None, ratio: float | None,
    trifle: float,
) -> GateTest:  # fmt: skip
    before, after = pair
    asked = [] if most is None else [most]
    if ratio is not None:
        asked.append(max(ratio * before, trifle))
    allowed = min(asked, default=None)
    passed = allowed is None or after <= allowed
    bound = "no bound" if allowed is None else f"at most {allowed:.3g} allowed"
    said = f"The challenger takes {after:.3g} {unit}, the champion {before:.3g}, {bound}"
    return GateTest(name, passed, said, {"champion": before, "challenger": after, "most": allowed})
