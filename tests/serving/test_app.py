"""The routes and forms of the service, in this process."""

import html
import io
import re
import shlex

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from served_world import ROW, world

FEATURES = ["a", "b", "c", "d"]
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


def posts(ask, service, *bodies, path="/invocations", **more):
    async def act(client):
        return [await client.post(path, json=body, **more) for body in bodies]

    return ask(service, act)


def split(frame):
    cells = frame[FEATURES].astype(object).where(frame[FEATURES].notna(), None)
    cells["d"] = [None if pd.isna(d) else d.isoformat() for d in frame["d"]]
    return {"columns": FEATURES, "data": cells.to_numpy().tolist()}


def test_every_form_of_json_says_what_the_pipeline_says(ask, app):
    frame = world(rows=20, seed=3)
    expected = app.routes.shelf.lines["m"].champion.bundle.outputs(frame)
    told = split(frame)
    records = [dict(zip(FEATURES, row, strict=True)) for row in told["data"]]
    by_column = {name: [row[name] for row in records] for name in FEATURES}
    replies = posts(
        ask, app,
        {"dataframe_split": told}, {"dataframe_records": records}, {"instances": records},
        {"inputs": by_column}, {"inputs": told["data"]}, {"instances": told["data"]},
    )  # fmt: skip
    for reply in replies:
        assert reply.status_code == 200, reply.text
        assert reply.json()["predictions"] == expected.tolist()
        assert "errors" not in reply.json()


def test_every_prediction_has_an_id_a_version_and_a_moment(ask, app):
    first, second = (r.json() for r in posts(ask, app, *[{"instances": [ROW, ROW]}] * 2))
    assert len({*first["ids"], *second["ids"]}) == 4
    assert sorted(first["ids"] + second["ids"]) == first["ids"] + second["ids"]
    assert (first["version"], first["model"]) == (1, "m")
    assert pd.Timestamp(first["at"]) <= pd.Timestamp(second["at"])
    logged = [batch.ids for batch in app.routes.log.batches]
    assert logged == [first["ids"], second["ids"]]
    assert app.routes.log.batches[0].outputs.tolist() == first["predictions"]


def test_keys_of_rows_go_to_the_log(ask, app):
    posts(ask, app, {"instances": [{**ROW, "row": "r7", "time": None, "more": 1}]})
    assert app.routes.log.batches[0].keys == {"row": ["r7"], "time": [None]}


def test_a_bad_row_hurts_none_of_its_neighbours(ask, app):
    bad = [{**ROW, "a": "much"}, {**ROW, "d": "soon"}, {**ROW, "c": ["red"]}, {"a": 1.0}]
    (alone,), (mixed,) = (
        posts(ask, app, {"instances": rows}) for rows in ([ROW], [ROW, *bad, ROW])
    )
    told = mixed.json()
    assert mixed.status_code == 200
    assert told["predictions"] == [alone.json()["predictions"][0], *[None] * 4,
                                   alone.json()["predictions"][0]]  # fmt: skip
    assert [i is None for i in told["ids"]] == [False, True, True, True, True, False]
    found = [(f["row"], f["column"], f["rule"]) for f in told["errors"]]
    assert found[:3] == [(1, "a", "number"), (2, "d", "date"), (3, "c", "text")]
    assert sorted(found[3:]) == [(4, name, "required") for name in "bcd"]
    assert len(app.routes.log.batches[-1].ids) == 2


def test_a_request_without_a_good_row_is_refused_by_name(ask, app):
    (reply,) = posts(ask, app, {"instances": [{**ROW, "a": {"x": 1}}]})
    assert reply.status_code == 422
    assert reply.json()["errors"] == [
        {"row": 0, "column": "a", "rule": "number", "got": "{'x': 1}"}
    ]
    assert "'a'" in reply.json()["error"]
    assert app.routes.log.batches == []


