"""How much of a loss of performance a shift of P(x), or of P(y), explains by itself."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.detectors.domain import domain_classifier
from factory.metrics import row_losses
from factory.nouns import Floats, Outputs


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
