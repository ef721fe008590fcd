"""The service against its own OpenAPI document, and against bodies that mean nothing."""

import io
import random
from itertools import product

import httpx
import orjson
import pyarrow as pa
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from served_world import ROW

SEEDS, EXAMPLES, MALFORMED = (0, 1), 8, 500
ARROW = "application/vnd.apache.arrow.stream"
FORMS = ("application/json", "text/csv", ARROW, "application/vnd.apache.parquet", "text/plain", "")


def columns(rows):
    return {name: [row[name] for row in rows] for name in ROW}


def a_stream():
    table = pa.table(columns([ROW]))
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("number", SEEDS)
def test_the_service_keeps_its_own_document(address, number):
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 15

    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    for operation, mode in product(operations, modes):
        if mode is GenerationMode.NEGATIVE and operation.method == "get":
            continue

        @seed(number)
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(operation.as_strategy(generation_mode=mode))
        def check(case):
            case.call_and_validate()

        check()


def broken_bodies(count):
    """Bodies that were right once: cut, spliced, with wrong parts; and noise."""
    rng = random.Random(0)  # noqa: S311 - not for secrets
    whole = [
        orjson.dumps({"instances": [ROW, ROW]}),
        orjson.dumps({"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]}}),
        orjson.dumps({"inputs": columns([ROW, ROW])}),
        b"a,b,c,d\n1,2,red,2025-01-01\n",
        a_stream(),
    ]
    odd = [None, [], {}, [[]], "x", 1e308, -1, True, {"a": {"b": []}}, [None], "\u0000", 10**19]
    for number in range(count):
        kind, body = rng.choice(FORMS), bytearray(rng.choice(whole))
        match number % 4:
            case 0:
                body = body[: rng.randrange(len(body))]
            case 1:
                for _ in range(rng.randrange(1, 8)):
                    body[rng.randrange(len(body))] = rng.randrange(256)
            case 2:
                form = rng.choice(["instances", "inputs", "dataframe_split", "dataframe_records"])
                one, other = rng.choice(odd), rng.choice(odd)
                row = [{**ROW, rng.choice("abcd"): one}]
                table = {"columns": one, "data": other}
                inner = rng.choice([one, [one], {**ROW, "a": one}, row, table])
                kind, body = "application/json", orjson.dumps({form: inner})
            case 3:
                name, shape = (
                    rng.choice(["a", "x", ""]),
                    rng.choice([[1], [2, 2], [0], ["1"], {}, -1]),
                )
                tensor = {"name": name, "shape": shape, "datatype": "FP64", "data": rng.choice(odd)}
                kind, body = "application/json", orjson.dumps({"inputs": [tensor]})
        yield kind, bytes(body)


def test_no_body_breaks_the_service(address):
    doors = {"/invocations": 200, "/v2/models/binary/infer": 200, "/labels": 70, "/explain": 30}
    assert sum(doors.values()) == MALFORMED
    paths = [path for path, count in doors.items() for _ in range(count)]
    with httpx.Client(base_url=address, timeout=120) as client:
        for path, (kind, body) in zip(paths, broken_bodies(MALFORMED), strict=True):
            reply = client.post(path, content=body, headers={"content-type": kind})
            assert reply.status_code in {200, 400, 413, 415, 422}, (kind, body, reply.text)
            if reply.status_code != 200:
                assert {"error", "kind", "fix"} <= set(reply.json())
        assert client.post("/invocations", json={"instances": [ROW]}).status_code == 200
