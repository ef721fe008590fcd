"""Where the trials of a search are kept while it runs, and the search of a worker that joins."""

import hashlib
import json
import os
import socket
from pathlib import Path
from uuid import uuid4

import psutil

from factory.config import ModelConfig
from flows.workplace import Workplace
from registry.addresses import opened
from training.plan import Study
from training.trying import Keeping

FOLDER = "studies"


def keeping(
    settings: ModelConfig, data_sha256: str, place: Workplace, *, join: bool = False
) -> Keeping:
    """Return where a training's trials are kept: one study per configuration and data.

    A training that died is thus taken up by the next one that is told the same.

    Args:
        settings: of the model.
        data_sha256: of the rows it learns from.
        place: whose home keeps the study, unless the configuration names a server.
        join: take part in the search of another process.
    """
    told = settings.search.study
    memory = psutil.Process().memory_info
    if told == "memory":
        return Keeping(memory=lambda: memory().rss / 2**20)
    name = f"{settings.name}-{_digest(settings, data_sha256)}"
    where = str(place.home.path / FOLDER / f"{name}.journal") if told == "home" else opened(told)
    worker = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
    study = Study(name=name, place=where, worker=worker, join=join)
    return Keeping(study, memory=lambda: memory().rss / 2**20)


def study_file(kept: Keeping) -> Path | None:
    """Return the file that keeps a study; None where a server does, or nothing."""
    if kept.study is None or "://" in kept.study.place:
        return None
    return Path(kept.study.place)


def _digest(settings: ModelConfig, data_sha256: str) -> str:
    """Return what two trainings share if and only if they search the same."""
    values = settings.model_dump(mode="json")
    told = {key: values[key] for key in ("data", "metric", "split", "features", "search", "seed")}
    told["data"] = {**told["data"], "path": data_sha256}
    # More trials or more time go on with the same search.
    told["search"] = {
        key: value
        for key, value in told["search"].items()
        if key not in {"trials", "seconds", "memory_mb", "study"}
    }
    text = json.dumps(told, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
