"""AutoKeras: a search over networks within one fit, for rows that are vectors, images or texts.

It runs in a process of its own (``training.families.autokeras_search``). Its best network is a
chain of plain layers. They and their weights are what is kept, so that whoever serves the model
needs Keras but not AutoKeras. What it writes while it searches goes to a new folder, in the
factory's home where there is one, that is gone after the fit. What it found is told by its layers
and its optimiser, with which the same network learns from other rows without a search.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from factory.errors import Unavailable
from factory.neural import Network, NetworkClassifier, NetworkRegressor
from factory.nouns import Floats, Task
from training.inner import InnerTrial, tell, work_folder
from training.space import Params

SEARCH = "training.families.autokeras_search"
ASKED, ROWS, FOUND, WEIGHTS, LOG = "asked.json", "rows.npz", "found.json", "weights.npz", "log.txt"
"""Files between the two processes."""
BATCH = 32
KINDS: Mapping[Task, type[Network]] = {
    "binary": NetworkClassifier,
    "multiclass": NetworkClassifier,
    "regression": NetworkRegressor,
}


class Searching(BaseEstimator):  # type: ignore[misc]
    """Fits ``network`` by AutoKeras.

    Args:
        task: what is predicted.
        loss: of a regression, Keras's name.
        models: most networks that it tries.
        epochs: passes over the rows, each.
        image: height, width and channels of the rows as images; None for others.
        words: of rows that are texts, one more than the highest number of a word; None for others.
        seed: of the search and of all networks.
    """

    def __init__(
        self,
        task: Task,
        loss: str,
        models: int,
        epochs: int,
        image: tuple[int, int, int] | None,
        words: int | None,
        seed: int,
    ) -> None:
        self.task = task
        self.loss = loss
        self.models = models
        self.epochs = epochs
        self.image = image
        self.words = words
        self.seed = seed

    def fit(self, X: Floats, y: NDArray[Any]) -> Self:
        """Search, keep the best network, and tell ``training.inner`` of all.

        Raises:
            RuntimeError: the search failed, or its best network is no chain of plain layers.
        """
        shape = self.image or (-1,)
        network = KINDS[self.task](layers="[]", shape=shape, loss=self.loss, seed=self.seed)
        target, outputs = network.encoded(np.asarray(y))
        network.width_, network.outputs_ = X.shape[1], outputs
        rows = np.asarray(X, dtype=np.float32)
        with work_folder("autokeras") as folder:
            np.savez(
                folder / ROWS, X=rows.reshape(len(rows), *shape) if self.image else rows, y=target
            )
            asked = {**self.get_params(), "outputs": outputs}
            (folder / ASKED).write_text(json.dumps(asked), encoding="utf-8")
            _search(folder)
            found = json.loads((folder / FOUND).read_text(encoding="utf-8"))
            with np.load(folder / WEIGHTS, allow_pickle=False) as file:
                network.weights_ = [file[f"arr_{place}"] for place in range(len(file.files))]
        network.layers, network.optimiser = found["layers"], found["optimiser"]
        tell([InnerTrial(family="autokeras", **tried) for tried in found["tried"]])
        self.network = network
        return self


def build(params: Params, task: Task, loss: str, seed: int) -> Searching | Network:
    """Return an estimator that searches when it is fitted, or the network that one found before.

    Raises:
        Unavailable: AutoKeras is not installed.
    """
    size = params["height"], params["width"], params.get("channels", 1)
    image = size if all(size) else None
    if "layers" in params:
        told = {name: params[name] for name in ("layers", "optimiser", "epochs")}
        shape = image or (-1,)
        return KINDS[task](shape=shape, loss=loss, batch_size=BATCH, seed=seed, **told)
    if find_spec("autokeras") is None:
        raise Unavailable(
            "'autokeras' needs the package autokeras.", hint="pip install 'drift-factory[keras]'"
        )
    words = params.get("words")
    return Searching(task, loss, params["models"], params["epochs"], image, words, seed)


def served(estimator: Searching | Network) -> Network:
    """Return the network that was found."""
    return estimator.network if isinstance(estimator, Searching) else estimator


def settled(estimator: Any) -> Params:
    """Return what ``build`` needs beside its other parameters to build a network that was found.

    AutoKeras's Adam with decay of weights lets its rate fall while it learns; here it stays.
    """
    if not isinstance(estimator, Network):
        # One class alone was learnt, which takes no network.
        return {}
    return {"layers": estimator.layers, "optimiser": estimator.optimiser}


def _search(folder: Path) -> None:
    """Run the search; it reads its standard input, whose end tells it that this process died."""
    command = [sys.executable, "-W", "ignore", "-m", SEARCH, str(folder)]
    with (
        (folder / LOG).open("wb") as log,
        subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
            command, stdin=subprocess.PIPE, stdout=log, stderr=log
        ) as process,
    ):
        code = process.wait()
    if code:
        said = (folder / LOG).read_text(encoding="utf-8", errors="replace").strip()
        message = f"AutoKeras ended with {code}: {said.rpartition(chr(10))[2]}"
        raise RuntimeError(message)
