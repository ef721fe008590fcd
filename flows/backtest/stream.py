"""A stream cut into windows, each in a file of its own, so that processes share them cheaply."""

import pickle
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from factory.columns import DataConfig
from factory.errors import BadData
from factory.nouns import DataVersion, Schema, Window
from flows.backtest.cut import cuts
from registry.sources import TrainingData, data_version, to_training, to_window
from registry.streams import read_in_order
from registry.versions import marks_of


@dataclass(frozen=True)
class Stream:
    """What is to be lived through.

    Attributes:
        folder: where the windows are.
        training: what the first model learns from.
        spans: the version of each window, in time order.
        undated: rows left out because they have no timestamp.
    """

    folder: Path
    training: TrainingData
    spans: tuple[DataVersion, ...]
    undated: int

    @property
    def schema(self) -> Schema:
        """As the training rows show it; nothing of it comes from later ones."""
        return self.training.schema

    def window(self, number: int) -> Window:
        """Return a window, labels included."""
        window: Window = load(self.folder / f"window-{number}.pickle")
        return window


def cut_stream(
    config: DataConfig,
    location: str,
    folder: Path,
    *,
    train_rows: int | None,
    window_rows: int | None,
    parted_by: Collection[str] = (),
) -> Stream:
    """Read a stream, and write its windows into a folder.

    The schema is what the training rows show, as it was on the first day.

    Args:
        config: what the columns mean; its path is not read.
        location: of the stream.
        folder: an empty one.
        train_rows: see ``cuts``.
        window_rows: see ``cuts``.
        parted_by: columns that part rows; those that are no features are read beside them.

    Raises:
        BadData: too few rows, or rows that cannot be read.
        BadConfig: the config names columns that are not there.
        Unavailable: a database does not answer.
    """
    raw, undated = read_in_order(location, config)
    train, borders = cuts(len(raw), train_rows, window_rows)
    training = to_training(raw.iloc[:train].reset_index(drop=True), config, parted_by)
    windows = _windows(raw, training.schema, borders)
    labelled, spans = False, []
    for number, window in enumerate(windows):
        labelled |= bool(window.frame[training.schema.target].notna().any())
        spans.append(window.version)
        save(window, folder / f"window-{number}.pickle")
    if not labelled:
        raise BadData(
            f"No row after the first {train:,} has a label.",
            hint=f"give a stream whose {config.target!r} is known, at least in part",
        )
    return Stream(folder, training, tuple(spans), undated)


def _windows(raw: pd.DataFrame, schema: Schema, borders: list[tuple[int, int]]) -> Iterator[Window]:
    for start, end in borders:
        yield to_window(raw.iloc[start:end].reset_index(drop=True), schema)


def without_labels(window: Window, schema: Schema) -> Window:
    """Return a window as it is before its labels come in."""
    missing = np.nan if schema.task == "regression" else None
    kind = np.float64 if schema.task == "regression" else object
    labels = np.full(len(window.frame), missing, dtype=kind)
    frame = window.frame.assign(**{schema.target: labels})
    marks = marks_of(window.absent, window.unreadable, window.examples)
    return replace(window, frame=frame, version=data_version(frame, schema, marks))


def save(value: Any, path: Path) -> None:
    """Write a value that only this backtest will read."""
    with path.open("wb") as file:
        pickle.dump(value, file, protocol=pickle.HIGHEST_PROTOCOL)


def load(path: Path) -> Any:
    """Read back what ``save`` wrote."""
    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301 - a file of our own, in a folder only we can write
