"""What MLflow shows of the ledger: aliases, and the head of a model's chain."""

from typing import Any

from registry.chain import Head
from registry.client import MlflowException, absent

CHAMPION, PREVIOUS, CHALLENGER = "champion", "previous", "challenger"
TAG = ("factory", "bundle")
"""What marks the registered models that are ours."""
HEAD = "factory.head"
"""The tag of a registered model that holds the head of its chain."""


def aliases(client: Any, name: str) -> dict[str, int]:
    """Return a registered model's aliases; none where there is no such model."""
    try:
        held = client.get_registered_model(name).aliases
    except MlflowException as error:
        if absent(error):
            return {}
        raise
    return {alias: int(version) for alias, version in held.items()}


def project(client: Any, name: str, champion: int | None, previous: int | None) -> list[str]:
    """Set a model's aliases by its ledger, and return in words what had to move.

    A challenger that became champion is none any more. An alias whose version somebody deleted
    in MLflow is taken away.
    """
    held = aliases(client, name)
    moved = []
    for alias, version in ((CHAMPION, champion), (PREVIOUS, previous)):
        if held.get(alias) == version:
            continue
        moved.append(f"{name}: {alias} was {held.get(alias)}, is {version}")
        if version is None:
            client.delete_registered_model_alias(name, alias)
            continue
        try:
            client.set_registered_model_alias(name, alias, str(version))
        except MlflowException as error:
            if not absent(error):
                raise
            client.delete_registered_model_alias(name, alias)
            moved[-1] = f"{name}: {alias} is {version}, which is gone from MLflow"
    if champion is not None and held.get(CHALLENGER) == champion:
        client.delete_registered_model_alias(name, CHALLENGER)
    return moved


def differs(held: dict[str, int], champion: int | None, previous: int | None) -> bool:
    """Whether aliases are not what the ledger says."""
    return held.get(CHAMPION) != champion or held.get(PREVIOUS) != previous


def shown_head(client: Any, name: str) -> Head | None:
    """Return the head that MLflow was shown; None where it was shown none."""
    try:
        held = client.get_registered_model(name).tags.get(HEAD)
    except MlflowException as error:
        if absent(error):
            return None
        raise
    return None if held is None else Head.of(held)


def show_head(client: Any, name: str, head: Head) -> None:
    """Show MLflow the head of a chain; a model that it does not know has none to show."""
    try:
        client.set_registered_model_tag(name, HEAD, str(head))
    except MlflowException as error:
        if not absent(error):
            raise
