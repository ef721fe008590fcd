"""What a profile says of any feature."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from factory.nouns import Bools


@dataclass(frozen=True, eq=False)
class Summary:
    """What every feature has; all that is kept of a date.

    Attributes:
        lost: rows without a value, in the table's order, shape (rows,).
    """

    lost: Bools

    @property
    def rows(self) -> int:
        """All rows."""
        return len(self.lost)

    @cached_property
    def missing(self) -> int:
        """Rows without a value."""
        return int(np.count_nonzero(self.lost))

    def most_missing(self, rows: int) -> float:
        """Return the largest share of missing values in any stretch of that many rows.

        >>> Summary(np.array([True, False, True, True, False])).most_missing(2)
        1.0
        """
        rows = max(1, min(rows, self.rows))
        if self.missing == 0:
            return 0.0
        so_far = np.concatenate([[0], np.cumsum(self.lost)])
        return float((so_far[rows:] - so_far[:-rows]).max() / rows)
