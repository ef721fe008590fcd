"""Programs that promote, run by the tests as processes of their own."""

import numpy as np

from factory.errors import Conflict
from registry.home import Home
from registry.ledger import Ledger
from registry.models import Models

VERSIONS = (1, 2, 3, 4)


def promote_some(home: Home, name: str, seed: int, count: int) -> None:
    """Promote ``count`` times, each time another version than the champion of the moment."""
    models = Models(home, Ledger(home.ledger_url))
    draw = np.random.default_rng(seed)
    done = 0
    while done < count:
        champion = models.ledger.champion(name)
        target = int(draw.choice([version for version in VERSIONS if version != champion]))
        try:
            at = f"2025-01-01T00:00:{done:02}"
            done += models.promote(
                name, target, expected=champion, who=str(seed), why="race", at=at
            )
        except Conflict:
            continue


def promote_until_killed(home: Home, name: str, started: object) -> None:
    """Promote one version after the other; tell when the first promotion is done."""
    models = Models(home, Ledger(home.ledger_url))
    while True:
        champion = models.ledger.champion(name)
        target = VERSIONS[VERSIONS.index(champion) - 1]
        models.promote(name, target, expected=champion, who="killed", why="kill", at="now")
        started.set()
