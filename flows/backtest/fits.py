"""Fits that policies share: each is done once, whoever asks first, and kept by what it is."""

import fcntl
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from time import process_time
from typing import Any, TypeVar

import pandas as pd

from flows.backtest.stream import load, save
from registry.versions import content_hash

T = TypeVar("T")


class Fits:
    """One policy's door to the fits of all.

    What is asked for twice is made once: a second process that asks meanwhile waits for it. The
    price of a fit that another policy made is still charged, so that what a policy costs does not
    hang on who else is there.

    Args:
        folder: shared by all policies.

    Attributes:
        count: different fits that were asked for.
        owed: processor seconds of those that somebody else had made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked: set[str] = set()
        self.count = 0
        self.owed = 0.0

    def get(self, key: str, make: Callable[[], T]) -> T:
        """Return what ``make`` makes, which has to follow from the key alone."""
        path = self._folder / f"fit-{key}.pickle"
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                value, seconds = load(path)
                self._charge(key, seconds)
                return value  # type: ignore[no-any-return] # it is what make made
            started = process_time()
            value = make()
            seconds = process_time() - started
            whole = path.with_suffix(".part")
            save((value, seconds), whole)
            whole.rename(path)
        self._charge(key, 0.0)
        return value

    def _charge(self, key: str, seconds: float) -> None:
        if key not in self._asked:
            self._asked.add(key)
            self.count += 1
            self.owed += seconds


def fit_key(rows: pd.DataFrame, recipe: Any) -> str:
    """Name a fit by the content of its rows and by its recipe, which is plain JSON.

    >>> rows = pd.DataFrame({"a": [1.0]})
    >>> fit_key(rows, ["linear", 0]) == fit_key(rows, ["linear", 1])
    False
    """
    told = json.dumps([content_hash(rows), recipe], sort_keys=True, default=str)
    return sha256(told.encode()).hexdigest()
