"""Windows without drift: the data, handed over as files, and the rows of each window."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

Split = tuple[pd.DataFrame, pd.DataFrame]


def splits(folder: str, case: str, seeds: range, rows: int) -> Iterator[Split]:
    """Yield for each seed a random half of the case's rows, and a window of the other half."""
    frame = pd.read_parquet(Path(folder) / f"{case}.parquet")
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(frame))
        half = len(frame) // 2
        before, now = order[:half], order[half : half + rows]
        yield (frame.iloc[part].reset_index(drop=True) for part in (before, now))