@pytest.mark.parametrize(
    ("cell", "same_as"),
    [("0.5", 0.5), (" 1e3 ", 1000), ("NA", None), ("", None), (True, 1), ("true", 1), (2, 2.0)],
)
def test_a_cell_is_read_as_everywhere_else(ask, app, cell, same_as):
    one, other = posts(ask, app, {"instances": [{**ROW, "a": cell}]},
                       {"instances": [{**ROW, "a": same_as}]})  # fmt: skip
    assert one.json()["predictions"] == other.json()["predictions"]


def test_how_a_cell_is_read_does_not_depend_on_its_neighbours(ask, app):
    dates = ["2025-01-05T10:00:00", 1736071200, 1736071200000, "2025-01-05T11:00+01:00", None]
    rows = [{**ROW, "d": date, "c": c} for date, c in zip(dates, ["red", "1.0", 1, None, True],
                                                         strict=True)]  # fmt: skip
    (together,) = posts(ask, app, {"instances": rows})
    alone = posts(ask, app, *({"instances": [row]} for row in rows))
    assert together.json()["predictions"] == [r.json()["predictions"][0] for r in alone]


def test_tables_come_and_go_as_arrow_and_parquet(ask, app):
    frame = world(rows=50, seed=4)
    expected = app.routes.shelf.lines["m"].champion.bundle.outputs(frame)
    table = pa.Table.from_pandas(frame.drop(columns="y"), preserve_index=False)
    stream, file = io.BytesIO(), io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    pyarrow.parquet.write_table(table, file)

    async def act(client):
        path = "/models/m/invocations"
        both = {"content-type": ARROW, "accept": ARROW}
        arrow = await client.post(path, content=stream.getvalue(), headers=both)
        parquet = await client.post(path, content=file.getvalue(),
                                    headers={"content-type": PARQUET})  # fmt: skip
        json = await client.post(path, content=stream.getvalue(), headers={
            "content-type": ARROW, "accept": "application/json"})  # fmt: skip
        text = await client.post(path, content=frame.to_csv(index=False).encode(),
                                 headers={"content-type": "text/csv; charset=utf-8"})  # fmt: skip
        return arrow, parquet, json, text

    arrow, parquet, json, text = ask(app, act)
    read = pa.ipc.open_stream(arrow.content).read_all()
    assert read.column("prediction").to_pylist() == expected.tolist()
    assert read.column_names[-4:] == ["model", "version", "predicted_at", "error"]
    again = pyarrow.parquet.read_table(io.BytesIO(parquet.content))
    assert again.column("prediction").to_pylist() == expected.tolist()
    assert json.json()["predictions"] == expected.tolist()
    assert text.json()["predictions"] == expected.tolist()
    assert app.routes.log.batches[0].keys["row"][:2] == ["r0", "r1"]


def test_the_open_inference_protocol(ask, app):
    frame = world("binary", rows=8, seed=5)
    data = split(frame)["data"]
    inputs = [
        {"name": name, "shape": [8, 1], "datatype": "BYTES", "data": [row[i] for row in data]}
        for i, name in enumerate(FEATURES)
    ]

    async def act(client):
        said = await client.post("/v2/models/binary/infer", json={"id": "mine", "inputs": inputs})
        return said, [
            await client.get(path)
            for path in (
                "/v2",
                "/v2/health/live",
                "/v2/health/ready",
                "/v2/models/m",
                "/v2/models/m/ready",
            )
        ]

    said, gets = ask(app, act)
    told = said.json()
    expected = app.routes.shelf.lines["binary"].champion.bundle.outputs(frame)
    assert (told["model_name"], told["model_version"], told["id"]) == ("binary", "1", "mine")
    predict, chances, ids = told["outputs"]
    assert predict["data"] == [("no", "yes")[i] for i in expected.argmax(axis=1)]
    assert (chances["shape"], chances["data"]) == ([8, 2], expected.ravel().tolist())
    assert len(set(ids["data"])) == 8
    assert all(reply.status_code == 200 for reply in gets)
    assert [i["name"] for i in gets[3].json()["inputs"]] == FEATURES
    assert gets[3].json()["parameters"]["form"] == "compiled"


def test_several_models_in_one_service(ask, app):

    async def act(client):
        return [(await client.post(f"/models/{n}/invocations", json={"instances": [ROW]})).json()
                for n in ("m", "multiclass")] + [(await client.get("/")).json()]  # fmt: skip

    one, two, about = ask(app, act)
    assert (one["model"], two["model"], about["models"]) == (
        "m", "multiclass", ["m", "binary", "multiclass"],
    )  # fmt: skip
    assert two["predictions"][0] in two["classes"]
    assert np.isclose(sum(two["probabilities"][0]), 1)


@pytest.mark.parametrize(
    ("method", "path", "content", "kind", "status"),
    [
        ("POST", "/invocations", b"{", "application/json", 400),
        ("POST", "/invocations", b"[]", "application/json", 400),
        ("POST", "/invocations", b"", "application/json", 400),
        ("POST", "/invocations", b"x", "text/plain", 415),
        ("POST", "/invocations", b"x", ARROW, 400),
        ("POST", "/invocations", b"x", PARQUET, 400),
        ("POST", "/invocations", b"a,b\n1", "text/csv", 400),
        ("POST", "/invocations", b"{" + b" " * 200_000, "application/json", 413),
        ("POST", "/nowhere", b"", "", 404),
        ("POST", "/models/who/invocations", b"", "", 404),
        ("GET", "/invocations", b"", "", 405),
        ("DELETE", "/ping", b"", "", 405),
    ],
)
def test_what_cannot_be_answered_says_what_to_do(ask, app, method, path, content, kind, status):

    async def act(client):
        return await client.request(method, path, content=content, headers={"content-type": kind})

    reply = ask(app, act)
    assert reply.status_code == status
    assert set(reply.json()) >= {"error", "kind", "fix"}
    if status == 405:
        assert "allow" in reply.headers


def test_a_full_log_is_told_and_nothing_is_given(ask, app):
    app.routes.log.full = True
    (reply,) = posts(ask, app, {"instances": [ROW]})
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")


def test_a_large_body_is_answered_on_a_thread(ask, app):
    rows = [ROW] * 2000
    (reply,) = posts(ask, app, {"instances": rows})
    assert len(orjson.dumps({"instances": rows})) > 32 * 1024
    assert len(reply.json()["predictions"]) == 2000


def test_metrics_tell_of_traffic_and_of_the_model(ask, app):
    async def act(client):
        await client.post("/invocations", json={"instances": [ROW, {}]})
        await client.post("/invocations", content=b"{")
        return (await client.get("/metrics")).text

    told = ask(app, act)
    for line in (
        'factory_requests_total{model="m",route="invocations"} 2.0',
        'factory_rows_total{model="m"} 1.0',
        'factory_bad_rows_total{model="m"} 1.0',
        'factory_errors_total{kind="malformed",model="m"} 1.0',
        'factory_model_version{model="m"} 1.0',
        'factory_model_compiled{model="m"} 1.0',
        'factory_request_seconds_count{model="m"} 1.0',
    ):
        assert line in told


def test_the_page_shows_every_path_and_its_requests_are_answered(ask, app):
    async def act(client):
        shown = await client.get("/docs")
        document = (await client.get("/openapi.json")).json()
        asked = [
            shlex.split(html.unescape(line))
            for line in re.findall("<pre>(.*?)</pre>", shown.text, re.DOTALL)
        ]
        headers = {"content-type": "application/json"}
        replies = [
            await client.post(where.partition("/")[2], content=body, headers=headers, timeout=120)
            for _, _, where, _, _, _, body in asked
        ]
        return shown, document, replies

    shown, document, replies = ask(app, act)
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert all(f"</b> {path}</h3>" in shown.text for path in document["paths"])
    posts = [path for path, methods in document["paths"].items() if "post" in methods]
    assert len(replies) == len(posts) == 15
    assert [reply.status_code for reply in replies] == [200] * len(posts)
