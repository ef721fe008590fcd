import os
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from logged import SECOND, START, Halves, Killed, predictions, unanswering
from made import make_bundle

from factory.compiled.rows import Rows
from factory.errors import BadData, Unavailable
from registry.inference.columns import features_of, fitted, outputs_of, to_table
from registry.inference.commit import commit_file, losses, recover, spools, with_day
from registry.inference.spool import Spool, frames_of
from registry.inference.table import address, append, read
from registry.inference.upkeep import maintain
from registry.inference.writer import Pace, Writer

AT_ONCE = Pace(gather=0.01, commit=0.02)


def logged(home, model="m"):
    table = read(address(home, "predictions", model))
    return table.sort_by("prediction_id") if table.num_rows else table


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_what_was_said_comes_back_from_the_log(home, task):
    bundle = make_bundle(task)
    writer = Writer(home, AT_ONCE)
    batches = [predictions(6, at=START + n * SECOND, first=10 * n, bundle=bundle) for n in range(3)]
    assert all(writer.append(batch) for batch in batches)
    writer.close()
    assert writer.waiting() == 0
    table = logged(home)
    assert table["prediction_id"].to_pylist() == [i for b in batches for i in b.ids]
    outputs = np.concatenate([b.outputs for b in batches])
    np.testing.assert_allclose(outputs_of(table, bundle.schema), outputs)
    frame = features_of(table, bundle.schema.features)
    expected = pd.concat([b.rows.frame(b.layout) for b in batches], ignore_index=True)
    pd.testing.assert_frame_equal(frame, expected)
    assert table["row_id"].to_pylist()[:2] == ["r0000", "r0001"]
    assert str(table["row_time"][1].as_py()) == "2025-01-01 01:00:00+00:00"
    assert not list(spools(home).iterdir())


def test_columns_are_plain_and_a_day_is_a_partition(home):
    append(address(home, "predictions", "m"), with_day(to_table([predictions()])))
    kinds = {str(field.type) for field in logged(home).schema}
    assert kinds <= {"string", "double", "int64", "date32[day]", "timestamp[us, tz=UTC]"}
    assert (home.inference / "predictions" / "m" / "day=2025-06-15").is_dir()


def test_a_name_that_is_taken_by_another_kind_goes_beside_it(home):
    where = address(home, "predictions", "m")
    append(where, with_day(to_table([predictions()])))
    bundle = make_bundle()
    twin = predictions(at=START + SECOND, version=2)
    rows = to_table([twin])
    texts = rows.set_column(rows.column_names.index("feature_a"), "feature_a", [["u", "v", "w"]])
    append(where, with_day(texts))
    table = logged(home)
    assert table["feature_a%~category"].to_pylist() == [None] * 3 + ["u", "v", "w"]
    assert (
        features_of(table, bundle.schema.features)["a"].isna().tolist() == [False] * 3 + [True] * 3
    )
    assert fitted(texts, table.schema).column_names.count("feature_a%~category") == 1


def test_too_much_at_once_is_refused_and_nothing_taken_is_lost(home):
    writer = Writer(home, Pace(rows=10, gather=60, commit=60))
    answers = [writer.append(predictions(4, first=4 * n)) for n in range(4)]
    assert answers == [True, True, False, False]
    writer.close()
    assert not writer.append(predictions())
    assert logged(home).num_rows == 8


def test_requests_at_once_from_many_threads(home):
    writer = Writer(home, AT_ONCE)

    def ask(number):
        for n in range(20):
            assert writer.append(predictions(2, at=START + number, first=2 * n))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    ids = logged(home)["prediction_id"].to_pylist()
    assert len(ids) == len(set(ids)) == 200


def test_a_store_that_does_not_answer_keeps_the_rows_in_the_spool(home):
    writer = Writer(home, AT_ONCE, unanswering)
    writer.append(predictions())
    writer.close()
    assert writer.waiting() == 3
    assert logged(home).num_rows == 0
    assert [(one.rows, one.recovered) for one in recover(home)] == [(0, 3)]
    assert logged(home).num_rows == 3


