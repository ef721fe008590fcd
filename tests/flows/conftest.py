import os
import shutil

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from small import world, write_config

from flows.cli import main
from flows.environment import prefect_server, prepare
from flows.steps import drain


@pytest.fixture(scope="session", autouse=True)
def prefect_api(tmp_path_factory):
    """One Prefect server for all commands that the tests run in this process."""
    folder = tmp_path_factory.mktemp("prefect")
    prepare(os.environ, folder)
    with prefect_server(folder) as ready:
        ready()
        # Prefect read its settings when a test module imported it, before there was a server.
        with temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}):
            yield
            drain()


@pytest.fixture(scope="session")
def trained(tmp_path_factory, prefect_api):
    """A folder with the small world's data, config and home, trained once; copy it, do not act."""
    folder = tmp_path_factory.mktemp("small")
    world(1200, seed=1).to_csv(folder / "train.csv", index=False)
    config = write_config(folder)
    assert main(["train", str(config), "--home", str(folder / "home"), "--json"]) == 0
    return folder


@pytest.fixture
def shop(trained, tmp_path):
    """A copy of the trained folder to act in."""
    folder = tmp_path / "shop"
    shutil.copytree(trained, folder)
    return folder


@pytest.fixture
def window(tmp_path):
    """Write rows to a file and return its name."""

    def write(frame, name="window.csv"):
        frame.to_csv(tmp_path / name, index=False)
        return str(tmp_path / name)

    return write
