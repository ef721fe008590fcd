"""How many threads a fit may use."""

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenMP and linear algebra on one thread, for a block or as a function's decorator.

    The order of summation is then the same on any machine. It is also the safe speed: threads
    that wait for each other at every step were 40 times slower than one beside a busy neighbour.
    """
    with threadpool_limits(limits=1):
        yield
