"""The online detectors of alibi-detect behind our form, thresholds and state kept.

alibi-detect is under the Business Source License and therefore optional. Its own files repeat the
bootstrap when they are loaded; here thresholds and splits are put back as they were. Its history
of statistics, which grows with the stream, is cut after each row.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from math import ceil
from typing import Any, ClassVar, Self

import numpy as np

from factory.errors import BadConfig, Unavailable
from factory.nouns import Floats
from factory.online.fitted import Fitted
from factory.online.protocol import Setup, TooFewRows, Values

FEWEST = 2_500
"""Bootstraps drawn at least."""
PER_ALARM = 10
"""Bootstraps for each row of the expected run time, as alibi-detect advises."""


class _Alibi(Fitted):
    """What the four share: a detector of alibi-detect, and what is to be kept of it."""

    _WHERE: ClassVar[str]
    _KEPT: ClassVar[tuple[str, ...]]
    _FIXED: ClassVar[tuple[str, ...]]

    def __init__(self, **fitted: Any) -> None:
        self._fitted: Values = fitted
        self._detector = self._made(fitted)
        self._start()
        self.drift = False
        self.statistic, self.threshold = np.nan, np.nan
        self.window: int | None = None
        self.column: int | None = None

    def update(self, row: Floats) -> None:
        """Take one row of shape (k,)."""
        if self.drift:
            self._start()
        self._seen += 1
        with seeded((self._fitted["seed"], self._seen)):
            told = self._detector.predict(self._row(row))["data"]
        self.drift = bool(told["is_drift"])
        self._read(np.asarray(told["test_stat"]), np.asarray(told["threshold"]))
        self._cut()

    def _start(self) -> None:
        self._seen = getattr(self, "_seen", 0)
        self._detector.reset_state()

    def _cut(self) -> None:
        detector = self._detector
        detector.test_stats = detector.test_stats[-1:]
        detector.drift_preds = detector.drift_preds[-1:]

    def to_state(self) -> Values:
        """Return what alibi-detect calls the online state, and ours."""
        state = self.said()
        keys = self._detector.online_state_keys
        state |= {f"alibi.{key}": np.array(getattr(self._detector, key)) for key in keys}
        return state | {"seen": self._seen}

    def resume(self, state: Values) -> None:
        """Stand where ``to_state`` was called."""
        self.say(state)
        self._seen = state["seen"]
        for key in self._detector.online_state_keys:
            value = state[f"alibi.{key}"]
            setattr(self._detector, key, int(value) if key == "t" else value.copy())

    def _row(self, row: Floats) -> Any:
        return row.astype(np.float32)

    def _read(self, statistic: Any, threshold: Any) -> None:
        self.statistic, self.threshold = float(statistic), float(threshold)

    @classmethod
    def _made(cls, fitted: Values) -> Any:
        """Make alibi-detect's detector; what was fitted already is not fitted again."""
        raise NotImplementedError


class _Joint(_Alibi):
    """Those of all columns together, one for each window."""

    @classmethod
    def fit(cls, reference: Floats, setup: Setup) -> list[Self]:
        """Return a detector for each window, see ``Online.fit``.

        Each alarms so much more rarely that all of them together keep what is asked.
        """
        made = []
        for window in setup.windows:
            if len(reference) < 6 * window:
                raise TooFewRows(f"{len(reference)} rows are too few for a window of {window}.")
            asked: Values = {
                "reference": reference.astype(np.float32),
                "ert": float(setup.ert) * len(setup.windows),
                "sizes": (window,),
                "seed": setup.seed,
            }
            fresh = cls._made(asked)
            kept = {key: np.asarray(getattr(fresh, key)) for key in cls._KEPT}
            made.append(cls(**asked, **kept))
        return made

    @classmethod
    def _made(cls, fitted: Values) -> Any:
        base = library(cls._WHERE)
        kept = {key: fitted[key] for key in cls._KEPT if key in fitted}

        class Kept(base):  # type: ignore[misc, valid-type]
            """Takes what was fitted for its own."""

            def _configure_thresholds(self) -> None:
                self.__dict__.update(kept)

            def _configure_kernel_centers(self) -> None:
                self.__dict__.update(kept)
                self.k_xc = self.kernel(self.x_ref_eff, self.kernel_centers)

            def _configure_ref_subset(self) -> None:
                self._initialise_state()

        told = {
            "ert": fitted["ert"],
            "window_size": fitted["sizes"][0],
            "n_bootstraps": max(FEWEST, ceil(PER_ALARM * fitted["ert"])),
            "verbose": False,
        }
        with seeded((fitted["seed"], 0)):
            return (Kept if kept else base)(fitted["reference"], **told)

    def _read(self, statistic: Any, threshold: Any) -> None:
        super()._read(statistic, threshold)
        self.window = self._fitted["sizes"][0]


