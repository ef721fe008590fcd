"""Bare FastAPI handlers that call ``predict``: ``serve_fastapi.py PORT NAME=MODEL_FOLDER ...``."""

import sys
from pathlib import Path
from typing import Any

import fastapi
import pandas as pd
import skops.io
import uvicorn

from registry.bundles import TRUSTED_TYPES

port, *given = sys.argv[1:]
named = dict(one.split("=", 1) for one in given)
models = {
    name: skops.io.load(Path(folder) / "model.skops", trusted=list(TRUSTED_TYPES))
    for name, folder in named.items()
}
app = fastapi.FastAPI()


@app.post("/models/{name}/invocations")
def predict(name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"predictions": models[name].predict(pd.DataFrame(**body["dataframe_split"])).tolist()}


@app.get("/ping")
def ping() -> dict[str, Any]:
    return {}


uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
