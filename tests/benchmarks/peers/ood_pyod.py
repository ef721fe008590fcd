"""PyOD's detectors of outliers on given features."""

from typing import Any

import numpy as np
from pyod.models.knn import KNN
from pyod.models.mcd import MCD
from script import answer


def compute(question: Any) -> dict[str, Any]:
    """Return the scores of fresh rows: the k-th neighbour's distance, and a Mahalanobis one's."""
    learnt, fresh = (np.array(question[name]) for name in ("learnt", "fresh"))
    near = KNN(n_neighbors=question["neighbours"], method="largest").fit(learnt)
    # On all rows it is the plain covariance's but for its one step of leaving the farthest out.
    whole = MCD(support_fraction=1.0, random_state=0).fit(learnt)
    return {
        "knn": near.decision_function(fresh).tolist(),
        "mcd": whole.decision_function(fresh).tolist(),
    }


if __name__ == "__main__":
    answer(compute)
