"""The Prefect server that deployments live on."""

import os
from pathlib import Path

from prefect.client.orchestration import get_client

from factory.errors import Unavailable


def require_server(home: Path) -> str:
    """Return the address of the Prefect server in use.

    Raises:
        Unavailable: there is none, or it does not answer.
    """
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        raise Unavailable(
            f"No Prefect server is known for {home}.",
            hint="factory up, or set PREFECT_API_URL to the server's address",
        )
    with get_client(sync_client=True) as client:
        if client.api_healthcheck() is not None:
            raise Unavailable(
                f"PREFECT_API_URL is {url}, and nothing answers there.",
                hint="start that server, or unset PREFECT_API_URL",
            )
    return url
