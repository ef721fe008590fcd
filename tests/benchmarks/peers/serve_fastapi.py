"""A bare FastAPI handler that calls ``predict``: ``serve_fastapi.py MODEL_FOLDER PORT``."""

import sys
from pathlib import Path
from typing import Any

import fastapi
import pandas as pd
import skops.io
import uvicorn

from registry.bundles import TRUSTED_TYPES

folder, port = sys.argv[1:]
model = skops.io.load(Path(folder) / "model.skops", trusted=list(TRUSTED_TYPES))
app = fastapi.FastAPI()


@app.post("/invocations")
def predict(body: dict[str, Any]) -> dict[str, Any]:
    return {"predictions": model.predict(pd.DataFrame(**body["dataframe_split"])).tolist()}


@app.get("/ping")
def ping() -> dict[str, Any]:
    return {}


uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
