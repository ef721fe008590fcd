"""A drift check of 100,000 rows x 50 mixed columns beside Evidently, alibi-detect and NannyML.

Every figure is the median of five calls in a process of its own, on one thread, in processor
seconds. A peer gets the same tables, in the form it likes best; what it takes to bring them into
that form is not counted, nor are imports. Where a peer fits its reference, that is not counted
either. Each runs as it comes; NannyML, whose own choice is the Jensen-Shannon distance, is shown
with our tests as well.
"""

from functools import cache
from operator import itemgetter

import numpy as np
import pytest
from peers.environment import SCRIPTS, ask

ROWS, NUMBERS, CATEGORIES = 100_000, 35, 15
TIMES = 5
ROWS_OF = (25_000, 50_000, 100_000, 200_000)
COLUMNS_OF = (10, 20, 40, 80)
FASTER = {"evidently": 200, "alibi": 10, "nannyml": 5}
"""By how much we are to be faster than each."""


def measure(who, rows=ROWS, numbers=NUMBERS, categories=CATEGORIES, **more):
    """What a program of ``peers`` measures on such tables."""
    peer = who if who in FASTER else "ours"
    table = {"rows": rows, "numbers": numbers, "categories": categories}
    return ask(peer, SCRIPTS / f"drift_{who}.py", {"table": table, "times": TIMES, **more})


taken = cache(measure)


@pytest.mark.parametrize("peer", FASTER)
def test_a_check_is_faster_than_a_peers(peer, show, tell):
    before, theirs, after = taken("ours"), taken(peer), measure("ours")
    # Neighbours are loud at times: ours is what it costs before and after.
    ours = max(before, after, key=itemgetter("seconds"))
    tell(line(peer, theirs), line("ours", ours))
    show(f"{peer} / ours", theirs["seconds"] / ours["seconds"], f"at least {FASTER[peer]}")
    assert theirs["seconds"] >= FASTER[peer] * ours["seconds"]


def test_nannyml_with_our_tests(show, tell):
    ours, theirs = taken("ours"), taken("nannyml", like_ours=True)
    tell(line("nannyml, Kolmogorov-Smirnov in bins and chi-squared", theirs))
    show("nannyml like ours / ours", theirs["seconds"] / ours["seconds"], "at least 2")
    assert theirs["seconds"] >= 2 * ours["seconds"]


def test_numbers_alone_cost_little_more_than_sorting_them(show, tell):
    ours, numpy = (taken(who, categories=0) for who in ("ours", "numpy"))
    tell(line("numpy sorts each column", numpy), line("ours, numbers alone", ours))
    show("ours / sorting once", ours["seconds"] / numpy["seconds"], "at most 3")
    assert ours["seconds"] <= 3 * numpy["seconds"]


def test_the_reference_costs_at_most_two_checks(show):
    ours = taken("ours")
    show("fitting / checking", ours["fit_seconds"] / ours["seconds"], "at most 2")
    assert ours["fit_seconds"] <= 2 * ours["seconds"]


@pytest.mark.parametrize("missing", [0.05])
def test_missing_values_do_not_cost_a_check_more_than_half_as_much_again(missing, show, tell):
    whole, holed = taken("ours"), taken("ours", missing=missing)
    tell(line("a third of the columns with 5 % missing", holed))
    show("with missing / without", holed["seconds"] / whole["seconds"], "at most 1.5")
    assert holed["seconds"] <= 1.5 * whole["seconds"]


@pytest.mark.parametrize("of", ["rows", "columns"])
def test_cost_is_linear(of, show, tell):
    sizes = ROWS_OF if of == "rows" else COLUMNS_OF
    seconds = [_of_size(of, size) for size in sizes]
    tell(
        *(
            f"{size:,} {of}: {spent * 1e3:.1f} ms"
            for size, spent in zip(sizes, seconds, strict=True)
        )
    )
    growth = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    show(f"cost grows with {of} to the power of", growth, "at most 1.2")
    assert growth <= 1.2


def _of_size(of, size):
    if of == "rows":
        return taken("ours", rows=size)["seconds"]
    numbers = size * NUMBERS // (NUMBERS + CATEGORIES)
    return taken("ours", numbers=numbers, categories=size - numbers)["seconds"]


def line(what, found):
    return f"{what}: {found['seconds'] * 1e3:.1f} ms, peak {found['peak_mb']:.0f} MB"
