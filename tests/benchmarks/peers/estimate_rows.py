"""What a binary champion says of many rows, the same for us and for NannyML. Only numpy here."""

import numpy as np
from numpy.typing import NDArray

KNOWN = 100_000
ROWS = 1_000_000
METRICS = ("accuracy", "roc_auc", "f1", "precision", "recall")
CHUNKS = (1, 10)


def scores(rows: int, lean: float, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return scores that are too low, and whether each row is positive."""
    rng = np.random.default_rng(seed)
    said = rng.beta(lean, 1.0, rows)
    return said, (rng.random(rows) < said**1.6).astype(np.int64)


def known() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the labelled rows."""
    return scores(KNOWN, 1.0, 0)


def window() -> NDArray[np.float64]:
    """Return the scores of the window."""
    return scores(ROWS, 1.2, 1)[0]
