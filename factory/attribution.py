"""How much of a loss of performance a shift of P(x), or of P(y), explains by itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.bundle import Bundle
from factory.detectors.domain import domain_classifier
from factory.metrics import row_losses
from factory.nouns import Bools, Floats, Outputs


@dataclass(frozen=True, slots=True)
class Attribution:
    """Shares on [0, 1] of the extra loss that a reweighted reference reproduces.

    ``covariates``: the reference weighted to the window's P(x). ``labels``: weighted to its P(y),
    None for regression, where a moved relation moves P(y) as well and the two cannot be told apart.
    """

    covariates: float
    labels: float | None


def attribute(bundle: Bundle, frame: pd.DataFrame, outputs: Outputs, seed: int) -> Attribution:
    """Compare the window's loss with the reference's, plain and reweighted.

    If only P(x) moved, the reference reweighted by the density ratio of a domain classifier loses
    as much as the window does; what it does not reproduce is due to a moved relation.

    Args:
        bundle: the champion, with its reference.
        frame: labelled rows of the window.
        outputs: the champion's outputs on ``frame``.
        seed: of the domain classifier's sample.

    Source:
        Sugiyama, Krauledat, Mueller: Covariate shift adaptation by importance weighted cross
        validation (2007); Lipton, Wang, Smola: Detecting and correcting for label shift (2018).
    """
    schema = bundle.schema
    truth = bundle.reference[schema.target].to_numpy()
    before = row_losses(schema, truth, bundle.reference_outputs)
    now = float(np.mean(row_losses(schema, frame[schema.target].to_numpy(), outputs)))
    domain = domain_classifier(bundle.reference, frame, schema, seed)
    weighted = float(np.average(before[domain.positions], weights=domain.weights))
    plain = float(np.mean(before[domain.positions]))
    covariates = _share(plain, weighted, now)
    if schema.task == "regression":
        return Attribution(covariates, None)
    weights = _label_weights(truth, frame[schema.target].to_numpy(), schema.classes)
    if weights.sum() == 0:
        return Attribution(covariates, 0.0)
    by_labels = float(np.average(before, weights=weights))
    return Attribution(covariates, _share(float(np.mean(before)), by_labels, now))


def explained_by_broken(
    bundle: Bundle, truth: NDArray[Any], outputs: Outputs, sound: Bools
) -> float:
    """Return which share of the window's extra loss is gone without its broken rows.

    Args:
        bundle: the champion, with its reference.
        truth: targets of the window's labelled rows, shape (n,).
        outputs: the champion's outputs on them.
        sound: rows without any broken value, shape (n,).

    Returns:
        A share on [0, 1]; 1 where no row is sound.
    """
    if not sound.any():
        return 1.0
    known = bundle.reference[bundle.schema.target].to_numpy()
    before = float(np.mean(row_losses(bundle.schema, known, bundle.reference_outputs)))
    losses = row_losses(bundle.schema, truth, outputs)
    return 1.0 - _share(before, float(losses[sound].mean()), float(losses.mean()))


def _share(before: float, reweighted: float, now: float) -> float:
    if now <= before:
        return 0.0
    return float(np.clip((reweighted - before) / (now - before), 0.0, 1.0))


def _label_weights(reference: Floats, window: Floats, classes: tuple[str, ...]) -> Floats:
    weights = np.zeros(len(reference))
    for label in classes:
        mine = reference == label
        if mine.any():
            weights[mine] = np.mean(window == label) / np.mean(mine)
    return weights
