"""How many windows pass until a drift of some size is seen, by us and by our peers as they come.

Each of eight numbers and two categories is drawn alike in all windows; one of them has changed
from the first window on, or the correlation of two has. The count goes to 10 windows. What alarms
where nothing has changed is no detection: the first line shows how many windows each takes to
a false alarm.
"""

import pytest
from peers.environment import SCRIPTS, ask

CASES = (
    ("none", 0.0),
    ("mean", 0.1),
    ("mean", 0.25),
    ("mean", 0.5),
    ("scale", 0.1),
    ("scale", 0.25),
    ("scale", 0.5),
    ("share", 0.05),
    ("share", 0.1),
    ("share", 0.2),
    ("correlation", 0.3),
    ("correlation", 0.8),
)
REFERENCE, RUNS, WINDOWS = 4_000, 3, 10
PEERS = ("ours", "alibi", "evidently")


@pytest.mark.parametrize("rows", [200, 1_000])
def test_drifts_are_seen_soon(rows, tell):
    question = {
        "cases": CASES,
        "rows": rows,
        "reference": REFERENCE,
        "runs": RUNS,
        "windows": WINDOWS,
    }
    found = {}
    for peer in PEERS:
        found |= ask(peer, SCRIPTS / f"delay_{peer}.py", question, minutes=20)
    tell(
        f"Windows of {rows:,} rows to the first alarm, mean of {RUNS} runs (of 1 for the data set "
        f"and MMD, whose reference is 1,000 rows); - none in {WINDOWS}, of those two in 3",
        f"{'':18}" + "".join(f"{name:>24}" for name in found),
        *(
            f"{case:12} {amount:5}" + "".join(f"{said(found[name][i]):>24}" for name in found)
            for i, (case, amount) in enumerate(CASES)
        ),
    )
    ours = dict(zip(CASES, found["ours"], strict=True))
    large = ("mean", 0.5), ("scale", 0.5), ("share", 0.2), ("correlation", 0.8)
    for case in large:
        assert set(ours[case]) == {1}, case


def said(first):
    """The mean number of windows, and how many runs saw nothing."""
    seen = [number for number in first if number]
    missed = len(first) - len(seen)
    if not seen:
        return "-"
    return f"{sum(seen) / len(seen):.1f}" + (f" ({missed} -)" if missed else "")
