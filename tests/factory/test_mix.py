"""The classes' shares, told without labels, on worlds in which they are known."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from drifting import BINARY, REGRESSION, champion, rows

from factory.check import check
from factory.config import CheckConfig
from factory.diagnosis.diagnose import diagnose_window
from factory.diagnosis.mix import class_mix
from factory.nouns import DataVersion, Window


@lru_cache
def model():
    return champion(BINARY, np.random.default_rng(7))


def window(seed, n=2000, **moved):
    return rows(BINARY, np.random.default_rng([seed, 2]), n, **moved)


def mix(frame, bundle=None):
    bundle = bundle or model()
    return class_mix(bundle, frame, bundle.outputs(frame), confidence=0.95, resamples=200, seed=0)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.8])
def test_a_moved_mix_is_estimated_with_an_interval(share):
    found = {one.label: one for one in mix(window(0, share=share))}
    assert found["yes"].low <= share <= found["yes"].high
    assert found["yes"].high - found["yes"].low < 0.2
    assert found["yes"].now + found["no"].now == pytest.approx(1.0)
    assert found["yes"].before == pytest.approx(np.mean(model().reference["y"] == "yes"))
    assert found["yes"].moved


def test_the_labels_are_not_looked_at():
    frame = window(0, share=0.6)
    assert mix(frame) == mix(frame.assign(y=None))


@pytest.mark.parametrize("moved", [{}, {"shift": 1.5}, {"shift": -2.0}])
def test_nothing_is_said_where_more_or_nothing_moved(moved):
    said = [mix(window(seed, **moved)) for seed in range(6)]
    assert sum(bool(one) for one in said) <= 1


def test_edges():
    assert mix(window(0, n=39, share=0.8)) == ()
    bundle = model()
    blind = replace(bundle, reference_outputs=np.tile([0.6, 0.4], (len(bundle.reference), 1)))
    assert class_mix(blind, window(0), np.tile([0.6, 0.4], (2000, 1)), confidence=0.95,
                     resamples=50, seed=0) == ()  # fmt: skip
    other = champion(REGRESSION, np.random.default_rng(7), n=500, reference=500)
    frame = rows(REGRESSION, np.random.default_rng(0), 500)
    assert (
        class_mix(other, frame, other.outputs(frame), confidence=0.95, resamples=50, seed=0) == ()
    )


def test_label_drift_is_diagnosed_without_labels():
    bundle, config = model(), CheckConfig()
    frame = window(0, share=0.7).assign(y=None)
    seen = Window(frame, DataVersion("0", len(frame)))
    checked = check(bundle, seen, config, model="m", version=1, seed=0)
    labelled = np.zeros(len(frame), dtype=bool)
    found = diagnose_window(
        bundle, seen, checked, labelled, config, better=None, enough=False, seed=0
    )
    assert found.cause == "label_drift"
    assert "told without labels" in found.because
    assert pd.Series({one.label: one.now for one in found.mix})["yes"] == pytest.approx(
        0.7, abs=0.1
    )
