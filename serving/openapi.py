"""The OpenAPI document of a service: each model with its own columns, so that clients can check."""

from importlib.metadata import version

from factory.abstaining import REASONS
from factory.nouns import Schema
from serving.bodies import ARROW_FILE, ARROW_STREAM, CSV, DATATYPES, FORMS, JSON, PARQUET
from serving.cell_schemas import CSV_CELLS, Node, cell, identity, label
from serving.explain import METHODS, MOST_ROWS
from serving.shelf import Shelf

FAULT: Node = {
    "type": "object",
    "required": ["row", "column", "rule", "got"],
    "properties": {
        "row": {"type": "integer", "description": "place in the request, from 0"},
        "column": {"type": "string"},
        "rule": {"enum": ["required", "number", "date", "text", "image", "finite"]},
        "got": {"type": "string"},
    },
}
PROBLEM: Node = {
    "type": "object",
    "required": ["error", "kind", "fix"],
    "properties": {
        "error": {"type": "string"},
        "kind": {"type": "string"},
        "fix": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
}
LABELLED: Node = {
    "type": "object",
    "required": ["model", "rows", "empty", "unknown", "repeated", "corrected", "examples"],
    "properties": {
        "rows": {"type": "integer", "description": "labels that were kept"},
        "unknown": {"type": "integer", "description": "kept ones that name no prediction yet"},
        "examples": {"type": "array", "items": {"type": "string"}},
    },
}
REFUSALS = {
    "400": "The body cannot be read.",
    "401": "The service asks for a name and a password, and none that it knows was given.",
    "405": "Another method is asked for.",
    "413": "The body is too large.",
    "415": "A body of that type is not understood.",
    "422": "No row can be predicted; errors names column and rule of each.",
    "501": "What was asked for is not installed.",
    "503": "Predictions come faster than they can be logged, or no version is champion yet.",
}

FIXED = {
    "/": "Say what is served.",
    "/ping": "Answer, as MLflow's servers do.",
    "/health": "Answer.",
    "/v2": "Say what is served, as the Open Inference Protocol has it.",
    "/v2/health/live": "Answer, as the Open Inference Protocol has it.",
    "/v2/health/ready": "Say whether every model can predict.",
}
"""Paths that belong to no model, and what they are for."""


def document(shelf: Shelf) -> Node:
    """Return the document of what a service answers now."""
    paths: dict[str, Node] = {path: _get(path, what) for path, what in FIXED.items()}
    for name, line in shelf.lines.items():
        schema = line.champion.bundle.schema
        paths |= _of_model(
            name, schema, ["", f"/models/{name}"] if name == shelf.names[0] else [f"/models/{name}"]
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Model Factory predictor",
            "version": version("drift-factory"),
            "description": "Bad rows never harm their neighbours: an answer to a request with some "
            "bad rows has null in their places, and says in errors what is wrong with them. A "
            "request without any good row is refused with 422.",
        },
        "paths": paths,
        "components": {"schemas": {"Fault": FAULT, "Problem": PROBLEM}},
    }


def _of_model(name: str, schema: Schema, prefixes: list[str]) -> dict[str, Node]:
    paths: dict[str, Node] = {}
    for prefix in prefixes:
        label = prefix.strip("/").replace("/", "_") or "first"
        paths[f"{prefix}/invocations"] = {
            "post": _operation(
                f"invocations_{label}", f"Predict with {name}, as MLflow's servers do.",
                _bodies(_mlflow(schema), schema), _content(_invocations(schema)),
            )
        }  # fmt: skip
        explained: Node = {"type": "object", "required": ["explanations", "model", "version"]}
        paths[f"{prefix}/explain"] = {
            "post": _operation(
                f"explain_{label}", f"Say why {name} predicts what it does.",
                {JSON: {"schema": _explained(schema)}}, {JSON: {"schema": explained}},
            )
        }  # fmt: skip
        paths[f"{prefix}/labels"] = {
            "post": _operation(
                f"labels_{label}", f"Tell what came true of predictions of {name}.",
                {JSON: {"schema": _labels(schema)}}, {JSON: {"schema": LABELLED}},
            )
        }  # fmt: skip
    paths[f"/v2/models/{name}"] = _get(
        f"metadata of {name}", f"Say what {name} takes and says, and which version answers."
    )
    paths[f"/v2/models/{name}/ready"] = _get(
        f"readiness of {name}", f"Say whether {name} can predict."
    )
    paths[f"/v2/models/{name}/infer"] = {
        "post": _operation(
            f"infer_{name}", f"Predict with {name}, as the Open Inference Protocol has it.",
            _bodies(_v2(schema), schema), _content(_infer()),
        )
    }  # fmt: skip
    return paths


def _get(name: str, summary: str) -> Node:
    said = {"description": "Yes.", "content": {JSON: {"schema": {"type": "object"}}}}
    told = "get_" + "".join(c if c.isalnum() else "_" for c in name)
    return {"get": {"operationId": told, "summary": summary, "responses": {"200": said}}}


def _operation(name: str, summary: str, bodies: Node, answers: Node) -> Node:
    problem = {JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    refused = {code: {"description": t, "content": problem} for code, t in REFUSALS.items()}
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": bodies},
        "responses": {"200": {"description": "Predictions.", "content": answers}, **refused},
    }


