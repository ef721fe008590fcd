"""Rows of earlier windows that join a small one's."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from factory.bundle import Bundle, row_hashes
from factory.check import check
from factory.config import parse_config
from factory.nouns import Column, Schema, Window
from factory.plan import History
from flows.case import Case
from flows.loop import examine
from flows.pool import pooled
from flows.recall import Table
from registry.versions import data_version

SCHEMA = Schema((Column("a", "number"),), "y", "regression", timestamp="at")
CONFIG = parse_config(
    {"name": "m", "data": {"path": "m.csv", "target": "y", "timestamp": "at"}}, source="test"
)


def rows(first, count, slope=1.0):
    rng = np.random.default_rng(first)
    a = rng.normal(size=count)
    at = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(first, first + count), "h")
    y = slope * a + 0.1 * rng.normal(size=count)
    return pd.DataFrame({"a": a, "y": y, "at": at.astype("datetime64[ns]")})


def model(frame):
    pipeline = Pipeline([("model", LinearRegression())]).fit(frame[["a"]], frame["y"])
    said = pipeline.predict(frame[["a"]])
    return Bundle(
        schema=SCHEMA, pipeline=pipeline, family="linear", params={}, metric="mean_absolute_error",
        reference=frame, reference_outputs=said, importance={"a": 1.0}, neutral={"a": 0.0},
        reference_score=float(np.abs(said - frame["y"]).mean()), seen=row_hashes(frame, SCHEMA),
    )  # fmt: skip


@dataclass(frozen=True)
class Kept:
    parts: tuple
    versions: dict

    def load(self, version):
        return self.versions[version]

    def tables(self):
        return [
            Table(data_version(part[0], SCHEMA).sha256, number == 0, lambda part=part: part)
            for number, part in enumerate(self.parts)
        ]

    def clock(self):
        return 0.0


def case(parts, newest, earlier=None):
    window = Window(newest, data_version(newest, SCHEMA))
    champion = model(parts[0][0])
    history = History(tuple(earlier or ()), 1, 3)
    memory = Kept(tuple(parts), earlier or {})
    at = "2030-01-01T00:00:00+00:00"
    return Case("m", 1, champion, CONFIG, window, history, memory, at)


def pool_of(one):
    checked = check(one.champion, one.window, CONFIG.check, model="m", version=1, seed=0, now=None)
    return pooled(one, checked, one.labelled)


PAST = ((rows(0, 300), {}), (rows(300, 100), {}), (rows(400, 100), {}))


def test_the_newest_that_nobody_has_learnt_from_make_up_what_is_missing():
    pool = pool_of(case(PAST, rows(500, 80)))
    assert pool.earlier == 200, "the training data are no earlier window"
    assert len(pool.frame) == 280
    assert pool.frame["at"].is_monotonic_increasing
    many = (*PAST, (rows(500, 300), {}))
    assert pool_of(case(many, rows(800, 80))).earlier == CONFIG.policy.pooled_rows - 80


def test_what_an_earlier_version_has_learnt_or_what_is_broken_or_unlabelled_stays_out():
    other = model(rows(400, 100))
    assert pool_of(case(PAST, rows(500, 80), {2: other})).earlier == 100
    broken = np.arange(100) < 30
    assert pool_of(case((*PAST[:2], (rows(400, 100), {"a": broken})), rows(500, 80))).earlier == 170
    unlabelled = rows(400, 100)
    unlabelled.loc[:9, "y"] = np.nan
    assert pool_of(case((*PAST[:2], (unlabelled, {})), rows(500, 80))).earlier == 190
    again = pd.concat([rows(400, 100).tail(20), rows(500, 60)], ignore_index=True)
    assert pool_of(case(PAST, again)).earlier == 180, "no row counts twice"


def test_what_came_before_the_losses_changed_stays_out():
    moved = (*PAST[:2], (rows(400, 100, slope=-1.0), {}))
    assert 90 <= pool_of(case(moved, rows(500, 80, slope=-1.0))).earlier <= 110
    assert pool_of(case(PAST, rows(500, 80, slope=-1.0))).earlier <= 10


def test_large_windows_and_broken_ones_stand_alone():
    examined = examine(case(PAST, rows(500, 2000)))
    assert (examined.pool.earlier, examined.folds) == (0, ())
    examined = examine(case(PAST, rows(500, 400)))
    assert (examined.pool.earlier, len(examined.folds)) == (0, 2)
    examined = examine(case(PAST, rows(500, 80).assign(a=7.25)))
    assert examined.diagnosis.cause == "data_quality"
    assert examined.pool.earlier == 0
    examined = examine(case(PAST, rows(500, 80)))
    assert examined.pool.earlier == 200
    assert examined.judged.sum() == 280
    twin = examined.twins[0]
    held = examined.pool.frame.loc[twin.measure]
    learnt = twin.rows.sound(SCHEMA)
    assert not np.isin(row_hashes(held, SCHEMA), row_hashes(learnt, SCHEMA)).any()
    assert len(examined.after.rows.sound(SCHEMA)) == 300 + 200 + 80
