"""Wires one home folder into what flows work with: stores, ledger, clock."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from factory.config import NAME, ModelConfig, load_config, parse_config
from factory.errors import UnknownModel
from registry.addresses import without_password
from registry.home import Home, open_home
from registry.ledger import Ledger
from registry.models import Models


def now() -> str:
    """Return the present moment in UTC, ISO format with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True)
class Workplace:
    """What every flow needs: the home folder, the ledger, the models, a clock in seconds."""

    home: Home
    ledger: Ledger
    models: Models
    clock: Callable[[], float] = field(default=perf_counter)


def open_workplace(home: str | Path) -> Workplace:
    """Open a home folder, and make what MLflow shows agree with the ledger."""
    place = open_unmended(home)
    place.models.repair()
    return place


def open_unmended(home: str | Path) -> Workplace:
    """Open a home folder and change nothing in it."""
    place = open_home(Path(home), os.environ)
    ledger = Ledger(place.ledger_url)
    return Workplace(place, ledger, Models(place, ledger))


def resolve(name: str) -> tuple[str, ModelConfig | None]:
    """Return a model's name and, where ``name`` is a config file, its configuration.

    Raises:
        BadConfig: the file cannot be used.
        UnknownModel: it can be no model's name; files are called by names.
    """
    if name.endswith((".yaml", ".yml")):
        config = load_config(Path(name))
        return config.name, config
    if not NAME.fullmatch(name):
        raise UnknownModel(
            f"{name!r} can be no model's name.", hint="factory models lists those there are"
        )
    return name, None


def config_of(bundle_config: object, name: str) -> ModelConfig:
    """Return the configuration that a bundle was made under."""
    if not isinstance(bundle_config, dict):
        raise TypeError(f"the bundle of {name} carries no configuration")
    return parse_config(bundle_config, source=name)


def without_secret(settings: ModelConfig) -> ModelConfig:
    """Leave out the passwords of databases' addresses: a bundle carries its configuration."""
    data = {"path": without_password(settings.data.path)}
    search = {"study": without_password(settings.search.study)}
    return settings.model_copy(
        update={
            "data": settings.data.model_copy(update=data),
            "search": settings.search.model_copy(update=search),
        }
    )
