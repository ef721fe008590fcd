"""The samples on which statistics are compared: two normal samples, two of categories, two rows."""

from typing import Any

import numpy as np


def samples(seed: int) -> dict[str, Any]:
    """Return a reference and a window of numbers, of categories' codes and of 3-dimensional rows.

    Numbers are of few digits, so that every machine has the same.
    """
    rng = np.random.default_rng(seed)
    shares = ([0.5, 0.3, 0.15, 0.05], [0.4, 0.3, 0.2, 0.1])
    return {
        "numbers": [rng.normal(at, by, n).round(6) for at, by, n in ((0, 1, 400), (0.2, 1.2, 300))],
        "codes": [rng.choice(4, n, p=p) for n, p in zip((400, 300), shares, strict=True)],
        "rows": [rng.normal(at, 1, (n, 3)).round(6) for at, n in ((0, 120), (0.4, 80))],
        "width": 2.0,
    }
