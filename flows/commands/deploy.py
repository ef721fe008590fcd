"""``factory deploy``: create, update and remove deployments as the configs say."""

from argparse import Namespace

from flows.console import print_json, print_table
from flows.deployments.deploy import deploy, told_json
from flows.deployments.server import require_server


def run(args: Namespace) -> int:
    """Make the Prefect server have what the configs call for."""
    url = require_server(args.home)
    told = deploy(args.configs, args.home)
    if args.json:
        print_json({"server": url, "deployments": told_json(told)})
        return 0
    rows = [(t.name, t.queue or "", t.schedule, t.change) for t in told]
    print_table(f"deployments on {url}", ("deployment", "queue", "schedule", ""), rows)
    return 0