def test_a_killed_process_leaves_every_whole_frame_and_the_number_of_rows_lost(home):
    child = os.fork()
    if child == 0:
        spool = Spool(spools(home))
        for n in range(3):
            spool.took(3 * n + 4)
            spool.write([("m", to_table([predictions(first=3 * n)]))])
        spool.took(20)
        os._exit(0)
    os.waitpid(child, 0)
    (file,) = spools(home).glob("*/*.frames")
    whole = file.read_bytes()
    sizes = [len(list(frames_of(_cut(file, whole, size)))) for size in range(0, len(whole), 97)]
    assert sizes == sorted(sizes)
    assert set(sizes) == {0, 1, 2}
    broken = bytearray(whole)
    broken[-1] ^= 1
    assert len(list(frames_of(_cut(file, bytes(broken), len(whole))))) == 2
    file.write_bytes(whole)
    (loss,) = recover(home)
    assert (loss.rows, loss.recovered) == (11, 9)
    assert losses(home) == [loss]
    assert logged(home).num_rows == 9


def test_nobody_recovers_what_a_living_process_writes(home):
    spool = Spool(spools(home))
    spool.write([("m", to_table([predictions()]))])
    assert recover(home) == []
    spool.close()


def _cut(file, content, size):
    file.write_bytes(content[:size])
    return file


def test_a_file_is_brought_into_the_log_once_whoever_dies_when(home):
    spool = Spool(spools(home))
    spool.write([("m", to_table([predictions()]))])
    (file,) = spool.ended()
    content = file.read_bytes()
    assert commit_file(home, file) == 3
    file.write_bytes(content)  # as if it was killed before the file was removed
    assert commit_file(home, file) == 3
    assert logged(home).num_rows == 3
    spool.close()


def test_what_is_said_beside_a_row_stands_in_it_and_never_keeps_it_out(home):
    writer = Writer(home, AT_ONCE, Halves)
    writer.append(predictions(2))
    writer.append(predictions(2, first=2, version=2))
    writer.append(predictions(2, first=4, role="shadow", version=3))
    writer.close()
    assert logged(home)["outlier_score"].to_pylist() == [0.5, 0.5, None, None, 0.5, 0.5]
    assert writer.figures() == {"m": {"halves": 0.5}}


def test_a_commit_that_is_killed_is_made_once_by_the_next_process(home):
    (home.path / "kill").touch()
    writer = Writer(home, AT_ONCE, Killed)
    writer.append(predictions())
    deadline = time.monotonic() + 60
    while writer.waiting() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not (home.path / "kill").exists()
    writer.append(predictions(first=3))
    writer.close()
    assert writer.waiting() == 0
    assert logged(home).num_rows == 6


def test_small_files_become_large_and_old_days_go(home, monkeypatch):
    where = address(home, "predictions", "m")
    day = 86_400 * SECOND
    now = time.time_ns()
    for n in range(6):
        append(where, with_day(to_table([predictions(at=now - n % 3 * 40 * day + n, first=n)])))
    monkeypatch.setattr("registry.inference.upkeep.KEPT_HOURS", 0)
    maintain(home, "m", None)
    assert len(list((home.inference / "predictions" / "m").glob("day=*/*.parquet"))) == 3
    maintain(home, "m", 50)
    assert logged(home).num_rows == 12
    maintain(home, "none", None)


def test_damage_is_told(home):
    where = address(home, "predictions", "m")
    append(where, with_day(to_table([predictions()])))
    for file in (home.inference / "predictions" / "m" / "_delta_log").iterdir():
        file.write_text("{")
    with pytest.raises(BadData, match="is damaged"):
        read(where)
    with pytest.raises((BadData, Unavailable), match="inference log"):
        append(where, with_day(to_table([predictions()])))


def test_rows_without_any_value_of_a_feature(home):
    one = predictions(1)
    void = Rows(np.full((1, 2), np.nan), ([None],), np.array([["NaT"]], "datetime64[ns]"))
    append(
        address(home, "predictions", "m"), with_day(to_table([replace(one, rows=void, keys={})]))
    )
    assert features_of(logged(home), one.schema.features).isna().all(axis=None)
