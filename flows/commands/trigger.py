"""``factory trigger``: have a worker run a deployment now."""

import json
from argparse import Namespace
from typing import Any, cast

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from factory.errors import BadConfig, Unavailable
from flows.console import answers, print_json
from flows.deployments.server import require_server
from flows.workplace import resolve

POLL_SECONDS = 0.5


def run(args: Namespace) -> int:
    """Ask for a run, and wait for its end where told so."""
    url = require_server(args.home)
    name, _ = resolve(args.name)
    made = ask(f"{args.flow}/{name}", parameters(args.set), wait=args.wait)
    state = made.state
    told = {
        "deployment": f"{args.flow}/{name}",
        "run": str(made.id),
        "name": made.name,
        "state": state and state.name,
        "message": state and state.message,
        "link": f"{url.removesuffix('/api')}/runs/flow-run/{made.id}",
    }
    if args.json:
        print_json(told)
    else:
        message = f": {told['message']}" if told["message"] else ""
        answers.print(f"[bold]{told['deployment']}[/bold] {told['state']}{message}")
        answers.print(f"run  {told['link']}", soft_wrap=True)
    ended_badly = state is not None and state.is_final() and not state.is_completed()
    return 1 if args.exit_code and ended_badly else 0


def ask(deployment: str, told: dict[str, Any], *, wait: bool) -> FlowRun:
    """Create a flow run of a deployment; wait until it is over, or do not.

    Raises:
        BadConfig: a parameter is none of the deployment's, or is of another type.
        Unavailable: there is no such deployment.
    """
    try:
        made = run_deployment(
            deployment,
            parameters=told,
            timeout=None if wait else 0,
            poll_interval=POLL_SECONDS,
            as_subflow=False,
        )
    except ObjectNotFound:
        raise Unavailable(
            f"There is no deployment {deployment!r}.", hint=f"one of: {', '.join(_known())}"
        ) from None
    except PrefectHTTPStatusError as error:
        raise BadConfig(
            f"{deployment} refuses these parameters: {error.response.text}",
            hint="mend what follows --set",
        ) from None
    return cast("FlowRun", made)


def parameters(told: list[str]) -> dict[str, Any]:
    """Read ``key=value`` pairs; a value is JSON where it can be read as such, else text.

    >>> parameters(["window=rows.csv", "train_rows=100"])
    {'window': 'rows.csv', 'train_rows': 100}
    """
    found = {}
    for pair in told:
        key, equals, value = pair.partition("=")
        if not equals:
            raise BadConfig(f"--set {pair} has no =.", hint="--set key=value")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def _known() -> list[str]:
    with get_client(sync_client=True) as client:
        flows = {flow.id: flow.name for flow in client.read_flows()}
        return sorted(f"{flows[d.flow_id]}/{d.name}" for d in client.read_deployments()) or [
            "none: factory deploy CONFIG"
        ]
