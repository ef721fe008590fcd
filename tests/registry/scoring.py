"""Scores a table in a process of its own, which the tests kill."""

from pathlib import Path

from made import make_bundle

from factory.compiled.proof import proved
from registry.home import Home
from serving.batch import Scorer, score_table


def score(home: Home, source: str, output: str) -> None:
    """Score in small pieces."""
    bundle = make_bundle("binary")
    scorer = Scorer(home, "m", 3, bundle, proved(bundle)[0].outputs)
    score_table(scorer, source, Path(output), at=1_750_000_000_000_000_000, rows=20)
