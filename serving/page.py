"""The OpenAPI document as a page for people, with a request of each kind to copy; no script."""

from html import escape
from shlex import quote
from typing import Any

import orjson

from factory.nouns import Kind, Schema
from serving.cell_schemas import Node
from serving.shelf import Shelf

EXAMPLES: dict[Kind, Any] = {
    "number": 1.5,
    "category": "a",
    "date": "2025-01-31T05:00:00",
    "text": "some words",
    "image": None,
}
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1c2430; background: #fff; }
h2 { margin: 2.5rem 0 .5rem; border-bottom: 1px solid #d5dbe3; }
section { margin: 1.2rem 0; }
h3 { font: 600 1rem/1.4 ui-monospace, monospace; margin: 0; overflow-wrap: anywhere; }
h3 b { display: inline-block; min-width: 3.2rem; color: #0b6b4f; }
p { margin: .2rem 0; }
pre { background: #f3f5f8; padding: .7rem .9rem; white-space: pre-wrap;
      overflow-wrap: anywhere; font-size: .85rem; }
small { color: #5a6675; }
"""


def page(shelf: Shelf, document: Node, host: str) -> bytes:
    """Return the page, HTML in UTF-8.

    Args:
        shelf: tells each model's columns.
        document: see ``serving.openapi.document``.
        host: that was asked, and is asked in the examples.
    """
    about = document["info"]
    groups = {"The service": [p for p in document["paths"] if not _of_any(p, shelf)]}
    for name in shelf.names:
        groups[f"Model {name}"] = [p for p in document["paths"] if _of(p, name, shelf)]
    parts = [
        f"<h2>{escape(title)}</h2>"
        + "".join(_section(path, document, shelf, host) for path in paths)
        for title, paths in groups.items()
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(about['title'])}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(about['title'])} {escape(about['version'])}</h1>"
        f"<p>{escape(about['description'])}</p>"
        '<p>For programs: <a href="/openapi.json">/openapi.json</a>, '
        'for Prometheus: <a href="/metrics">/metrics</a>.</p>'
        f"{''.join(parts)}</body></html>"
    ).encode()


def _of(path: str, name: str, shelf: Shelf) -> bool:
    first = name == shelf.names[0] and path in {"/invocations", "/explain", "/labels"}
    return first or f"{path}/".startswith((f"/models/{name}/", f"/v2/models/{name}/"))


def _of_any(path: str, shelf: Shelf) -> bool:
    return any(_of(path, name, shelf) for name in shelf.names)


def _section(path: str, document: Node, shelf: Shelf, host: str) -> str:
    ((method, told),) = document["paths"][path].items()
    said = f"<h3><b>{method.upper()}</b> {escape(path)}</h3><p>{escape(told['summary'])}</p>"
    if method == "post":
        kinds = ", ".join(told["requestBody"]["content"])
        name = next(name for name in shelf.names if _of(path, name, shelf))
        body = _example(path, shelf.line(name).champion.bundle.schema)
        asked = quote(orjson.dumps(body).decode())
        where = quote(f"{host}{path}")
        ask = f"curl -s {where} -H 'content-type: application/json' -d {asked}"
        said += f"<p><small>{escape(kinds)}</small></p><pre>{escape(ask)}</pre>"
    return f"<section>{said}</section>"


def _example(path: str, schema: Schema) -> Node:
    row = {column.name: EXAMPLES[column.kind] for column in schema.features}
    match path.rpartition("/")[2]:
        case "infer":
            kinds = {c.name: "FP64" if c.kind == "number" else "BYTES" for c in schema.features}
            return {
                "inputs": [
                    {"name": name, "shape": [1], "datatype": kinds[name], "data": [cell]}
                    for name, cell in row.items()
                ]
            }
        case "labels":
            label = schema.classes[0] if schema.classes else EXAMPLES["number"]
            return {"labels": [{"prediction_id": "as it was answered", "label": label}]}
        case _:
            return {"dataframe_records": [row]}
