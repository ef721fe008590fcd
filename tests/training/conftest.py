"""Tests here run beside others: OpenMP threads would only wait for each other."""

import pytest

from training.threads import one_thread


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield
