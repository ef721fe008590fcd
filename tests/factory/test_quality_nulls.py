"""Over windows without damage the rules together hardly ever say anything."""

import numpy as np
import pandas as pd
import pytest
from damaged import hourly, look, schema_of
from sklearn import datasets

WINDOWS = 120
SETS = {
    "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
    "iris": datasets.load_iris,
}


def sizes(rng, rows):
    """Sizes of a reference and a window that do not overlap, from 50 rows on."""
    top = np.log(max(51, rows // 2))
    return tuple(int(np.exp(rng.uniform(np.log(min(50, rows // 2)), top))) for _ in range(2))


def accused(frame, schema, *, ordered, seed):
    """Count the windows of a table of which a rule says anything."""
    rng = np.random.default_rng(seed)
    wrong = []
    for _ in range(WINDOWS):
        known, rows = sizes(rng, min(len(frame), 10_000))
        chosen = np.arange(known + rows) + rng.integers(0, len(frame) - known - rows + 1)
        if not ordered:
            chosen = rng.permutation(len(frame))[: known + rows]
        parts = np.sort(chosen[:known]), np.sort(chosen[known:])
        reference, window = (frame.iloc[part].reset_index(drop=True) for part in parts)
        found, _ = look(reference, window, schema)
        wrong += [(known, rows, name) for name in found]
    return wrong


@pytest.mark.parametrize("name", SETS)
def test_random_parts_of_real_tables_are_sound(name):
    frame = SETS[name](as_frame=True).frame.astype(float)
    wrong = accused(frame, schema_of(frame, target="target"), ordered=False, seed=1)
    assert len(wrong) <= 1, wrong


@pytest.mark.parametrize("name", ["breast cancer", "diabetes"])
def test_consecutive_rows_of_real_tables_are_sound(name):
    frame = SETS[name](as_frame=True).frame.astype(float)
    wrong = accused(frame, schema_of(frame, target="target"), ordered=True, seed=2)
    assert len(wrong) <= 1, wrong


def stream(rows=12_000):
    """Three months of a small world with seasons, growth, reports that rows share."""
    rng = np.random.default_rng(3)
    frame = hourly(rng, rows, freq="11min")
    day = np.arange(rows) / 131
    hours = rows // 5 + 1
    temperature = 12 + 9 * np.sin(day / 29) + 4 * np.sin(2 * np.pi * day)
    weather = temperature[::5] + np.cumsum(rng.normal(size=len(temperature[::5]))) * 0.05
    return frame.assign(
        temperature=temperature + rng.normal(size=rows),
        weather=np.repeat(weather, 5)[:rows].round(1),
        wind=np.repeat(rng.integers(0, 36, hours) * 10.0, 5)[:rows],
        rain=np.repeat(np.maximum(0, rng.normal(-1, 1, hours)).round(1), 5)[:rows],
        price=rng.lognormal(3 + day / 100, 0.5).round(2),
        amount=rng.lognormal(np.log(1.5 + day / 30), 1.0),
        counter=np.arange(rows) * 1.0 + rng.integers(0, 5, rows),
        rating=rng.integers(1, 6, rows) * 1.0,
        gaps=np.where(np.repeat(rng.random(hours) < 0.3, 5)[:rows], np.nan, rng.normal(size=rows)),
        month=frame["t"].dt.month.astype(float),
        plane=rng.integers(0, 300, rows).astype(str).astype(object),
        flag=(rng.random(rows) < 0.97).astype(float),
    )


@pytest.mark.parametrize("ordered", [False, True])
def test_parts_of_a_stream_are_sound(ordered):
    frame = stream()
    schema = schema_of(frame, timestamp="t")
    wrong = accused(frame, schema, ordered=ordered, seed=4)
    assert len(wrong) <= 1, wrong


def test_the_stream_itself_is_what_it_says():
    frame = stream()
    assert frame["amount"].tail(2000).median() > 1.5 * frame["amount"].head(2000).median()
    assert frame["weather"].nunique() < len(frame) / 4
    assert pd.Index(frame["t"]).is_monotonic_increasing
