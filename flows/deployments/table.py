"""Which deployments a model has, and what each of them is."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from factory.config import ModelConfig
from factory.deployment import WhenConfig

POOL = "factory"
DEFAULT, GPU = "default", "gpu"
QUEUES = {GPU: 1, DEFAULT: 2}
"""Queues of the pool, by priority; a worker that pulls from both takes trainings first."""
TAG = "model-factory"
"""Every deployment and run of ours carries it; automations know them by it."""

Collision = Literal["CANCEL_NEW", "ENQUEUE"]


@dataclass(frozen=True)
class Deployed:
    """One deployment of a model.

    Attributes:
        flow: name, and name of the function in ``flows.deployments.jobs``.
        queue: of the pool.
        summary: first sentence of the description.
        parameters: that the runs have unless told otherwise.
        when: the schedule.
        collision: what becomes of a run while another one is at work.
        memory_mb: free memory that a run waits for.
    """

    flow: str
    queue: str
    summary: str
    parameters: Mapping[str, Any]
    when: WhenConfig = field(default_factory=WhenConfig)
    collision: Collision = "ENQUEUE"
    memory_mb: int = 0

    def environ(self, settings: ModelConfig) -> dict[str, str]:
        """Return what the worker reads of a run's bounds."""
        attempts = settings.deploy.attempts
        return {"FACTORY_MEMORY_MB": str(self.memory_mb), "FACTORY_ATTEMPTS": str(attempts)}

    def version(self, settings: ModelConfig, code: str) -> str:
        """Identify the deployment's content: the same twice need not be deployed again."""
        parameters, when = dict(self.parameters), self.when.model_dump()
        told: list[object] = [self.queue, self.summary, parameters, when]
        told += [self.collision, self.environ(settings), code]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def deployments_of(settings: ModelConfig, config: Path, home: Path) -> list[Deployed]:
    """Return the deployments of one model.

    Args:
        settings: the model's.
        config: its file, absolute.
        home: the factory's home folder, absolute.
    """
    deploy = settings.deploy
    name = settings.name
    common = {"model": name, "config": str(config), "home": str(home)}
    scored = {"source": deploy.predict.source, "output": deploy.predict.output}
    given = {key: value for key, value in scored.items() if value is not None}
    where = deploy.monitor.windows or "none: give a run its window"
    return [
        Deployed(
            "train", GPU, "Search, fit, evaluate, register, gate, promote.", common,
            deploy.train, memory_mb=deploy.train.memory_mb,
        ),
        Deployed(
            "search", GPU, "Take part in the search of a training that runs.", common,
            memory_mb=deploy.train.memory_mb,
        ),
        Deployed(
            "monitor", DEFAULT, f"Check the newest window. Windows: {where}.", common,
            deploy.monitor, "CANCEL_NEW",
        ),
        Deployed("remediate", DEFAULT, "Act on a window that alarmed.", common),
        Deployed(
            "retrain", GPU, "Rehearse and train on a window that alarmed.", common,
            memory_mb=deploy.train.memory_mb,
        ),
        Deployed("approve", DEFAULT, "Ask a person for a challenger that waits.", common),
        Deployed(
            "predict", DEFAULT, "Score rows with the champion.", {**common, **given},
            deploy.predict,
        ),
        Deployed("backtest", GPU, "Replay a stream under several policies.", common),
    ]  # fmt: skip


def description_of(deployed: Deployed, settings: ModelConfig) -> str:
    """Return what the Prefect UI shows of a deployment, in Markdown."""
    data = settings.data
    return (
        f"{deployed.summary}\n\n"
        f"- model: `{settings.name}`, predicts `{data.target}`\n"
        f"- config: `{deployed.parameters['config']}`\n"
        f"- queue: `{deployed.queue}`\n"
    )