class AlibiMMD(_Joint):
    """alibi-detect's MMDDriftOnline, with TensorFlow."""

    _WHERE = "alibi_detect.cd.tensorflow.mmd_online:MMDDriftOnlineTF"
    _KEPT = ("thresholds", "ref_inds", "init_test_inds", "k_xx_sub_sum")


class AlibiLSDD(_Joint):
    """alibi-detect's LSDDDriftOnline, with TensorFlow."""

    _WHERE = "alibi_detect.cd.tensorflow.lsdd_online:LSDDDriftOnlineTF"
    _KEPT = (
        "thresholds",
        "ref_inds",
        "init_test_inds",
        "kernel_centers",
        "x_ref_eff",
        "H_lam_inv",
        "c2s",
    )


class _Single(_Alibi):
    """Those of each column by itself, all windows at once."""

    _MARKS: ClassVar[bool]

    @classmethod
    def fit(cls, reference: Floats, setup: Setup) -> list[Self]:
        """Return one detector for all windows, see ``Online.fit``."""
        columns = np.flatnonzero(setup.marks if cls._MARKS else ~setup.marks)
        if len(columns) == 0:
            raise BadConfig("No column is of the kind it looks at.", hint="choose alibi_mmd")
        if len(reference) < 2 * max(setup.windows):
            raise TooFewRows(f"{len(reference)} rows are too few.")
        asked: Values = {
            "reference": reference[:, columns],
            "ert": float(setup.ert),
            "sizes": tuple(setup.windows),
            "seed": setup.seed,
            "columns": columns,
        }
        fresh = cls._made(asked)
        return [cls(**asked, **{key: np.asarray(getattr(fresh, key)) for key in cls._KEPT})]

    @classmethod
    def _made(cls, fitted: Values) -> Any:
        base = library(cls._WHERE)
        kept = {key: fitted[key] for key in cls._KEPT if key in fitted}

        class Kept(base):  # type: ignore[misc, valid-type]
            """Takes what was fitted for its own."""

            def _configure_thresholds(self) -> None:
                self.__dict__.update(kept)

        reference = fitted["reference"]
        bootstraps = ceil(PER_ALARM * fitted["ert"] * reference.shape[1])
        told = {
            "ert": fitted["ert"],
            "window_sizes": list(fitted["sizes"]),
            "n_bootstraps": max(FEWEST, bootstraps),
            "verbose": False,
        }
        with seeded((fitted["seed"], 0)):
            return (Kept if kept else base)(reference > 0 if cls._MARKS else reference, **told)

    def _row(self, row: Floats) -> Any:
        found = row[self._fitted["columns"]]
        return found > 0 if self._MARKS else found

    def _read(self, statistic: Any, threshold: Any) -> None:
        limits = np.broadcast_to(threshold, statistic.shape)
        apart = np.where(np.isnan(statistic) | np.isnan(limits), -np.inf, statistic - limits)
        most, column = np.unravel_index(int(apart.argmax()), apart.shape)
        self.statistic, self.threshold = float(statistic[most, column]), float(limits[most, column])
        self.window = self._fitted["sizes"][int(most)]
        self.column = int(self._fitted["columns"][column])

    def _cut(self) -> None:
        super()._cut()
        self._detector.xs = self._detector.xs[-max(self._fitted["sizes"]) :]


class AlibiCVM(_Single):
    """alibi-detect's CVMDriftOnline, on the columns of numbers."""

    _WHERE = "alibi_detect.cd.cvm_online:CVMDriftOnline"
    _KEPT = ("thresholds",)
    _MARKS = False


class AlibiFET(_Single):
    """alibi-detect's FETDriftOnline, on the columns of zeros and ones; it sees increases only."""

    _WHERE = "alibi_detect.cd.fet_online:FETDriftOnline"
    _KEPT = ("thresholds", "permit_probs")
    _MARKS = True


def library(where: str) -> Any:
    """Import a class of alibi-detect.

    Raises:
        Unavailable: it is not installed.
    """
    module, name = where.split(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"alibi-detect is not installed ({error.name} is missing).",
            hint="pip install 'drift-factory[alibi]'",
        ) from error


@contextmanager
def seeded(seed: tuple[int, int]) -> Iterator[None]:
    """Seed the generators that alibi-detect draws from, and put NumPy's back afterwards."""
    before = np.random.get_state()  # noqa: NPY002 - alibi-detect draws from it
    number = int(np.random.SeedSequence(seed).generate_state(1)[0])
    np.random.seed(number)  # noqa: NPY002 - as above
    if seed[1] == 0:
        import_module("tensorflow").random.set_seed(number)
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002 - as above