def _bodies(json: Node, schema: Schema) -> Node:
    binary = {"schema": {"type": "string", "format": "binary"}}
    line = ",".join(CSV_CELLS[column.kind] for column in schema.features)
    text = {"type": "string", "pattern": f"^{','.join(schema.names)}\n({line}\n){{1,3}}$"}
    return {
        JSON: {"schema": json},
        CSV: {"schema": text},
        ARROW_STREAM: binary,
        ARROW_FILE: binary,
        PARQUET: binary,
    }


def _content(json: Node) -> Node:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {JSON: {"schema": json}, ARROW_STREAM: binary, ARROW_FILE: binary, PARQUET: binary}


def _record(schema: Schema) -> Node:
    cells = {column.name: cell(column) for column in schema.features}
    return {"type": "object", "properties": cells, "required": list(cells)}


def _line(schema: Schema) -> Node:
    cells = [cell(column) for column in schema.features]
    return {
        "type": "array", "prefixItems": cells, "items": False,
        "minItems": len(cells), "maxItems": len(cells),
    }  # fmt: skip


def _rows(item: Node) -> Node:
    return {"type": "array", "minItems": 1, "items": item}


def _one_good(item: Node) -> Node:
    """Return the schema of rows of which one at least is good: the others harm only themselves."""
    shape: Node = {name: item[name] for name in ("type", "minItems", "maxItems") if name in item}
    return {**_rows(shape), "contains": item}


def _one(key: str, value: Node, *others: str) -> Node:
    """Return the schema of an object with a key and none of the others that mean something."""
    properties = {key: value, **{other: False for other in others if other != key}}
    return {"type": "object", "properties": properties, "required": [key]}


def _explained(schema: Schema) -> Node:
    rows = {**_rows(_record(schema)), "maxItems": MOST_ROWS}
    asked = _one("dataframe_records", rows, *FORMS)
    method = {"enum": list(METHODS), "description": "How it is explained; shap if nothing is said."}
    return {**asked, "properties": {**asked["properties"], "method": method}}


def _labels(schema: Schema) -> Node:
    kinds = {"prediction_id": ["string"]}
    if schema.id is not None:
        kinds[schema.id] = ["string", "number", "boolean"]
    said = list(dict.fromkeys(("label", schema.target)))
    properties = {
        **{name: {"type": [*kind, "null"]} for name, kind in kinds.items()},
        **{name: label(schema) for name in said},
    }
    named = [
        {"required": [name], "properties": {name: identity(kind)}} for name, kind in kinds.items()
    ]
    labelled: list[Node] = [
        {"required": [name], "properties": {n: False for n in said if n != name}} for name in said
    ]
    one = {
        "type": "object",
        "properties": properties,
        "allOf": [{"anyOf": named}, {"anyOf": labelled}],
    }
    return _one("labels", {"type": "array", "minItems": 1, "items": one})


def _mlflow(schema: Schema) -> Node:
    records, lines = _one_good(_record(schema)), _one_good(_line(schema))
    split = _one("data", lines)
    split["properties"]["columns"] = {
        "const": list(schema.names),
        "description": "In any order; these are meant where nothing is said.",
    }
    given = {
        "dataframe_records": records,
        "dataframe_split": split,
        "instances": records,
        "inputs": lines,
    }
    return {"oneOf": [_one(form, value, *FORMS) for form, value in given.items()]}


def _v2(schema: Schema) -> Node:
    tensors = [
        {
            "type": "object",
            "properties": {
                "name": {"const": column.name},
                "shape": {"enum": [[1], [1, 1]]},
                "datatype": {"enum": list(DATATYPES)},
                "data": {
                    "type": "array", "items": cell(column), "minItems": 1, "maxItems": 1,
                },
            },
            "required": ["name", "shape", "datatype", "data"],
        }
        for column in schema.features
    ]  # fmt: skip
    inputs = {
        "description": "One tensor a feature; of a batch the shape is [rows].",
        "type": "array", "prefixItems": tensors, "items": False,
        "minItems": len(tensors), "maxItems": len(tensors),
    }  # fmt: skip
    given = {"id": {"type": "string"}, "inputs": inputs, "parameters": {"type": "object"}}
    return {"type": "object", "properties": given, "required": ["inputs"]}


def _invocations(schema: Schema) -> Node:
    said: Node = (
        {"enum": [*schema.classes, None]} if schema.classes else {"type": ["number", "null"]}
    )
    return {
        "type": "object",
        "required": ["predictions", "ids", "model", "version", "at"],
        "properties": {
            "predictions": {"type": "array", "items": said},
            "probabilities": {"type": "array"},
            "classes": {"const": list(schema.classes)},
            "ids": {"type": "array", "items": {"type": ["string", "null"]}},
            "model": {"type": "string"},
            "version": {"type": "integer"},
            "at": {"type": "string"},
            "abstained": {
                "type": "array",
                "items": {"enum": [*REASONS, None]},
                "description": "why a person should answer the row; there where the model may",
            },
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
        },
    }


def _infer() -> Node:
    tensor = {"type": "object", "required": ["name", "shape", "datatype", "data"]}
    return {
        "type": "object",
        "required": ["model_name", "model_version", "id", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "outputs": {"type": "array", "items": tensor},
        },
    }
