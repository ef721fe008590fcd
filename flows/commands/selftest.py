"""``factory selftest``: would the image detector of a deployed model see a camera that ages?"""

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from factory.errors import BadConfig
from factory.selftest import SelfTest, selftest
from flows.console import answers, print_json, print_table
from flows.workplace import config_of, open_workplace, resolve


def run(args: Namespace) -> int:
    """Climb the corruption ladder with the champion's own reference."""
    place = open_workplace(args.home)
    name, config = resolve(args.name)
    version = place.models.champion(name)
    bundle = place.models.load(name, version)
    config = config or config_of(bundle.config, name)
    images = [column for column in bundle.schema.features if column.kind == "image"]
    if not images:
        raise BadConfig(f"{name!r} reads no image.", hint="name one under data.image")
    tests = [
        selftest(
            bundle, column, config.check, rows=args.rows, windows=args.windows, seed=config.seed
        )
        for column in images
    ]
    passed = all(one.passed for one in tests)
    if args.json:
        told = [_told(one) for one in tests]
        print_json({"model": name, "version": version, "passed": passed, "images": told})
    else:
        for one in tests:
            _tell(name, one)
    return 1 if args.exit_code and not passed else 0


def _told(one: SelfTest) -> dict[str, Any]:
    clean, noise = one.confidence or (None, None)
    return {**asdict(one), "passed": one.passed, "confidence": {"clean": clean, "noise": noise}}


def _tell(name: str, one: SelfTest) -> None:
    state = "[green]passed[/green]" if one.passed else "[red]not passed[/red]"
    answers.print(f"{name}: {one.feature} by {one.detector}, windows of {one.rows} rows: {state}")
    rows = [
        (r.corruption, f"{r.severity}", f"{r.alarms} of {r.windows}", f"{r.p_value:.2g}",
         f"{r.effect:.2f}")
        for r in (one.clean, *one.rungs)
    ]  # fmt: skip
    print_table("ladder", ("corruption", "severity", "alarms", "p-value", "effect"), rows)
    if one.confidence is not None:
        clean, noise = one.confidence
        answers.print(f"mean confidence {clean:.2f} on its reference, {noise:.2f} on pure noise")
