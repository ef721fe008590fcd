"""A spool: frames of predictions in files of one process, which outlive it.

A frame is complete or it is not there: it tells its length and its checksum, and a file ends at
the first that does not hold. So a process may be killed at any moment.
"""

import fcntl
import mmap
import os
import shutil
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self
from uuid import uuid4

import pyarrow as pa
import pyarrow.ipc

HEADER = struct.Struct("<4sQQI")
"""Mark, length of the content, rows written with this frame and before, checksum."""
MARK = b"FLOG"
COUNTS = struct.Struct("<QQ")
"""Rows taken and rows written, ever."""
LOCK, TAKEN, ENDING = "lock", "taken", ".frames"
MODEL = b"factory.model"
PACKED = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
"""Half of the bytes go to disk, in less time than the other half would take to get there."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows of one model, as an Arrow table, and how many rows were written up to here."""

    model: str
    rows: Any
    written: int


class Spool:
    """Frames on their way into the log, written by this process alone.

    Args:
        folder: of all spools; ours gets a folder of its own in it.
    """

    def __init__(self, folder: Path) -> None:
        self.name = uuid4().hex
        self.folder = folder / self.name
        self.written = self._taken = self.number = 0
        self._file: IO[bytes] | None = None
        self._memory: Any = pa.allocate_buffer(0)
        self._changing = threading.Lock()
        # Nobody may take it for a dead one's before it is locked.
        hidden = folder / f".{self.name}"
        hidden.mkdir(parents=True)
        self._lock = _locked(hidden)
        with (hidden / TAKEN).open("w+b") as file:
            file.write(COUNTS.pack(0, 0))
            file.flush()
            self._counts = mmap.mmap(file.fileno(), COUNTS.size)
        hidden.rename(self.folder)

    def took(self, rows: int) -> None:
        """Note how many rows were taken ever; this outlives the process even when it is killed."""
        self._taken = rows
        COUNTS.pack_into(self._counts, 0, rows, self.written)

    def write(self, frames: Sequence[tuple[str, Any]]) -> None:
        """Write rows of models to the newest file, and wait until they are on disk.

        Args:
            frames: models and their rows, as Arrow tables.

        Raises:
            OSError: they cannot be written; what the file held before stands.
        """
        with self._changing:
            written = self._append(frames)
        self.written = written
        COUNTS.pack_into(self._counts, 0, self._taken, written)

    def others(self) -> bool:
        """Whether there are spools of other processes, living or dead."""
        return any(path.name != self.name for path in self.folder.parent.glob("[!.]*"))

    def _append(self, frames: Sequence[tuple[str, Any]]) -> int:
        if self._file is None:
            self.number += 1
            self._file = self._path(self.number).open("xb", buffering=0)
        place, written = self._file.tell(), self.written
        try:
            for model, rows in frames:
                content = self._content(model, rows)
                written += rows.num_rows
                head = HEADER.pack(MARK, len(content), written, zlib.crc32(content))
                _write_all(self._file, head)
                _write_all(self._file, content)
            os.fdatasync(self._file.fileno())
        except OSError:
            # A torn frame would hide those after it.
            os.ftruncate(self._file.fileno(), place)
            self._file.seek(place)
            raise
        return written

    def _content(self, model: str, rows: Any) -> Any:
        """Return a frame's content, in memory that the next one is written over."""
        named = rows.replace_schema_metadata({MODEL: model.encode()})
        measured = pa.MockOutputStream()
        _stream(measured, named)
        size = measured.size()
        # Fresh memory for every frame would cost more than what is written into it.
        if size > self._memory.size:
            self._memory = pa.allocate_buffer(2 * size)
        with pa.FixedSizeBufferWriter(self._memory) as sink:
            _stream(sink, named)
        return self._memory.slice(0, size)

    def ended(self) -> list[Path]:
        """End the newest file, and return all that are not removed yet, oldest first."""
        with self._changing:
            if self._file is not None:
                self._file.close()
                self._file = None
            return files_of(self.folder)

    def close(self) -> None:
        """End it; what was not brought into the log is found by the next process."""
        left = self.ended()
        self._counts.close()
        if not left:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08}{ENDING}"


@dataclass(frozen=True, slots=True)
class Left:
    """What a process left that ended before its spool was in the log.

    Attributes:
        folder: of the spool; locked by us.
        lock: file descriptor.
    """

    folder: Path
    lock: int

    @classmethod
    def take(cls, folder: Path) -> Self | None:
        """Take over a spool, None where its process lives or somebody else takes it over."""
        try:
            return cls(folder, _locked(folder))
        except OSError:
            return None

    def counts(self) -> tuple[int, int]:
        """Return how many rows its process had taken, and how many of them it had written."""
        try:
            taken, written = COUNTS.unpack((self.folder / TAKEN).read_bytes()[: COUNTS.size])
        except (OSError, struct.error):
            return 0, 0
        return taken, written

    def remove(self) -> None:
        """Forget it, once all of it is in the log."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.lock)

    def release(self) -> None:
        """Leave it to somebody else."""
        os.close(self.lock)


def files_of(folder: Path) -> list[Path]:
    """Return a spool's files, oldest first."""
    return sorted(folder.glob(f"*{ENDING}"))


def number_of(path: Path) -> int:
    """Return a file's number within its spool."""
    return int(path.name.removesuffix(ENDING))


def frames_of(path: Path) -> Iterator[Frame]:
    """Yield a file's complete frames, in order; the file may grow, or be removed, meanwhile."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        while True:
            head = file.read(HEADER.size)
            if len(head) < HEADER.size:
                return
            mark, length, written, checksum = HEADER.unpack(head)
            content = file.read(length) if mark == MARK else b""
            if len(content) < length or mark != MARK or zlib.crc32(content) != checksum:
                return
            with pa.ipc.open_stream(content) as reader:
                table = reader.read_all()
            model = table.schema.metadata[MODEL].decode()
            yield Frame(model, table.replace_schema_metadata(None), written)


def waiting_in(folder: Path, model: str) -> Iterator[Any]:
    """Yield the rows of a model that are in any spool, as Arrow tables."""
    for path in sorted(folder.glob(f"*/*{ENDING}")):
        yield from (frame.rows for frame in frames_of(path) if frame.model == model)


def _stream(sink: Any, rows: Any) -> None:
    with pa.ipc.new_stream(sink, rows.schema, options=PACKED) as writer:
        writer.write_table(rows)


def _write_all(file: IO[bytes], content: Any) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _locked(folder: Path) -> int:
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock
