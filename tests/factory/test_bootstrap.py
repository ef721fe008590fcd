from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from factory.bootstrap import block_length, resample
from factory.metrics import Metric, interval

ROWS = Metric("mean_absolute_error", greater_is_better=False, task="regression", classes=())
TIME = replace(ROWS, ordered=True)


def wandering(rng, rows, memory):
    """Errors around 10 whose deviations last: an autoregression of order 1."""
    return 10 + lfilter([1.0], [1.0, -memory], rng.normal(size=rows + 200))[200:]


def coverage(metric, memory, trials=200, rows=500):
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(trials):
        errors = wandering(rng, rows, memory)
        truth = np.zeros(rows)
        found = interval(metric, truth, errors, confidence=0.95, resamples=200, seed=seed)
        covered += found.low <= 10 <= found.high
    return covered / trials


def test_blocks_cover_what_rows_one_by_one_do_not():
    assert coverage(ROWS, memory=0.9) < 0.5
    assert coverage(TIME, memory=0.9) > 0.75


def test_blocks_cost_little_where_rows_are_independent():
    assert 0.88 <= coverage(TIME, memory=0.0) <= 0.99


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_longer_memory_takes_longer_blocks(memory):
    lengths = [
        block_length(wandering(np.random.default_rng(seed), 4000, memory)) for seed in range(20)
    ]
    expected = {0.0: (1, 2), 0.5: (2, 16), 0.9: (8, 128)}[memory]
    assert expected[0] <= np.median(lengths) <= expected[1]


@pytest.mark.parametrize("rows", [1, 2, 9, 10, 25])
def test_few_rows_do_no_harm(rows):
    errors = np.arange(float(rows))
    found = interval(TIME, np.zeros(rows), errors, confidence=0.9, resamples=100, seed=0)
    assert found.low <= found.value <= found.high
    assert block_length(np.zeros(rows)) == 1


@pytest.mark.parametrize("name", ["accuracy", "f1", "roc_auc", "log_loss"])
def test_every_kind_of_metric_resamples_in_blocks(name):
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.integers(2, size=50), 10)
    probability = np.clip(0.5 + (truth - 0.5) * 0.5 + rng.normal(scale=0.3, size=500), 0.01, 0.99)
    outputs = np.stack([1 - probability, probability], axis=1)
    one, ten = (
        resample(name, [truth], [outputs], resamples=300, seed=0, block=block)[0]
        for block in (1, 10)
    )
    assert np.mean(one) == pytest.approx(np.mean(ten), rel=0.05)
    assert np.isfinite(ten).all()
