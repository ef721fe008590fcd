"""The wine data in standard units, and splits of its rows: what alibi-detect was given too."""

import numpy as np
from sklearn.datasets import load_wine

from factory.online.protocol import Draws, Setup

REFERENCE, WINDOW, BOOTSTRAPS = 130, 10, 1_000


def wine():
    """130 reference rows and the 48 others, in an order of our own."""
    rows = load_wine().data
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    rng = np.random.default_rng(0)
    rows = rows[rng.permutation(len(rows))]
    return rows[:REFERENCE], rows[REFERENCE:], rng


def asked():
    """What the peer is asked, and the same for our MMD and LSDD."""
    reference, rest, rng = wine()
    count, steps, centres = BOOTSTRAPS + 20, 2 * WINDOW - 1, 2 * WINDOW
    mmd = [rng.permutation(REFERENCE) for _ in range(count)]
    order = rng.permutation(REFERENCE)
    lsdd = [rng.permutation(REFERENCE - centres) for _ in range(count)]
    question = {
        "reference": reference.tolist(),
        "rest": rest.tolist(),
        "ert": 50,
        "bootstraps": BOOTSTRAPS,
        "window": WINDOW,
        "windows": [5, WINDOW],
        "mmd": [each.tolist() for each in mmd],
        "lsdd": [each.tolist() for each in (order, *lsdd)],
    }
    ours = {}
    for name, splits in (("mmd", mmd), ("lsdd", lsdd)):
        streams = np.array([split[-steps:] for split in splits[:BOOTSTRAPS]])
        parts = (order[:centres], order[centres:]) if name == "lsdd" else ()
        draws = Draws(streams, tuple(splits[BOOTSTRAPS:]), *parts)
        ours[name] = Setup(50, (WINDOW,), 0, np.zeros(13, dtype=bool), every=1, draws=draws)
    return question, ours
