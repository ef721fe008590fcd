"""Files that one process at a time works on."""

from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO

from factory.errors import FactoryError, Unavailable


@contextmanager
def held(path: Path, busy: FactoryError, *, hint: str) -> Iterator[IO[str]]:
    """Open a file for this process alone, to read and to append; made where it is missing.

    The kernel lets go of it when the process dies, however it dies.

    Args:
        path: of the file; its folder is made too.
        busy: raised where another process holds it.
        hint: what helps where it cannot be written.

    Raises:
        Unavailable: it cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path, busy = Path(folder) / "one.lock", Unavailable("It is held.", hint="wait")
    ...     with held(path, busy, hint=""), held(path, busy, hint=""):
    ...         pass
    Traceback (most recent call last):
    factory.errors.Unavailable: It is held.
      fix: wait
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}.", hint=hint) from None
    with file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise busy from None
        yield file
