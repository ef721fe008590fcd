"""Abstaining: beyond what it can, a model says so, and a person answers.

It is for two reasons that differ. A row may be *strange*: the model knows nothing like it, however
sure it sounds (see ``factory.ood``). Or it may be *unsure* between classes that it knows well: then
a person's answer is worth its cost where the chance of an error, each costing 1, is above it.
The prediction is given all the same, beside the reason.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from factory.abstaining import AbstainConfig, Reason
from factory.bundle import Bundle
from factory.nouns import Bools, Outputs


def unsure(outputs: Outputs, cost: float | None) -> Bools:
    """Mark the rows whose likeliest class is not worth trusting, shape (n,).

    Args:
        outputs: probabilities, shape (n, k); values, of which none is unsure.
        cost: of a person's answer, an error costing 1; None trusts all.

    Source:
        Chow, On optimum recognition error and reject tradeoff (1970).

    >>> unsure(np.array([[0.7, 0.3], [0.95, 0.05]]), 0.1).tolist()
    [True, False]
    """
    if cost is None or outputs.ndim == 1:
        return np.zeros(len(outputs), dtype=bool)
    return np.asarray(1 - outputs.max(axis=1, initial=0.0) > cost)


def abstained(
    bundle: Bundle, rows: Callable[[], pd.DataFrame], outputs: Outputs
) -> list[Reason | None] | None:
    """Return for each row why a person should answer it, None for those that need nobody.

    Args:
        bundle: the model that answered, with its configuration.
        rows: returns their canonical features; not asked where nothing reads them.
        outputs: what it said of them.

    Returns:
        None where the model never abstains.
    """
    config = AbstainConfig.of(bundle.config)
    if config is None:
        return None
    found = np.full(len(outputs), None, dtype=object)
    found[unsure(outputs, config.cost)] = "unsure"
    if config.strange and len(outputs):
        strangeness = bundle.strangeness(rows())
        if strangeness is not None:
            # What is strange is so however sure the model sounds.
            found[strangeness[1]] = "strange"
    reasons: list[Reason | None] = found.tolist()
    return reasons
