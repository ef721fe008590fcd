"""Requests that hold pictures and texts, in every form of a body."""

import base64
import io

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pytest
from pictures import digits

from factory.compiled.rows import Layout
from factory.nouns import Column
from factory.pictures import to_cells
from registry.pictures import encoded
from serving.bodies import ARROW_STREAM, CSV, read_body
from serving.cell_schemas import cell

FILE, REVIEW = Column("file", "image", (8, 8, 1)), Column("review", "text")
LAYOUT = Layout((FILE, REVIEW))
PIXELS = digits()[0][:2]
CELLS = to_cells(PIXELS[..., None]).tolist()
FILES = [base64.b64encode(encoded(one[..., None])).decode() for one in PIXELS]
TEXTS = ["a fine wine", None]


def asked(body, content_type="", *, v2=False):
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return read_body(content, content_type, LAYOUT, (), v2=v2)


def tensor(name, shape, kind, data):
    return {"name": name, "shape": shape, "datatype": kind, "data": data}


def arrow(pictures):
    table = pa.table({"file": pictures, "review": TEXTS})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


NESTED = [one.tolist() for one in PIXELS]
ROWS = [[file, text] for file, text in zip(FILES, TEXTS, strict=True)]
LINES = pd.DataFrame(ROWS, columns=["file", "review"]).to_csv(index=False).encode()
BODIES = {
    "files": ({"dataframe_split": {"data": ROWS}}, "", False),
    "pixels": ({"inputs": {"file": NESTED, "review": TEXTS}}, "", False),
    "records": (
        {"instances": [{"file": f, "review": t} for f, t in zip(NESTED, TEXTS, strict=True)]},
        "", False,
    ),
    "tensor": (
        {"inputs": [
            tensor("file", [2, 8, 8, 1], "UINT8", PIXELS.ravel().tolist()),
            tensor("review", [2], "BYTES", TEXTS),
        ]}, "", True,
    ),
    "from 0 to 1": (
        {"inputs": [
            tensor("file", [2, 8, 8], "FP32", (PIXELS / 255).tolist()),
            tensor("review", [2], "BYTES", TEXTS),
        ]}, "", True,
    ),
    "csv": (LINES, CSV, False),
    "arrow files": (arrow(FILES), ARROW_STREAM, False),
    "arrow pixels": (arrow(NESTED), ARROW_STREAM, False),
}  # fmt: skip


@pytest.mark.parametrize("form", BODIES)
def test_a_picture_is_read_in_every_form(form):
    body, content_type, v2 = BODIES[form]
    found = asked(body, content_type, v2=v2)
    assert found.faults == []
    assert [list(column) for column in found.rows.categories] == [CELLS, TEXTS]
    assert found.rows.frame(LAYOUT)["file"].tolist() == CELLS


def test_what_is_no_picture_costs_its_row_only():
    cells = [FILES[0], "cat.png", [[1, 2], [3]], np.zeros((3, 3)).tolist(), 7, None, ""]
    found = asked({"inputs": {"file": cells, "review": ["x"] * len(cells)}})
    assert found.rows.categories[0] == [CELLS[0], *[None] * 6]
    assert {(f.row, f.column, f.rule) for f in found.faults} == {
        (row, "file", "image") for row in (1, 2, 3, 4)
    }
    absent = asked({"inputs": {"review": ["x"]}})
    assert [(f.column, f.rule) for f in absent.faults] == [("file", "required")]


def test_the_document_tells_the_size():
    told = cell(FILE)["anyOf"][-1]
    assert (told["maxItems"], told["items"]["maxItems"]) == (8, 8)
    assert cell(REVIEW)["type"][0] == "string"
