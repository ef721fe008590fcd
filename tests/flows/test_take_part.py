"""Workers that take part in a training's search, and a training that takes one up."""

import shutil

import pytest
from small import command, world, write_config

from factory.config import load_config
from factory.errors import Unavailable
from flows.search import take_part
from flows.studies import keeping
from flows.workplace import open_workplace
from registry.sources import read_training
from training.train import join

TRIALS = 6


@pytest.fixture
def searching(tmp_path, migrated):
    """A model whose search stands at two of six trials, as if its training had died."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(migrated, home / "mlflow.db")
    world(150, seed=0).to_csv(tmp_path / "train.csv", index=False)
    search = {"families": ["linear"], "trials": TRIALS, "folds": 2, "pruner": "none"}
    config = write_config(tmp_path, search=search)
    settings = load_config(config)
    place = open_workplace(home)
    rows = read_training(settings.data)
    few = settings.model_copy(update={"search": settings.search.model_copy(update={"trials": 2})})
    kept = keeping(few, rows.version.sha256, place)
    join(rows.frame, rows.schema, few, clock=place.clock, keeping=kept)
    return config, home


def test_a_worker_takes_part_and_the_training_ends_it(searching, capsys):
    config, home = searching
    assert take_part(str(config), str(home)) == {"model": "small", "trials": TRIALS, "own": 4}
    assert take_part(str(config), str(home))["own"] == 0
    code, told = command("train", str(config), home=home, capsys=capsys)
    assert code == 0
    assert told["trials"] == TRIALS
    assert not list((home / "studies").iterdir())
    with pytest.raises(Unavailable, match="There is no search"):
        take_part(str(config), str(home))
