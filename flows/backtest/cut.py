"""Where a stream is cut: its first rows train, the rest are windows."""

from factory.errors import BadConfig, BadData

TRAIN_SHARE = 0.25
"""Of the rows, that train the first model unless told otherwise."""
WINDOWS = 20
"""That the rest is cut into unless told otherwise."""
FEWEST_WINDOWS = 2
"""One to learn from and one to be judged on."""
SMALLEST = 10
"""Rows of a window below which a score means nothing."""


def cuts(
    rows: int, train_rows: int | None, window_rows: int | None
) -> tuple[int, list[tuple[int, int]]]:
    """Return how many rows train, and where each window starts and ends.

    A last window of less than half the rows is joined to the one before it.

    Args:
        rows: of the stream.
        train_rows: the first of them train; None is a quarter.
        window_rows: of each window; None cuts the rest into 20.

    Raises:
        BadConfig: a number of rows that is too small.
        BadData: fewer than two windows are left.

    >>> cuts(100, 40, 25)
    (40, [(40, 65), (65, 100)])
    """
    train = round(rows * TRAIN_SHARE) if train_rows is None else train_rows
    left = rows - train
    size = max(-(-left // WINDOWS), SMALLEST) if window_rows is None else window_rows
    for name, value in (("--train-rows", train_rows), ("--window-rows", window_rows)):
        if value is not None and value < SMALLEST:
            raise BadConfig(f"{name} {value} is too few.", hint=f"give {SMALLEST} or more")
    starts = list(range(train, rows, size))
    if starts and 2 * (rows - starts[-1]) < size:
        starts.pop()
    if len(starts) < FEWEST_WINDOWS:
        raise BadData(
            f"{rows:,} rows leave {max(left, 0):,} after the {train:,} that train, which makes "
            f"{len(starts)} windows of {size:,}.",
            hint="give a longer stream, or smaller --train-rows and --window-rows",
        )
    return train, list(zip(starts, [*starts[1:], rows], strict=True))
