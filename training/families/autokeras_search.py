"""AutoKeras's search as a process: ``python -m training.families.autokeras_search FOLDER``.

It draws from the process's generators, forgets what the process built with Keras before, and sums
in the order of TensorFlow's threads, which are set by whoever uses it first. Alone in a process
with one thread, the same seed finds the same network on any machine however busy.
"""

import json
import os
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import autokeras
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from factory.neural import LAYERS
from training.families.autokeras import ASKED, BATCH, FOUND, ROWS, WEIGHTS

HELD = 0.2
"""Share of the rows that its trials are compared on."""
BESIDE = ("InputLayer", "CastToFloat32", "ExpandLastDim", "Softmax", "Activation")
"""Layers that a network here has without being told."""
OPTIMISERS = {"adam": "Adam", "sgd": "SGD", "adam_weight_decay": "AdamW"}
DECAYING = {"weight_decay": 0.01, "epsilon": 1e-6}
"""What AutoKeras sets of the last of them."""
TOLD = ("units", "filters", "kernel_size", "strides", "padding", "activation", "use_bias",
        "pool_size", "rate", "input_dim", "output_dim", "axis", "momentum", "epsilon")  # fmt: skip
"""Settings of a layer that are kept; the rest says how weights begin, which are known."""


def main(folder: Path) -> None:
    """Search as the folder asks, and leave there what was found and all that was tried.

    Raises:
        ValueError: the best network is no chain of plain layers.
    """
    asked = json.loads((folder / ASKED).read_text(encoding="utf-8"))
    with np.load(folder / ROWS, allow_pickle=False) as file:
        X, y = file["X"], file["y"]
    keras.utils.set_random_seed(asked["seed"])
    tf.config.experimental.enable_op_determinism()
    tried, optimiser, network = searched(X, y, asked, str(folder / "networks"))
    layers, weights = chain(network, asked["outputs"])
    np.savez(folder / WEIGHTS, *weights)
    found = {"layers": layers, "optimiser": json.dumps(optimiser), "tried": tried}
    (folder / FOUND).write_text(json.dumps(found), encoding="utf-8")


def searched(
    X: NDArray[Any], y: NDArray[Any], asked: dict[str, Any], folder: str
) -> tuple[list[dict[str, Any]], dict[str, Any], Any]:
    """Return all trials of a search, and of the best one its optimiser and its network.

    Trials are as ``training.inner.InnerTrial`` has them.

    Args:
        X: rows, shape (n, features), (n, height, width, channels), or (n, words) of texts.
        y: target as a network here encodes it.
        asked: arguments of ``training.families.autokeras.Searching``, and ``outputs``.
        folder: where AutoKeras works.
    """
    first = autokeras.ImageInput() if asked["image"] else autokeras.Input()
    if asked["words"]:
        # It counts words without the number that stands after the last one.
        block = autokeras.TextBlock(max_tokens=asked["words"] - 1)
    else:
        block = autokeras.ConvBlock() if asked["image"] else autokeras.DenseBlock()
    head = (
        autokeras.RegressionHead(loss=asked["loss"])
        if asked["task"] == "regression"
        else autokeras.ClassificationHead(num_classes=asked["outputs"])
    )
    order = np.random.default_rng(asked["seed"]).permutation(len(X))
    held = max(1, round(HELD * len(X)))
    # Its seed must not be 0, which it takes for none.
    model = autokeras.AutoModel(
        inputs=first,
        outputs=head(block(first)),
        max_trials=asked["models"],
        directory=folder,
        seed=asked["seed"] + 1,
    )
    model.fit(
        X[order[held:]],
        y[order[held:]],
        validation_data=(X[order[:held]], y[order[:held]]),
        epochs=asked["epochs"],
        batch_size=BATCH,
        verbose=0,
    )
    oracle = model.tuner.oracle
    trials = (oracle.trials[one] for one in oracle.start_order)
    tried = [_told(number, trial) for number, trial in enumerate(trials)]
    best = oracle.get_best_trials()[0].hyperparameters
    settings = {"learning_rate": best.get("learning_rate")}
    name = best.get("optimizer")
    if name == "adam_weight_decay":
        settings |= DECAYING
    optimiser = {"class_name": OPTIMISERS[name], "config": settings}
    return tried, optimiser, model.export_model()


def chain(found: Any, outputs: int) -> tuple[str, list[NDArray[Any]]]:
    """Return a network's layers before its last one, and all weights."""
    layers = [one for one in found.layers if type(one).__name__ not in BESIDE]
    names = [type(one).__name__ for one in layers]
    unknown = set(names) - set(LAYERS)
    if unknown or names[-1] != "Dense":
        message = f"AutoKeras found a network of {', '.join(names)}"
        raise ValueError(message)
    told = [
        {
            "class_name": name,
            "config": {k: v for k, v in one.get_config().items() if k in TOLD and v is not None},
        }
        for name, one in zip(names[:-1], layers, strict=False)
    ]
    *weights, kernel, bias = (np.asarray(one) for one in found.get_weights())
    if kernel.shape[1] < outputs:
        # One logit for two classes: the other class's is 0.
        kernel = np.concatenate([np.zeros_like(kernel), kernel], axis=1)
        bias = np.concatenate([np.zeros_like(bias), bias])
    return json.dumps(told), [*weights, kernel, bias]


def _told(number: int, trial: Any) -> dict[str, Any]:
    complete = trial.status == "COMPLETED"
    error = "" if complete else (trial.message or trial.status).strip().rpartition("\n")[2]
    return {
        "number": number,
        "params": dict(trial.hyperparameters.values),
        "state": "complete" if complete else "failed",
        "loss": float(trial.score) if complete else None,
        "error": error,
    }


def _end_with_its_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    Thread(target=_end_with_its_parent, daemon=True).start()
    main(Path(sys.argv[1]))
