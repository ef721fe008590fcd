"""Our statistics beside alibi-detect's and Evidently's, on the same data."""

import numpy as np
import pytest
from peers.agree import samples
from peers.environment import SCRIPTS, ask

from factory.detectors.features import detector
from factory.detectors.mmd import discrepancies
from factory.profile import Categories, Numbers

SEED = 0


def ours():
    """Our findings of the samples, and our discrepancy of their rows."""
    given = samples(SEED)
    numbers = [Numbers.of(side) for side in given["numbers"]]
    names = np.array([*"abcd"], dtype=object)
    codes = [Categories.of(names[side]) for side in given["codes"]]
    found = {
        f"{column} {name}": detector(name)(*sides)
        for column, sides, used in (
            ("n", numbers, ("ks", "cvm", "wasserstein", "psi", "js", "hellinger")),
            ("c", codes, ("chi2", "psi", "js", "tv", "hellinger")),
        )
        for name in used
    }
    rows = given["rows"]
    sides = np.repeat([1.0, 0.0], [len(side) for side in rows])[:, None]
    squared, _ = discrepancies(np.concatenate(rows), sides, given["width"])
    return found, float(squared[0])


def test_alibi_detects_statistics_and_p_values(tell):
    theirs, (found, squared) = ask("alibi", SCRIPTS / "agree_alibi.py", SEED), ours()
    for name, column in (("ks", "n"), ("cvm", "n"), ("chi2", "c")):
        one = found[f"{column} {name}"]
        tell(f"{name}: {one.statistic:.9f} p {one.p_value:.9f}; alibi-detect {theirs[name]}")
        # It keeps both in 32 bits.
        assert theirs[name] == pytest.approx([one.statistic, one.p_value], rel=1e-6)
    tell(f"mmd: {squared:.12f}; alibi-detect {theirs['mmd'][0]:.12f}")
    assert theirs["mmd"][0] == pytest.approx(squared, rel=1e-6)


def test_evidentlys_scores(tell):
    theirs, (found, _) = ask("evidently", SCRIPTS / "agree_evidently.py", SEED), ours()
    pairs = {
        # Its p-value is the exact one for so few rows.
        "n ks": (found["n ks"].p_value, 0.01),
        "n cramer_von_mises": (found["n cvm"].p_value, 1e-6),
        # It is divided by the reference's standard deviation.
        "n wasserstein": (found["n wasserstein"].statistic / theirs["spread"], 1e-9),
        "c jensenshannon": (found["c js"].statistic, 1e-9),
        "c hellinger": (found["c hellinger"].statistic, 1e-9),
        # We add half a row to every category.
        "c psi": (found["c psi"].statistic, 0.05),
    }
    for name, (mine, within) in pairs.items():
        tell(f"{name}: {mine:.9f}; Evidently {theirs[name]:.9f}")
        assert theirs[name] == pytest.approx(mine, rel=within), name
    # Numbers are cut into other cells, so that only their size can be compared.
    for name, mine in (("psi", "psi"), ("jensenshannon", "js"), ("hellinger", "hellinger")):
        tell(f"n {name}: {found[f'n {mine}'].statistic:.4f}; Evidently {theirs[f'n {name}']:.4f}")
        assert theirs[f"n {name}"] == pytest.approx(found[f"n {mine}"].statistic, rel=0.6)
    # Its chi-squared takes the reference's shares for known; its TVD is a permutation's p-value.
    tell(
        f"c chi2: p {found['c chi2'].p_value:.3g}; Evidently {theirs['c chisquare']:.3g}",
        f"c tv: p {found['c tv'].p_value:.3g}; Evidently {theirs['c TVD']:.3g}",
    )
    assert theirs["c chisquare"] < found["c chi2"].p_value
