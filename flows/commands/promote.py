"""``factory promote``: make a version the champion by hand."""

import getpass
from argparse import Namespace

from flows.console import answers, print_json
from flows.replayed import forget_learnt
from flows.workplace import now, open_workplace, resolve


def run(args: Namespace) -> int:
    """Promote a version after it was loaded and has predicted."""
    place = open_workplace(args.home)
    name, _ = resolve(args.name)
    place.models.verify(name, args.version)
    before = place.ledger.champion(name)
    place.models.promote(
        name, args.version, expected=before, who=getpass.getuser(), why=args.why, at=now()
    )
    forget_learnt(name, args.version, place)
    told = {"model": name, "champion_before": before, "champion_after": args.version}
    if args.json:
        print_json(told)
    else:
        answers.print(f"{name}: version {args.version} is the champion (before: {before})")
    return 0
