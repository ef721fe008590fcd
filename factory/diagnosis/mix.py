"""The classes' shares in rows without labels, where only these moved."""

import numpy as np
import pandas as pd

from factory.bootstrap import ends
from factory.bundle import Bundle
from factory.detectors.joint import sample
from factory.diagnosis.parts import ClassShare
from factory.diagnosis.resamples import row_counts
from factory.diagnosis.target import black_box_weights, rows_of_targets_stayed, thinned
from factory.metrics import encode
from factory.nouns import Outputs

FEWEST = 40
"""Rows of either side that are needed."""
ROWS = 8_000
"""Rows of either side that are resampled, at most."""


def class_mix(
    bundle: Bundle,
    frame: pd.DataFrame,
    outputs: Outputs,
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[ClassShare, ...]:
    """Estimate how common each class is now, from what the champion says.

    That holds only while rows of one class look as they did. So the reference is given the
    classes' estimated shares, and if its features then still differ from the rows', nothing is
    said.

    Args:
        bundle: the champion, with its reference.
        frame: canonical rows; their target is not looked at.
        outputs: the champion's on them, shape (n, k).
        confidence: of the intervals, two-sided.
        resamples: of the bootstrap over both sides' rows.
        seed: of everything random.

    Returns:
        A share a class; nothing for a regression, for fewer than 40 rows, where the champion
        hardly tells the classes apart, where no share moved, and where more than shares moved.

    Source:
        Lipton, Wang and Smola, Detecting and correcting for label shift with black box
        predictors (2018).
    """
    schema, classes = bundle.schema, len(bundle.schema.classes)
    if not classes or min(len(frame), len(bundle.reference)) < FEWEST:
        return ()
    rng = np.random.default_rng(seed)
    old, new = (sample(len(side), ROWS, rng) for side in (bundle.reference, frame))
    reference, known, rows = bundle.reference.iloc[old], bundle.reference_outputs[old], outputs[new]
    truth = encode(schema.classes, reference[schema.target].to_numpy(), known)
    held, said = known.argmax(axis=1), rows.argmax(axis=1)
    weights = black_box_weights(truth, held, said, classes)
    if weights is None:
        return ()
    before = np.bincount(truth, minlength=classes) / len(truth)
    ordered = schema.timestamp is not None
    counts = [row_counts(side[:, -1], resamples, rng, ordered=ordered) for side in (known, rows)]
    draws = np.full((resamples, classes), np.nan)
    for number in range(resamples):
        old, new = (np.repeat(np.arange(c.shape[1]), c[1 + number].astype(int)) for c in counts)
        drawn = black_box_weights(truth[old], held[old], said[new], classes)
        if drawn is not None:
            draws[number] = drawn * before
    found = tuple(
        ClassShare(label, float(before[k]), float(weights[k] * before[k]),
                   *ends(draws[:, k], confidence))
        for k, label in enumerate(schema.classes)
    )  # fmt: skip
    if not any(share.moved for share in found):
        return ()
    like = reference.iloc[thinned(weights, truth, seed)]
    if len(like) < FEWEST:
        return ()
    stayed = rows_of_targets_stayed(schema, like, frame, seed, labelled=False)
    return found if stayed else ()
