"""``factory rollback``: serve an earlier version again."""

import getpass
from argparse import Namespace

from flows.console import answers, print_json
from flows.workplace import now, open_workplace, resolve


def run(args: Namespace) -> int:
    """Move the alias back, after the target was loaded and has predicted."""
    place = open_workplace(args.home)
    name, _ = resolve(args.name)
    before = place.models.champion(name)
    after = place.models.roll_back(
        name, args.to, expected=before, who=getpass.getuser(), why=args.why, at=now()
    )
    told = {"model": name, "champion_before": before, "champion_after": after}
    if args.json:
        print_json(told)
    else:
        answers.print(f"{name}: version {after} serves again (before: {before})")
    return 0
