"""The rows of a window together with what the champion says of them."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from factory.bundle import Bundle
from factory.nouns import Bools, Outputs


@dataclass(frozen=True)
class Rows:
    """A window as its parts are measured on it.

    Attributes:
        bundle: the champion.
        frame: canonical rows.
        truth: the target, missing where it is not known, shape (rows,).
        outputs: the champion's, shape (rows,) or (rows, k).
        labelled: rows that count for performance: their label is known, and the champion was not
            trained on them, shape (rows,).
    """

    bundle: Bundle
    frame: pd.DataFrame
    truth: NDArray[Any]
    outputs: Outputs
    labelled: Bools
