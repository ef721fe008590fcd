"""alibi-detect's and Evidently's numbers on the same data, frozen, and the plug-ins' names.

The numbers are those of ``tests/benchmarks/bench_agreement.py``, which asks both libraries.
"""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from factory.detectors import JOINT_PLUGINS, PLUGINS, PLUGINS_READ
from factory.detectors.config import DetectorsConfig
from factory.detectors.features import detector
from factory.detectors.finding import NOTHING
from factory.detectors.joint import joint
from factory.detectors.mmd import discrepancies
from factory.errors import Unavailable
from factory.nouns import Column, Schema
from factory.profile import Categories, Numbers

# alibi-detect 0.13.0: KSDrift, CVMDrift, ChiSquareDrift (statistic, p-value), MMDDrift with the
# TensorFlow backend in 64 bits and sigma 2.
ALIBI = {
    "ks": (0.13500000536441803, 0.003526083193719387),
    "cvm": (1.0881071090698242, 0.0015279838116839528),
    "chi2": (25.350479125976562, 1.3042571481491905e-05),
}
ALIBI_MMD = 0.016040496146457972
# evidently 0.7.23: ValueDrift by method; the Wasserstein distance is in standard deviations.
EVIDENTLY_CVM = 0.0015279838194376394
EVIDENTLY_WASSERSTEIN, SPREAD = 0.2907643458529827, 0.9951027523148613
EVIDENTLY_JS, EVIDENTLY_HELLINGER = 0.13517147342200408, 0.13765616776267152
EVIDENTLY_PSI = 0.15762555462841496
SHARES = ([0.5, 0.3, 0.15, 0.05], [0.4, 0.3, 0.2, 0.1])


@pytest.fixture(scope="module")
def given():
    """The same samples as ``tests/benchmarks/peers/agree.py`` draws, in its order."""
    rng = np.random.default_rng(0)
    numbers = [rng.normal(at, by, n).round(6) for at, by, n in ((0, 1, 400), (0.2, 1.2, 300))]
    codes = [rng.choice(4, n, p=p) for n, p in zip((400, 300), SHARES, strict=True)]
    rows = [rng.normal(at, 1, (n, 3)).round(6) for at, n in ((0, 120), (0.4, 80))]
    names = np.array([*"abcd"], dtype=object)
    return {
        "n": [Numbers.of(side) for side in numbers],
        "c": [Categories.of(names[side]) for side in codes],
        "rows": rows,
    }


@pytest.mark.parametrize(("name", "column"), [("ks", "n"), ("cvm", "n"), ("chi2", "c")])
def test_single_features_as_alibi_detect(given, name, column):
    found = detector(name)(*given[column])
    assert found[:2] == pytest.approx(ALIBI[name], rel=1e-6)


def test_the_discrepancy_as_alibi_detect(given):
    rows = given["rows"]
    sides = np.repeat([1.0, 0.0], [len(side) for side in rows])[:, None]
    squared, _ = discrepancies(np.concatenate(rows), sides, 2.0)
    assert squared[0] == pytest.approx(ALIBI_MMD, rel=1e-6)


def test_distances_as_evidently(given):
    numbers, codes = given["n"], given["c"]
    assert detector("cvm")(*numbers).p_value == pytest.approx(EVIDENTLY_CVM, rel=1e-6)
    moved = detector("wasserstein")(*numbers).statistic / SPREAD
    assert moved == pytest.approx(EVIDENTLY_WASSERSTEIN, rel=1e-9)
    assert detector("js")(*codes).statistic == pytest.approx(EVIDENTLY_JS, rel=1e-9)
    assert detector("hellinger")(*codes).statistic == pytest.approx(EVIDENTLY_HELLINGER, rel=1e-9)
    # Half a row is added to every category here, and none there.
    assert detector("psi")(*codes).statistic == pytest.approx(EVIDENTLY_PSI, rel=0.05)


@pytest.mark.parametrize("kind", PLUGINS_READ)
def test_a_config_names_plugins_for_what_they_read(kind):
    for name in PLUGINS_READ[kind]:
        assert getattr(DetectorsConfig.model_validate({kind: name}), kind) == name
    others = {*PLUGINS, *JOINT_PLUGINS} - {*PLUGINS_READ[kind]}
    for name in others:
        with pytest.raises(ValueError, match="no detector of that kind"):
            DetectorsConfig.model_validate({kind: name})


def test_a_plugins_name_misspelt_is_put_right():
    with pytest.raises(ValueError, match="did you mean 'alibi:KSDrift'"):
        DetectorsConfig.model_validate({"number": "alibi:KSdrift"})


@pytest.mark.parametrize("name", PLUGINS)
def test_single_plugins_have_nothing_to_say_of_nothing(name):
    made = Categories if name in PLUGINS_READ["category"] else Numbers
    nothing, one = made.of(np.array([])), made.of(np.array([1.0]))
    assert detector(name)(nothing, one) == detector(name)(one, nothing) == NOTHING


@pytest.mark.parametrize("name", JOINT_PLUGINS)
def test_joint_plugins_have_nothing_to_say_of_few_rows(name):
    schema = Schema((Column("a", "number"),), "y", "regression")
    frame = pd.DataFrame({"a": np.arange(200.0)})
    found = joint(name)(frame, frame.iloc[:5], schema, 0)
    assert (found.statistic, found.p_value, found.effect) == NOTHING


@pytest.mark.skipif(find_spec("alibi_detect") is not None, reason="alibi-detect is installed")
@pytest.mark.parametrize("name", [*PLUGINS, *JOINT_PLUGINS])
def test_without_alibi_detect_it_is_said_what_to_install(name):
    schema = Schema((Column("a", "number"),), "y", "regression")
    frame = pd.DataFrame({"a": np.arange(200.0)})
    given = [Numbers.of(frame["a"].to_numpy())] * 2
    if name in PLUGINS_READ["category"]:
        given = [Categories.of(np.array(["a", "b"], dtype=object))] * 2
    run, told = detector, given
    if name in JOINT_PLUGINS:
        run, told = joint, (frame, frame, schema, 0)
    with pytest.raises(Unavailable, match=r"pip install 'drift-factory\[alibi\]'"):
        run(name)(*told)
