"""MLflow's aliases as what the ledger says."""

from typing import Any

from registry.client import MlflowException, absent

CHAMPION, PREVIOUS, CHALLENGER = "champion", "previous", "challenger"
TAG = ("factory", "bundle")
"""What marks the registered models that are ours."""


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
