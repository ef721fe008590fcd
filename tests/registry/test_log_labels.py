import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logged import SECOND, START, predictions
from made import make_schema

from factory.errors import BadData
from registry.inference.columns import to_table
from registry.inference.commit import spools, with_day
from registry.inference.labels import Labelled, add_labels, labels_of
from registry.inference.spool import Spool
from registry.inference.table import address, append

SCHEMA = make_schema()
IDS = [f"{START:016x}-00000001-{row:08x}" for row in range(5)]
KEYS = [f"r{row:04}" for row in range(5)]


@pytest.fixture
def place(home):
    append(address(home, "predictions", "m"), with_day(to_table([predictions(5)])))
    return home


def known(home, schema=SCHEMA, **more):
    return labels_of(home, "m", schema, IDS, KEYS, **more).tolist()


def by_id(*labels):
    return pd.DataFrame({"prediction_id": IDS[: len(labels)], "y": labels})


def test_labels_come_by_prediction_or_by_row_and_the_last_that_arrived_counts(place):
    assert np.isnan(known(place)).all()
    assert add_labels(place, "m", SCHEMA, by_id(1.0, 2.0), at=START) == Labelled(2)
    late = pd.DataFrame({"row": KEYS[1:3], "label": [7.0, 3.0]})
    assert add_labels(place, "m", SCHEMA, late, at=START + SECOND) == Labelled(2)
    again = by_id(1.0, 2.5)
    told = add_labels(place, "m", SCHEMA, again, at=START + 2 * SECOND)
    assert (told.rows, told.repeated, told.corrected) == (2, 1, 1)
    np.testing.assert_array_equal(known(place), [1.0, 2.5, 3.0, np.nan, np.nan])
    np.testing.assert_array_equal(
        known(place, until=START + SECOND), [1.0, 7.0, 3.0, np.nan, np.nan]
    )
    np.testing.assert_array_equal(
        known(place, until=START + SECOND - 1_000), [1.0, 2.0, np.nan, np.nan, np.nan]
    )


def test_within_one_file_the_later_row_corrects(place):
    rows = pd.DataFrame({"row": [KEYS[0], KEYS[0], KEYS[0]], "y": ["1", "1", "4"]})
    told = add_labels(place, "m", SCHEMA, rows, at=START)
    assert (told.repeated, told.corrected) == (1, 1)
    assert known(place)[0] == 4.0


def test_ids_that_nobody_knows_are_told_and_count_once_they_are_known(place):
    rows = pd.DataFrame({"prediction_id": [IDS[0], f"{START + 9:016x}-00000001-00000000"],
                         "y": [1.0, 2.0]})  # fmt: skip
    told = add_labels(place, "m", SCHEMA, rows, at=START)
    assert (told.rows, told.unknown, told.examples) == (2, 1, (rows["prediction_id"][1],))
    append(address(place, "predictions", "m"), with_day(to_table([predictions(1, at=START + 9)])))
    assert labels_of(place, "m", SCHEMA, rows["prediction_id"]).tolist() == [1.0, 2.0]


def test_predictions_on_their_way_into_the_log_are_known(home):
    spool = Spool(spools(home))
    spool.write([("m", to_table([predictions(2)]))])
    told = add_labels(home, "m", SCHEMA, by_id(1.0, 2.0, 3.0), at=START)
    assert told.unknown == 1
    told = add_labels(home, "m", SCHEMA, pd.DataFrame({"row": ["r0001"], "y": [1]}), at=START)
    assert told.unknown == 0
    spool.close()


def test_classes_are_checked_and_empty_labels_left_out(home):
    schema = make_schema("binary")
    append(address(home, "predictions", "m"), with_day(to_table([predictions(5, task="binary")])))
    told = add_labels(home, "m", schema, by_id("yes", None, "no"), at=START)
    assert (told.rows, told.empty) == (2, 1)
    assert known(home, schema) == ["yes", None, "no", None, None]
    with pytest.raises(BadData, match="is none the model knows"):
        add_labels(home, "m", schema, by_id("maybe"), at=START)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (pd.DataFrame({"prediction_id": ["a"]}), "no column 'y'"),
        (pd.DataFrame({"y": [1.0]}), "names no prediction"),
        (pd.DataFrame({"row": [None, "a"], "y": [1.0, 2.0]}), "Row 1 names no prediction"),
        (pd.DataFrame({"row": ["a"], "y": ["much"]}), "is no number"),
    ],
)
def test_bad_labels_are_one_clear_error(home, rows, told):
    with pytest.raises(BadData, match=told):
        add_labels(home, "m", SCHEMA, rows, at=START)


arrivals = st.lists(
    st.tuples(st.sampled_from(["id", "key"]), st.integers(0, 4), st.integers(0, 3)), max_size=8
)


@given(arrivals)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_arrivals_leaves_the_last(place, tmp_path_factory, told):
    from dataclasses import replace  # noqa: PLC0415 - only here

    home = replace(place, log_url=str(tmp_path_factory.mktemp("log")))
    expected = [np.nan] * 5
    for moment, (how, row, label) in enumerate(told):
        name, value = ("prediction_id", IDS[row]) if how == "id" else ("row", KEYS[row])
        add_labels(home, "m", SCHEMA, pd.DataFrame({name: [value], "y": [label]}),
                   at=START + moment * SECOND)  # fmt: skip
        expected[row] = float(label)
    np.testing.assert_array_equal(known(home), expected)
