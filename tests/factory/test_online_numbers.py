"""Our statistics and thresholds against alibi-detect's, scipy's, and direct computation."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import cramervonmises_2samp, fisher_exact, ks_2samp
from wine_rows import WINDOW, asked, wine

from factory.online import cvm, fet, kswin, mmd, ranks
from factory.online.cvm import CVM
from factory.online.fet import FET
from factory.online.lsdd import LSDD
from factory.online.mmd import MMD
from factory.online.protocol import Setup
from factory.online.thresholds import JITTER

ROWS = (0, 1, 2, 9, 10, 47)
FULL = (4, 5, 9, 10, 11, 47)
# alibi-detect 0.13.0 with TensorFlow 2.18.1 in 64 bits, on these rows and splits.
MMD_THRESHOLDS = [
    0.088362932743, 0.065924293422, 0.065336159181, 0.057256203415, 0.056196271946,
    0.052320872668, 0.051815997601, 0.054121987783, 0.054716648417, 0.047443158885,
]  # fmt: skip
MMD_STATISTICS = [
    0.017180988845, -0.002334121872, -0.000394618246, -0.003970783924, -0.00656016539,
    0.02395844484,
]  # fmt: skip
LSDD_FIRST_THRESHOLD = 0.144166223606
LSDD_STATISTICS = [
    0.088047493057, 0.112630131636, 0.141557395482, 0.062403622945, 0.044159882649,
    0.078889709125,
]  # fmt: skip
# The same, largest of columns and of windows of 5 and 10 rows, in its 32 bits.
CVM_STATISTICS = [2.2839704, 0.7772341, 2.0666878, 0.7944145, 1.0631506, 1.6377815]
FET_STATISTICS = [0.9596437, 0.7848504, 0.8174654, 0.7861272, 0.6183311, 0.8127333]


def statistics(detector, rows):
    """Statistics without starting again: alibi-detect goes on after an alarm."""
    found = []
    for row in rows:
        detector.drift = False
        detector.update(row)
        found.append(detector.statistic)
    return np.array(found)


def test_mmd_equals_alibi_detects():
    reference, rest, _ = wine()
    (detector,) = MMD.fit(reference, asked()[1]["mmd"])
    thresholds = detector.fitted()["thresholds"]
    assert thresholds == pytest.approx(np.array(MMD_THRESHOLDS), abs=1e-9)
    assert statistics(detector, rest)[list(ROWS)] == pytest.approx(MMD_STATISTICS, abs=1e-9)


def test_lsdd_equals_alibi_detects():
    reference, rest, _ = wine()
    (detector,) = LSDD.fit(reference, asked()[1]["lsdd"])
    # alibi-detect keeps the streams that exceed the first threshold; we do not, as in the paper.
    assert detector.fitted()["thresholds"][0] == pytest.approx(LSDD_FIRST_THRESHOLD, abs=1e-9)
    assert statistics(detector, rest)[list(ROWS)] == pytest.approx(LSDD_STATISTICS, abs=1e-9)


def test_cvm_equals_alibi_detects():
    reference, rest, _ = wine()
    detector = CVM(reference, np.arange(13), np.array([5, WINDOW]), np.full(19, np.inf), 0)
    found = statistics(detector, rest)[list(FULL)]
    assert found == pytest.approx(CVM_STATISTICS, rel=1e-5, abs=2 * JITTER)


def test_fet_equals_alibi_detects():
    reference, rest, _ = wine()
    ones = (reference > 0).sum(axis=0)
    limits = np.full(19, np.inf)
    detector = FET(ones, 130, np.arange(13), np.array([5, WINDOW]), limits, rising=True, seed=0)
    found = statistics(detector, 1.0 * (rest > 0))[list(FULL)]
    assert found == pytest.approx(FET_STATISTICS, rel=1e-5, abs=2 * JITTER)


def direct_mmd(known, window, width):
    def kernel(a, b):
        return np.exp(-cdist(a, b, "sqeuclidean") / (2 * width**2))

    n, w = len(known), len(window)
    inside = (kernel(known, known).sum() - n) / (n * (n - 1))
    among = (kernel(window, window).sum() - w) / (w * (w - 1))
    return inside + among - 2 * kernel(known, window).mean()


def test_sums_that_are_kept_up_stay_what_they_are():
    rng = np.random.default_rng(1)
    (detector,) = MMD.fit(rng.normal(size=(80, 2)), plain(2, ert=50, windows=(7,)))
    detector._limits = [np.inf] * 7  # noqa: SLF001 - so that it never starts again
    rows = rng.normal(size=(3_000, 2))
    found = statistics(detector, rows)
    fitted = detector.fitted()
    for at in (6, 7, 50, 1_234, 2_999):
        expected = direct_mmd(fitted["known"], rows[at - 6 : at + 1], fitted["width"])
        assert found[at] == pytest.approx(expected, abs=1e-12)


def test_simulated_mmds_are_those_of_the_splits():
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(30, 2))
    kernel = np.exp(-cdist(rows, rows, "sqeuclidean") / 2)
    streams = np.array([rng.permutation(30)[:9] for _ in range(4)])
    found = mmd.simulate(kernel, streams, 5)
    for stream, each in zip(streams, found, strict=True):
        known = np.delete(rows, stream, axis=0)
        expected = [direct_mmd(known, rows[stream[w : w + 5]], 1.0) for w in range(5)]
        assert each == pytest.approx(expected, abs=1e-12)


def plain(columns, *, ert=200.0, windows=(10,), marks=False):
    return Setup(ert, windows, 0, np.full(columns, marks))


def test_cvm_of_numbers_without_ties_is_scipys():
    rng = np.random.default_rng(3)
    known, rows = rng.normal(size=(60, 1)), rng.normal(size=(40, 1))
    detector = CVM(known, np.array([0]), np.array([8]), np.full(15, np.inf), 0)
    found = statistics(detector, rows)
    n, w = 60, 8
    mean = 1 / 6 + 1 / (6 * (n + w))
    top = (n + w + 1) * (4 * n * w * (n + w) - 3 * (n * n + w * w) - 2 * n * w)
    spread = np.sqrt(top / (45 * (n + w) ** 2 * 4 * n * w))
    for at in (7, 8, 25, 39):
        expected = cramervonmises_2samp(known[:, 0], rows[at - 7 : at + 1, 0]).statistic
        assert found[at] * spread + mean == pytest.approx(expected, abs=1e-8)


def direct_cvm(known, window):
    def share(of, at):
        return (of[:, None] <= at).mean(axis=0)

    both = np.concatenate((known, window))
    return float(((share(known, both) - share(window, both)) ** 2).sum())


def test_cvm_of_ties_is_the_sum_of_squares_over_the_rows_of_both():
    rng = np.random.default_rng(4)
    known, rows = (rng.integers(0, 5, size=(n, 2)).astype(float) for n in (30, 20))
    detector = CVM(known, np.arange(2), np.array([6]), np.full(11, np.inf), 0)
    found = statistics(detector, rows)
    constants = cvm._Window((2,), 6, 30, ranks.Ranks.of(known).own)  # noqa: SLF001 - its units
    raw = (found * constants._spread + constants._mean) / constants._weight  # noqa: SLF001
    for at in range(5, 20):
        expected = max(direct_cvm(known[:, i], rows[at - 5 : at + 1, i]) for i in range(2))
        assert raw[at] == pytest.approx(expected, abs=1e-6)


def test_simulated_cvms_are_the_detectors():
    rng = np.random.default_rng(5)
    rows = np.column_stack([rng.integers(0, 5, 40), rng.normal(size=40)]).astype(float)
    streams = np.array([rng.permutation(40)[:11] for _ in range(3)])
    found = cvm.simulate(rows, streams, (4, 6))
    for stream, each in zip(streams, found, strict=True):
        known, limits = np.delete(rows, stream, axis=0), np.full(11, np.inf)
        detector = CVM(known, np.arange(2), np.array([4, 6]), limits, 0)
        expected = statistics(detector, rows[stream])
        assert each == pytest.approx(expected, abs=1e-5, nan_ok=True)


@pytest.mark.parametrize("window", [1, 3, 7])
def test_fets_table_is_scipys_exact_test(window):
    for ones in (0, 2, 11, 20):
        risen = fet.exact(np.array([ones]), 20, window, rising=True)[0]
        either = fet.exact(np.array([ones]), 20, window, rising=False)[0]
        for found in range(window + 1):
            table = [[found, window - found], [ones, 20 - ones]]
            more = 1 - fisher_exact(table, alternative="greater").pvalue
            less = 1 - fisher_exact(table, alternative="less").pvalue
            assert risen[found] == pytest.approx(more, abs=1e-9)
            assert either[found] == pytest.approx(max(more, less), abs=1e-9)


def test_simulated_fets_are_the_detectors():
    rng = np.random.default_rng(5)
    marks = rng.random((50, 3)) < (0.1, 0.5, 0.9)
    streams = np.array([rng.permutation(50)[:13] for _ in range(3)])
    found = fet.simulate(marks, streams, (3, 7), rising=False)
    for stream, each in zip(streams, found, strict=True):
        ones = np.delete(marks, stream, axis=0).sum(axis=0)
        windows, limits = np.array([3, 7]), np.full(13, np.inf)
        detector = FET(ones, 37, np.arange(3), windows, limits, rising=False, seed=0)
        expected = statistics(detector, 1.0 * marks[stream])
        assert each == pytest.approx(expected, abs=2 * JITTER, nan_ok=True)


def test_kswins_distance_and_p_values_are_scipys():
    rng = np.random.default_rng(6)
    pairs = rng.integers(0, 12, size=(50, 2, 10)).astype(float)
    signs = np.repeat([1.0, -1.0], 10)
    steps = kswin._distance(pairs.reshape(50, 20), signs)  # noqa: SLF001 - what it is fitted by
    logs = kswin._log_p_values(10)  # noqa: SLF001 - as above
    for (a, b), step in zip(pairs, steps, strict=True):
        if step > 1:
            expected = ks_2samp(a, b)
            assert step / 10 == pytest.approx(expected.statistic)
            assert 10 ** -logs[step] == pytest.approx(expected.pvalue, rel=1e-6)
