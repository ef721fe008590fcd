"""The logs of a stack: a file a part, bounded."""

import shutil
from pathlib import Path

from flows.stack.state import stack_folder

LARGEST = 20_000_000


def log_of(home: Path, name: str) -> Path:
    """Return the file that a part's output is appended to; its folder is created."""
    folder = stack_folder(home) / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"


def bound(log: Path, largest: int = LARGEST) -> None:
    """Move a log aside that grew too large, while its part goes on appending to it."""
    if log.exists() and log.stat().st_size > largest:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        with log.open("r+b") as file:
            file.truncate(0)


def last_words(log: Path) -> str:
    """Return the last line of a log that says anything, as the reason why its part ended."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        lines = file.read().decode(errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said[-40:] if line.startswith("error: ")]
    return (errors or said or ["it said nothing"])[-1][:500]


def says(log: Path, words: str, begun: int) -> bool:
    """Whether a log contains words after its first ``begun`` bytes."""
    with log.open("rb") as file:
        file.seek(begun)
        return words.encode() in file.read()
