"""Tells people what was decided, through the notification blocks that the config names."""

from typing import Any, cast
from uuid import UUID

from prefect.blocks.core import Block
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger

from factory.config import ModelConfig
from factory.errors import BadConfig
from flows.report.history import remedy_words


async def blocks_of(client: PrefectClient, settings: ModelConfig) -> list[UUID]:
    """Return the ids of the notification blocks that a config names.

    Raises:
        BadConfig: the server has no such block.
    """
    found = []
    for slug in settings.deploy.notify:
        kind, name = slug.split("/")
        try:
            found.append((await client.read_block_document_by_name(name, kind)).id)
        except ObjectNotFound:
            raise BadConfig(
                f"The Prefect server has no block {slug!r} to notify {settings.name!r}.",
                hint=f"create it in Prefect's UI under Blocks, or take {slug!r} out of "
                "deploy.notify",
            ) from None
    return found


def tell(settings: ModelConfig, subject: str, body: str) -> None:
    """Send a message to everybody whom the config names; who cannot be reached is logged."""
    for slug in settings.deploy.notify:
        try:
            cast("Any", Block.load(slug)).notify(body, subject=subject)
        except Exception as error:  # noqa: BLE001 - a mail server must not undo a decision
            get_run_logger().warning("%s was not told: %s", slug, error)


def decision_message(body: dict[str, Any], run: str) -> tuple[str, str]:
    """Say a decision as subject and text: the sentence, who is to blame, where to look.

    Args:
        body: of the decision.
        run: address of the flow run.
    """
    last = body.get("then", body)
    diagnosis, notes = body["diagnosis"], last["notes"]
    subject = f"{body['model']}: {remedy_words(last['remedy'])}"
    lines = [
        f"{last['because']}.",
        f"Cause: {diagnosis['cause'].replace('_', ' ')}. {diagnosis['because']}",
    ]
    if diagnosis["culprits"]:
        lines.append(f"Look at: {', '.join(diagnosis['culprits'])}.")
    before, after = body["champion_before"], last["champion_after"]
    lines.append(
        f"Champion: version {before}, unchanged."
        if before == after
        else f"Champion: version {before} -> {after}."
    )
    if last["verdict"] is not None:
        lines.append(f"Gate: {last['verdict']['because']}")
    lines += [f"{what.replace('_', ' ').capitalize()}: {where}" for what, where in notes.items()]
    page = (body.get("evidence") or {}).get("report")
    lines += [f"What the check found: {page}"] if page else []
    lines.append(f"Run: {run}")
    return subject, "\n".join(lines)
