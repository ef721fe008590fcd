"""Predictions, labels and what is measured beside them, through the service's own door."""

import asyncio
import io
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from served_world import ROW, bundle, schema_of, world

from factory.compiled.rows import Layout, Rows
from factory.ood.config import OodConfig
from factory.ood.watch import Ood
from registry.inference.columns import to_table
from registry.inference.labels import labels_of
from registry.inference.table import address, read
from registry.inference.writer import Pace, Writer
from registry.predictions import Predictions, prediction_ids
from serving.app import Service, Settings
from serving.beside import Beside, opened_beside
from serving.bodies import ARROW_STREAM, CSV, PARQUET
from serving.explain import Explainer
from serving.shelf import Shelf
from serving.tracing import Tracer

NAMED = {"name": "m", "data": {"path": "rows.csv", "target": "y"}}


@pytest.fixture
def logged(models, home, promote):
    """A service with the real log."""
    promote(bundle(**NAMED))
    shelf = Shelf(models, {"m": None})
    shelf.open()
    log = Writer(home, Pace(gather=0.01, commit=0.02), opened_beside)
    return Service(shelf, log, Explainer(home), Tracer(), beside=log.figures)


def settle(log):
    while log.waiting():
        time.sleep(0.01)


def table(home):
    return read(address(home, "predictions", "m")).to_pandas()


def test_outliers_are_marked_in_the_log_and_live_figures_told(logged, home, ask):
    app = logged
    usual = world(rows=300, seed=9).drop(columns="y")
    odd = usual.assign(a=50.0, c="never seen")

    async def act(client):
        for frame in (usual, odd):
            content = frame.to_csv(index=False).encode()
            said = await client.post("/invocations", content=content, headers={"content-type": CSV})
            assert said.status_code == 200

    ask(app, act)
    log = table(home)
    assert len(log) == 600
    share = log.groupby(log["feature_a"] == 50.0)["outlier"].mean()
    assert share[True] == 1
    assert share[False] < 0.1
    figures = app.routes.log.figures()["m"]
    assert figures["outliers"] == pytest.approx(log["outlier"].mean())
    assert figures["shift:live_features"] > 0.3
    assert 0 < figures["shift:live_predictions"] <= 1


def test_rows_strange_to_the_model_are_marked_where_its_version_can_tell(
    models, home, promote, ask
):
    made = bundle("binary", **NAMED)
    held, learnt = world("binary", rows=100, seed=1), world("binary")
    ood = Ood.fit(
        OodConfig(score="knn"), made.pipeline, made.schema, learnt=learnt, held=held, seed=0
    )
    promote(replace(made, ood=ood))
    watched = models.load("m", 1)
    usual = world("binary", rows=200, seed=9)
    odd = usual.assign(a=50.0, b=90.0)
    for rows, share in ((usual, 0.05), (odd, 1.0)):
        assert watched.strangeness(rows)[1].mean() == pytest.approx(share, abs=0.08)
    shelf = Shelf(models, {"m": None})
    shelf.open()
    log = Writer(home, Pace(gather=0.01, commit=0.02), opened_beside)
    app = Service(shelf, log, Explainer(home), Tracer(), beside=log.figures)

    async def act(client):
        content = odd.drop(columns="y").to_csv(index=False).encode()
        said = await client.post("/invocations", content=content, headers={"content-type": CSV})
        assert said.status_code == 200

    ask(app, act)
    found = table(home)
    assert found["ood"].all()
    assert (found["ood_score"] > ood.threshold).all()
    assert log.figures()["m"]["ood"] == 1


def test_labels_come_in_every_form(logged, home, ask):
    app = logged

    async def act(client):
        said = await client.post("/invocations", json={"dataframe_records": [ROW] * 4})
        ids = said.json()["ids"]
        await asyncio.to_thread(settle, app.routes.log)
        frame = pd.DataFrame({"prediction_id": ids, "y": [1.0, 2.0, 3.0, 4.0]})
        arrow, parquet = io.BytesIO(), io.BytesIO()
        rows = pa.Table.from_pandas(frame, preserve_index=False)
        with pa.ipc.new_stream(arrow, rows.schema) as writer:
            writer.write_table(rows)
        frame.to_parquet(parquet)
        records = [{"prediction_id": ids[0], "label": 1.5}, {"prediction_id": "x", "label": 2}]
        answers = [await client.post("/models/m/labels", json={"labels": records})]
        for kind, content in (
            (CSV, frame.to_csv(index=False).encode()),
            (ARROW_STREAM, arrow.getvalue()),
            (PARQUET, parquet.getvalue()),
        ):
            headers = {"content-type": kind}
            answers.append(await client.post("/labels", content=content, headers=headers))
        return ids, [answer.json() for answer in answers]

    ids, told = ask(app, act)
    assert told[0]["unknown"] == 1
    assert told[0]["examples"] == ["x"]
    assert [(t["rows"], t["corrected"], t["repeated"]) for t in told[1:]] == [
        (4, 1, 0), (4, 0, 4), (4, 0, 4),
    ]  # fmt: skip
    assert sorted(table(home)["prediction_id"]) == sorted(ids)


def test_each_label_of_a_request_has_names_of_its_own(logged, home, ask):
    async def act(client):
        said = await client.post("/invocations", json={"dataframe_records": [ROW] * 2})
        first, second = said.json()["ids"]
        await asyncio.to_thread(settle, logged.routes.log)
        records = [
            {"prediction_id": first, "label": 1.5, "said by": "me"},
            {"prediction_id": second, "y": "2.5", "row": None},
            # No row of the log has an id of its own.
            {"row": 7, "label": None, "prediction_id": None},
            {"row": "r7", "y": 3},
        ]
        return (await client.post("/labels", json={"labels": records})).json(), (first, second)

    told, ids = ask(logged, act)
    assert (told["rows"], told["empty"], told["unknown"]) == (3, 1, 1)
    assert labels_of(home, "m", schema_of("regression"), ids).tolist() == [1.5, 2.5]


def test_bad_labels_are_refused(logged, ask):
    asked = [
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b'{"labels": [1]}', "application/json", 400),
        (b'{"labels": [{"label": 1}]}', "application/json", 422),
        (b'{"labels": [{"prediction_id": "a"}]}', "application/json", 422),
        (b'{"labels": [{"prediction_id": [1, {}], "label": {"a": 1}}]}', "application/json", 422),
        (b'{"labels": []}', "application/json", 422),
        (b'{"labels": [{"prediction_id": "a", "label": 1, "y": 2}]}', "application/json", 422),
        (b'{"labels": [{"prediction_id": "NA", "label": 1}]}', "application/json", 422),
        (b'{"labels": [{"row": {}, "label": 1}]}', "application/json", 422),
        (b"a,b\n1\n", "text/csv", 400),
        (b"PAR1", "application/vnd.apache.parquet", 400),
        (b"x", "image/png", 415),
    ]

    async def act(client):
        return [
            await client.post("/labels", content=content, headers={"content-type": kind})
            for content, kind, _ in asked
        ]

    answers = ask(logged, act)
    assert [answer.status_code for answer in answers] == [status for *_, status in asked]
    assert all(set(answer.json()) >= {"error", "kind", "fix"} for answer in answers)


def test_a_queue_that_is_full_refuses_requests_and_logs_what_was_answered(
    models, home, promote, ask
):
    promote(bundle(**NAMED))
    shelf = Shelf(models, {"m": None})
    shelf.open()
    log = Writer(home, Pace(rows=5, gather=60, commit=60))
    app = Service(shelf, log, Explainer(home), Tracer(), Settings(wait_seconds=0.02))

    async def act(client):
        return [
            (await client.post("/invocations", json={"dataframe_records": [ROW]})).status_code
            for _ in range(20)
        ]

    codes = ask(app, act)
    assert codes == [200] * 5 + [503] * 15
    assert len(table(home)) == codes.count(200)
    assert np.all(table(home)["role"] == "champion")


def test_an_answer_waits_for_room_in_the_log(ask, app):
    app.routes.log.full = True

    async def act(client):
        asked = asyncio.create_task(client.post("/invocations", json={"instances": [ROW]}))
        await asyncio.sleep(0.1)
        assert not asked.done()
        app.routes.log.full = False
        return await asked

    assert ask(app, act).status_code == 200
    assert len(app.routes.log.batches) == 1


def test_rows_that_came_before_are_in_sight_of_windows():
    pytest.importorskip("keras")
    made = bundle(**NAMED)
    learnt, usual = world(rows=600), world(rows=60, seed=9)
    config = OodConfig(score="autoencoder", loss="mse", view="reconstruction", window=4, epochs=1)
    ood = Ood.fit(config, made.pipeline, made.schema, learnt=learnt, held=usual, seed=0)
    watched = replace(made, ood=ood)
    beside = Beside(lambda name, version: watched)
    layout, found = Layout(made.schema.features), []
    for start in (0, 20, 40):
        part = usual[start : start + 20]
        told = Predictions(
            "m", 1, "champion", 1, prediction_ids(1, 1, start, 20), made.schema, layout,
            Rows.of(part, layout), made.outputs(part),
        )  # fmt: skip
        found.append(beside("m", 1, to_table([told]))["ood_score"].to_numpy())
    np.testing.assert_allclose(np.concatenate(found), watched.strangeness(usual)[0])
