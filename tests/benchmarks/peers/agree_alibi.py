"""alibi-detect's statistics of the samples."""

from typing import Any

import keras
import numpy as np
from agree import samples
from alibi_detect.cd import ChiSquareDrift, CVMDrift, KSDrift, MMDDrift
from script import answer


def agree(seed: int) -> dict[str, Any]:
    # Its default of 32 bits would compare our digits with its rounding.
    keras.backend.set_floatx("float64")
    given = samples(seed)
    numbers, codes = given["numbers"], [side.astype(float) for side in given["codes"]]
    told = {
        "ks": KSDrift(numbers[0]).predict(numbers[1]),
        "cvm": CVMDrift(numbers[0]).predict(numbers[1]),
        "chi2": ChiSquareDrift(codes[0], categories_per_feature={0: 4}).predict(codes[1]),
    }
    found = {
        name: [float(one["data"]["distance"][0]), float(one["data"]["p_val"][0])]
        for name, one in told.items()
    }
    sigma = np.array([given["width"]])
    mmd = MMDDrift(given["rows"][0], backend="tensorflow", sigma=sigma, n_permutations=20)
    found["mmd"] = [float(mmd.predict(given["rows"][1])["data"]["distance"])]
    return found


answer(agree)
