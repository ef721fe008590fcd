"""Another worker's part in a training's search."""

from pathlib import Path
from typing import Any

from factory.config import load_config
from flows.replayed import older_of
from flows.studies import keeping
from flows.train import given_data
from flows.workplace import open_workplace
from registry.sources import read_training
from training.train import join


def take_part(config: str, home: str, data: str | None = None) -> dict[str, Any]:
    """Run trials of the search that a training of this config began, until they are over.

    Args:
        config: the model's YAML file.
        home: the factory's home folder.
        data: read these rows in place of the config's, as that training does.

    Returns:
        The trials of the search, and how many of them this worker ran.

    Raises:
        Unavailable: no such training searches now.
    """
    settings = given_data(load_config(Path(config)), data)
    rows = read_training(settings.data)
    place = open_workplace(home)
    kept = keeping(settings, rows.version.sha256, place, join=True)
    own: list[int] = []
    trials = join(
        rows.frame,
        rows.schema,
        settings,
        clock=place.clock,
        keeping=kept,
        on_trial=lambda trial: own.append(trial.number),
        older=older_of(settings, place).frame,
    )
    return {"model": settings.name, "trials": len(trials), "own": len(own)}
