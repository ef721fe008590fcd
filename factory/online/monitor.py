"""The online monitor of a version: its encoding and its detectors, fitted once and for all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.errors import BadConfig
from factory.metrics import row_losses
from factory.nouns import Bools, Column, Floats, Outputs, Schema
from factory.online.config import OnlineConfig
from factory.online.encoder import Encoder
from factory.online.protocol import Online, Setup, TooFewRows, Values, online

Watched = Literal["features", "predictions", "loss"]


@dataclass(frozen=True)
class Monitor:
    """What was learnt at training, kept with the version; where a stream stands is kept apart.

    Attributes:
        config: which detector, how rare its false alarms are to be, and what it watches.
        encoder: from rows to numbers.
        fitted: of each detector, see ``Online.fitted``; empty where it cannot watch.
        missing: why a window, or all, could not be fitted, in words.
    """

    config: OnlineConfig
    encoder: Encoder
    fitted: tuple[Values, ...]
    missing: str = ""

    @classmethod
    def fit(
        cls,
        config: OnlineConfig,
        schema: Schema,
        reference: pd.DataFrame,
        outputs: Outputs,
        seed: int,
    ) -> Self:
        """Fit the detectors to the rows that the champion was judged on.

        Windows that the reference has too few rows for are left out. Where none is left, or the
        detector cannot look at what it is to watch, the monitor says so when it is asked: a model
        that is made anew from few rows is still worth having.

        Args:
            config: which detector, how rare its false alarms are to be, and what it watches.
            schema: the features.
            reference: canonical rows with labels, which the champion was not trained on.
            outputs: the champion's on them.
            seed: of everything that is drawn.

        Raises:
            Unavailable: the detector's package is not installed.
        """
        nothing = cls(config, Encoder(()), ())
        try:
            table, columns = watched(config.on, config.detector, schema, reference, outputs)
        except BadConfig as error:
            return replace(nothing, missing=error.problem)
        encoder = Encoder.fit(table, columns, gaps=config.on == "features")
        if not encoder.columns:
            return replace(nothing, missing="There is no column to watch.")
        rows, kind, missing = encoder.rows(table), online(config.detector), ""
        left = sorted(config.windows)
        while left:
            rising, per = config.on == "loss", float(config.one_false_alarm_per)
            setup = Setup(per, tuple(left), seed, encoder.marks, rising)
            try:
                fitted = tuple(detector.fitted() for detector in kind.fit(rows, setup))
            except TooFewRows:
                missing = f"The reference has {len(rows)} rows, too few for windows of {left[-1]}."
                left.pop()
            except BadConfig as error:
                return replace(nothing, missing=error.problem)
            else:
                return cls(config, encoder, fitted, missing)
        return replace(nothing, missing=missing)

    def detectors(self) -> list[Online]:
        """Return the detectors at the start of a stream.

        Raises:
            BadConfig: there is none.
        """
        if not self.fitted:
            raise BadConfig(
                f"This version cannot be watched: {self.missing}",
                hint="change check.online, and train again",
            )
        kind = online(self.config.detector)
        return [kind.of(fitted) for fitted in self.fitted]

    def rows(
        self, schema: Schema, frame: pd.DataFrame, outputs: Outputs
    ) -> tuple[Floats, NDArray[np.intp]]:
        """Return what the detectors are fed, and the positions of the rows it comes from.

        A loss is known of labelled rows only.

        Args:
            schema: the features.
            frame: canonical rows.
            outputs: the champion's on them.
        """
        known = np.ones(len(frame), dtype=np.bool_)
        if self.config.on == "loss":
            known = labelled(schema, frame)
        kept = np.flatnonzero(known)
        some = frame.iloc[kept].reset_index(drop=True)
        table, _ = watched(self.config.on, self.config.detector, schema, some, outputs[kept])
        return self.encoder.rows(table), kept

    def label(self, column: int | None) -> str | None:
        """Name the column that a detector says moved most."""
        return None if column is None else self.encoder.labels()[column][0]

    def to_values(self) -> Values:
        """Return plain values and arrays, from which ``of`` makes the same monitor."""
        return {
            "config": self.config.model_dump(mode="json"),
            "encoder": self.encoder.to_values(),
            "fitted": list(self.fitted),
            "missing": self.missing,
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the monitor whose ``to_values`` these are."""
        config = OnlineConfig.model_validate(values["config"])
        encoder = Encoder.of(values["encoder"])
        return cls(config, encoder, tuple(values["fitted"]), values["missing"])


def labelled(schema: Schema, frame: pd.DataFrame) -> Bools:
    """Mark the rows with a label, shape (rows,)."""
    if schema.target not in frame:
        return np.zeros(len(frame), dtype=np.bool_)
    return frame[schema.target].notna().to_numpy(dtype=np.bool_)


def watched(
    on: Watched, detector: str, schema: Schema, frame: pd.DataFrame, outputs: Outputs
) -> tuple[pd.DataFrame, tuple[Column, ...]]:
    """Return the table that is watched, and its columns.

    Detectors of zeros and ones (fet, alibi_fet) see the predicted class in place of its
    probability, and whether it is wrong in place of the loss.

    Raises:
        BadConfig: there are no classes to see.

    >>> schema = Schema((), "y", "binary", classes=("a", "b"))
    >>> frame, outputs = pd.DataFrame({"y": ["a", "b"]}), np.array([[0.9, 0.1], [0.8, 0.2]])
    >>> watched("loss", "fet", schema, frame, outputs)[0]["wrong"].tolist()
    [0.0, 1.0]
    """
    if on == "features":
        return frame, schema.features
    coarse = detector.endswith("fet")
    if coarse and not schema.classes:
        raise BadConfig(
            f"{detector} cannot watch the {on} of a regression.",
            hint="set check.online.detector: cvm",
        )
    names = np.array(schema.classes, dtype=object)
    said = names[outputs.argmax(axis=1)] if schema.classes else outputs
    if on == "loss":
        truth = frame[schema.target].to_numpy()
        if coarse:
            return pd.DataFrame({"wrong": 1.0 * (truth != said)}), (Column("wrong", "number"),)
        losses = row_losses(schema, truth, outputs)
        return pd.DataFrame({"loss": losses}), (Column("loss", "number"),)
    if coarse:
        return pd.DataFrame({"prediction": said}), (Column("prediction", "category"),)
    if not schema.classes:
        return pd.DataFrame({"prediction": said}), (Column("prediction", "number"),)
    # The probabilities add up to 1, so that one of them says nothing new.
    shown = {f"probability of {name}": outputs[:, i] for i, name in enumerate(names) if i}
    return pd.DataFrame(shown), tuple(Column(name, "number") for name in shown)
