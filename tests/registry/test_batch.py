import multiprocessing
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from deltalake import write_deltalake
from made import make_bundle, make_frame
from scoring import score

from factory.compiled.proof import proved
from factory.errors import BadData, Conflict
from registry.inference.table import address, read
from registry.pieces import pieces_of
from serving import batch
from serving.batch import Scorer, begun, score_table

AT = 1_750_000_000_000_000_000
ROWS = 230
ASSEMBLE = "_assemble"


@pytest.fixture(scope="module")
def bundle():
    return make_bundle("binary")


@pytest.fixture
def scorer(home, bundle):
    return Scorer(home, "m", 3, bundle, proved(bundle)[0].outputs)


@pytest.fixture(params=["csv", "csv.gz", "parquet", "delta"])
def source(request, tmp_path):
    frame = make_frame("binary", rows=ROWS).drop(columns="y")
    path = tmp_path / f"rows.{request.param}"
    if request.param == "parquet":
        frame.to_parquet(path, row_group_size=70)
    elif request.param == "delta":
        write_deltalake(str(path), frame)
    else:
        frame.to_csv(path, index=False)
    return str(path)


def logged(home):
    return read(address(home, "predictions", "m")).to_pandas().sort_values("prediction_id")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_every_row_of_any_table_is_scored_and_logged_once(scorer, source, tmp_path, bundle, ending):
    output = tmp_path / f"out.{ending}"
    scored = score_table(scorer, source, output, at=AT, rows=100)
    assert (scored.rows, scored.before) == (ROWS, 0)
    reads = pd.read_csv if ending == "csv" else pd.read_parquet
    written = reads(output)
    frame = make_frame("binary", rows=ROWS)
    np.testing.assert_allclose(
        written[["probability_no", "probability_yes"]], bundle.outputs(frame), rtol=1e-9
    )
    assert written["row"].tolist() == frame["row"].tolist()
    assert set(written["version"]) == {3}
    assert written["prediction_id"].is_monotonic_increasing
    log = logged(scorer.home)
    assert log["prediction_id"].tolist() == written["prediction_id"].tolist()
    assert log["row_id"].tolist() == frame["row"].tolist()
    assert not list(tmp_path.glob(".*"))


class Died(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("moment", ["append", "write", "assemble"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_run_that_died_anywhere_is_gone_on_with(scorer, tmp_path, monkeypatch, moment, number):
    source, output = tmp_path / "rows.parquet", tmp_path / "out.parquet"
    make_frame("binary", rows=ROWS).to_parquet(source)
    calls = []

    def dying(function, *, after):
        def call(*given, **more):
            calls.append(0)
            if len(calls) < number:
                return function(*given, **more)
            if after:
                function(*given, **more)
            raise Died

        return call

    with monkeypatch.context() as patched:
        if moment == "append":
            patched.setattr(batch, "append", dying(batch.append, after=True))
        elif moment == "write":
            where = batch.pyarrow.parquet
            patched.setattr(where, "write_table", dying(where.write_table, after=False))
        else:
            patched.setattr(batch, ASSEMBLE, dying(getattr(batch, ASSEMBLE), after=number == 1))
        if number == 1 or moment != "assemble":
            with pytest.raises(Died):
                score_table(scorer, str(source), output, at=AT, rows=100)
            assert begun(output, "m", str(source)).version == 3
    scored = score_table(scorer, str(source), output, at=AT + 10**12, rows=50)
    assert scored.rows == ROWS
    written = pd.read_parquet(output)
    assert len(written) == ROWS
    assert logged(scorer.home)["prediction_id"].tolist() == written["prediction_id"].tolist()


def test_a_process_that_is_killed_leaves_every_row_to_be_scored_once(scorer, tmp_path):
    source, output = tmp_path / "rows.parquet", tmp_path / "out.parquet"
    make_frame("binary", rows=4_000).to_parquet(source)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=score, args=(scorer.home, str(source), str(output)))
    process.start()
    while len(list(tmp_path.glob(".out.parquet.parts/0*.parquet"))) < 5 and process.is_alive():
        time.sleep(0.005)
    process.kill()
    process.join()
    assert not output.exists()
    scored = score_table(scorer, str(source), output, at=AT + 10**12)
    assert scored.rows == 4_000
    assert scored.before >= 100
    written = pd.read_parquet(output)
    assert written["row"].tolist() == make_frame("binary", rows=4_000)["row"].tolist()
    assert logged(scorer.home)["prediction_id"].tolist() == written["prediction_id"].tolist()


def test_another_table_is_another_job(scorer, tmp_path, monkeypatch):
    source, output = tmp_path / "rows.parquet", tmp_path / "out.parquet"
    make_frame("binary", rows=ROWS).to_parquet(source)
    with monkeypatch.context() as patched:
        patched.setattr(batch, ASSEMBLE, lambda *_: (_ for _ in ()).throw(Died))
        with pytest.raises(Died):
            score_table(scorer, str(source), output, at=AT, rows=100)
    make_frame("binary", rows=80, seed=4).to_parquet(source)
    assert begun(output, "m", str(source)) is None
    assert score_table(scorer, str(source), output, at=AT, rows=100).before == 0
    assert len(pd.read_parquet(output)) == 80


def test_two_runs_into_one_output_are_refused(scorer, tmp_path):
    source, output = tmp_path / "rows.parquet", tmp_path / "out.parquet"
    make_frame("binary", rows=ROWS).to_parquet(source)
    again = replace(scorer, watch=lambda *_: score_table(scorer, str(source), output, at=AT))
    with pytest.raises(Conflict, match="Another process"):
        score_table(again, str(source), output, at=AT)
    assert score_table(scorer, str(source), output, at=AT).rows == ROWS


def test_rows_of_a_database_are_kept_while_they_are_scored(scorer, tmp_path):
    import sqlalchemy  # noqa: PLC0415 - only here

    url = f"sqlite:///{tmp_path / 'rows.db'}"
    frame = make_frame("binary", rows=ROWS)
    with sqlalchemy.create_engine(url).begin() as connection:
        frame.to_sql("rows", connection, index=False)
    score_table(scorer, f"{url}#rows", tmp_path / "out.csv", at=AT, rows=100)
    assert pd.read_csv(tmp_path / "out.csv")["row"].tolist() == frame["row"].tolist()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("none.csv", "a,b\n", "has no rows"),
        ("twice.csv", "a,a\n1,2\n", "2 columns named 'a'"),
        ("torn.csv", "a,b\n1,2\n3\n", "no readable CSV"),
        ("void.csv", "", "is empty"),
    ],
)
def test_tables_that_cannot_be_read_piece_by_piece(tmp_path, name, content, told):
    (tmp_path / name).write_text(content)
    with pytest.raises(BadData, match=told):
        list(pieces_of(str(tmp_path / name)))


def test_a_file_of_many_blocks_comes_whole_and_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr("registry.pieces.BLOCK", 500)
    text = "\n".join(f'{n},"x,\n{n}"' for n in range(300))
    (tmp_path / "rows.csv").write_text(f"n,text\n{text}\n")
    pieces = list(pieces_of(str(tmp_path / "rows.csv"), 70))
    assert [len(piece) for piece in pieces] == [70, 70, 70, 70, 20]
    assert pd.concat(pieces)["text"].tolist() == [f"x,\n{n}" for n in range(300)]
