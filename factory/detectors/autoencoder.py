"""Reconstruction error of a small network: do features still hang together, bent or straight?"""

import warnings
from functools import partial

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

from factory.detectors.finding import NOTHING, Finding
from factory.detectors.joint import encode, sample
from factory.detectors.pca import FEWEST, left_over
from factory.nouns import Floats, Schema

ROWS = 4_000
"""Rows sampled from either side at most."""
EPOCHS, BATCH = 60, 32
WIDER = 4
"""Units of the outer layers per column; the bottleneck has half as many as there are columns."""
WIDEST = 128
FARTHEST = 5.0
"""Spreads from the middle at which a number is cut off, so that no value outweighs all rows."""


def autoencoder(
    reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, seed: int
) -> Finding:
    """Compare all features jointly, by what an autoencoder of the reference leaves over.

    It is fitted on a random half of the reference's rows; the other half and the window are
    rebuilt. All figures are those of ``factory.detectors.pca``, which knows straight relations
    only. At most 4,000 rows of either side are drawn.

    Args:
        reference: canonical rows, in time order.
        window: canonical rows.
        schema: features to look at.
        seed: of the samples, the half and the network.

    Returns:
        The finding; where a side has fewer than 40 rows, or what is encoded has fewer than two
        columns, it is nothing.

    Source:
        Jaworski, Rutkowski and Angelov, Concept drift detection using autoencoders in data
        streams processing (2020).

    >>> from factory.nouns import Column
    >>> schema = Schema((Column("a", "number"), Column("b", "number")), "y", "regression")
    >>> a = np.random.default_rng(0).normal(size=800)
    >>> before, now = (pd.DataFrame({"a": a, "b": s * a**2}) for s in (1, -1))
    >>> autoencoder(before, now, schema, seed=0).p_value < 1e-6
    True
    """
    if min(len(reference), len(window)) < FEWEST:
        return NOTHING
    rng = np.random.default_rng(seed)
    reference, window = (f.iloc[sample(len(f), ROWS, rng)] for f in (reference, window))
    before, now = (np.clip(rows, -FARTHEST, FARTHEST) for rows in encode(reference, window, schema))
    with threadpool_limits(1):
        return left_over(before, now, lambda rows: partial(_errors, _network(rows, seed)), rng)


def _network(rows: Floats, seed: int) -> MLPRegressor:
    columns = rows.shape[1]
    outer = min(WIDER * columns, WIDEST)
    layers = (outer, max(1, min(columns // 2, WIDEST // 2)), outer)
    network = MLPRegressor(
        hidden_layer_sizes=layers,
        activation="tanh",
        learning_rate_init=0.01,
        max_iter=EPOCHS,
        batch_size=min(BATCH, len(rows)),
        random_state=seed,
    )
    with warnings.catch_warnings():
        # One that stopped early rebuilds both sides equally badly.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return network.fit(rows, rows)


def _errors(network: MLPRegressor, rows: Floats) -> Floats:
    lengths: Floats = np.sqrt(((rows - network.predict(rows)) ** 2).sum(axis=1)).round(9)
    return lengths
