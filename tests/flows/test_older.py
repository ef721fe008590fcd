from dataclasses import dataclass

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.nouns import Column, DataVersion, Schema, Window
from flows.older import read_by, rows_before
from flows.recall import Table

SCHEMA = Schema((Column("a", "number"),), "y", "regression", timestamp="at")


def rows(first, count):
    numbers = np.arange(first, first + count, dtype=float)
    at = pd.Timestamp("2026-01-01") + pd.to_timedelta(numbers, "D")
    return pd.DataFrame({"a": numbers, "y": numbers, "at": at.astype("datetime64[ns]")})


@dataclass(frozen=True)
class Kept:
    """A past in memory."""

    parts: tuple

    def load(self, version):
        raise NotImplementedError

    def tables(self):
        return [
            Table(str(number), trained=number == 0, read=lambda part=part: part)
            for number, part in enumerate(self.parts)
        ]

    def clock(self):
        return 0.0


def test_older_rows_are_labelled_sound_and_not_the_newest():
    broken = np.arange(5) == 2
    unlabelled = rows(10, 5)
    unlabelled.loc[0, "y"] = np.nan
    memory = Kept(((rows(0, 5), {"a": broken}), (unlabelled, {}), (rows(20, 5), {})))
    newest = Window(rows(22, 8), DataVersion("newest", 8))
    found = rows_before(memory, SCHEMA, SCHEMA, newest)
    assert found["a"].tolist() == [0, 1, 3, 4, 11, 12, 13, 14, 20, 21]


def test_a_feature_that_older_rows_lack_leaves_none_of_them():
    wide = Schema((*SCHEMA.features, Column("b", "number")), "y", "regression", timestamp="at")
    memory = Kept(((rows(0, 5), {}),))
    newest = Window(rows(22, 8).assign(b=1.0), DataVersion("newest", 8))
    assert len(rows_before(memory, wide, wide, newest)) == 0


def test_rows_judge_that_are_sound_for_both_models():
    schema = Schema((*SCHEMA.features, Column("b", "number")), "y", "regression", timestamp="at")
    frame = rows(0, 100).assign(b=1.0)

    def model(read):
        return Bundle(
            schema=read, pipeline=None, family="", params={}, metric="mean_absolute_error",
            reference=frame, reference_outputs=np.zeros(100), reference_score=1.0, importance={},
            neutral={}, seen=np.array([], dtype=np.uint64), columns=schema.features,
        )  # fmt: skip

    hedge, whole = model(schema.without({"b"})), model(schema)
    assert read_by(hedge, hedge).names == ("a",)
    assert read_by(hedge, whole).names == ("a", "b")
