"""Does the loop choose the remedy that turns out best? Incidents on real tables."""

from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from incidents import INCIDENTS
from judge import judge

SEEDS = (0, 1, 2)
TUNED = ("flights: air time", "census: employed", "weather: wind", "digits")
"""Looked at while rules were written."""
APART = ("flights: late", "census: age", "housing: dear", "housing: income")
"""Never looked at before."""


def _judged(cell):
    return judge(*cell)


def judged(tables):
    cells = [(t, i, s) for t in tables for i in INCIDENTS for s in SEEDS]
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as pool:
        return [found for found in pool.map(_judged, cells) if found is not None]


def table_of(found):
    """A line an incident: share of right decisions, regrets, and every wrong one."""
    lines = ["incident, right decisions, our regret and that of simple policies; wrong ones below"]
    by = defaultdict(list)
    for one in found:
        by[one.incident].append(one)
    for incident, ones in by.items():
        mean = {name: np.mean([o.others[name] for o in ones]) for name in ones[0].others}
        lines.append(
            f"{incident:22} {sum(o.right for o in ones):2}/{len(ones):2}  "
            f"{np.mean([o.regret for o in ones]):9.2%}"
            f"  {'  '.join(f'{name} {value:.2%}' for name, value in mean.items())}"
        )
        lines += [
            f"    {o.table} {o.seed}: {o.cause}; {o.chosen}; best {o.best}, {o.regret:.1%} better"
            for o in ones
            if not o.right
        ]
    return lines


def figures(found):
    right = np.mean([one.right for one in found])
    regret = np.mean([one.regret for one in found])
    simple = {n: np.mean([one.others[n] for one in found]) for n in found[0].others}
    quiet = sum(one.chosen != "keeping the champion" for one in found if one.incident == "no drift")
    return right, regret, simple, quiet


@pytest.mark.parametrize("tables", [TUNED, APART], ids=["tuned", "apart"])
def test_the_best_remedy_is_chosen(tables, tell):
    found = judged(tables)
    right, regret, simple, quiet = figures(found)
    tell(
        *table_of(found),
        f"right {right:.1%} of {len(found)}; regret {regret:.2%}, of simple policies "
        + ", ".join(f"{name} {value:.2%}" for name, value in simple.items()),
        f"changes on streams without drift: {quiet}",
        f"models fitted per decision: {np.mean([one.fits for one in found]):.1f}",
    )
    assert right >= 0.9
    assert quiet == 0
    assert regret <= 0.5 * min(simple.values())
