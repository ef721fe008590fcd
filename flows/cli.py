"""The command line ``factory``: a table of commands, each imported only when it is called."""

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from factory.errors import FactoryError, Unavailable
from flows.arguments import TAKES
from flows.environment import join, prepare

DONE, ALARM, USER_ERROR, INTERNAL_ERROR = 0, 1, 2, 3


@dataclass(frozen=True)
class Command:
    """One row of the table: its name and module, what it does, and what it says first.

    ``founds``: it needs no home folder that is there already. ``joins``: it uses the stack that
    runs in the home.
    """

    name: str
    summary: str
    doing: str
    founds: bool = False
    joins: bool = True


COMMANDS = (
    Command("init", "write a commented config for a data file", "Reading {data} ...", founds=True),
    Command(
        "train",
        "search, fit, evaluate, register, gate, promote",
        "Training {config} ...",
        founds=True,
    ),
    Command(
        "predict",
        "score a file with the champion, logged",
        "Scoring {input} with the champion of {name} ...",
    ),
    Command(
        "check",
        "measure a window against the champion; no action",
        "Checking {window} against the champion of {name} ...",
    ),
    Command(
        "diagnose",
        "why a window looks as it does, and which features to look at; no action",
        "Diagnosing {window} with the champion of {name} ...",
    ),
    Command(
        "run",
        "the whole loop once on a window, acting",
        "Judging {window} against the champion of {name} ...",
    ),
    Command(
        "watch",
        "feed rows one by one to the champion's online detectors",
        "Watching {input} with the champion of {name} ...",
    ),
    Command(
        "backtest",
        "replay a stream in time order under several policies",
        "Replaying {stream} under {policies} ...",
        founds=True,
    ),
    Command(
        "drift",
        "compare two files; no model needed",
        "Comparing {current} with {reference} ...",
        founds=True,
    ),
    Command(
        "promote",
        "make a version the champion by hand",
        "Promoting version {version} of {name} ...",
    ),
    Command("rollback", "serve an earlier version again", "Rolling {name} back ..."),
    Command("serve", "answer requests with the champions", "Loading {names} ..."),
    Command("label", "what came true of predictions", "Keeping the labels of {path} ..."),
    Command("explain", "one logged prediction, and what is odd about its row", ""),
    Command(
        "selftest",
        "whether an image detector would see a camera that ages; no action",
        "Testing the detectors of {name} ...",
    ),
    Command("models", "list the models and their champions", ""),
    Command("status", "what serves, since when, and the last decision", ""),
    Command("history", "who replaced which champion, when and why", ""),
    Command("decisions", "every decision on a model's windows", ""),
    Command("replay", "make a decision again from what was recorded", ""),
    Command(
        "reproduce",
        "train a version again and compare predictions",
        "Making version {version} of {name} again ...",
    ),
    Command("verify", "whether every record is still what was written", ""),
    Command(
        "up", "the whole stack: servers, workers, predictor", "Starting the stack ...", founds=True
    ),
    Command("down", "end the stack of this home", "", joins=False),
    Command(
        "server", "one server of the stack, for a container", "Starting {server} ...", founds=True
    ),
    Command(
        "doctor",
        "whether this installation can work, and how to mend it",
        "Looking ...",
        founds=True,
        joins=False,
    ),
    Command(
        "deploy", "create or update the deployments of these models", "Deploying ...", founds=True
    ),
    Command("trigger", "have a worker run a deployment now", "", founds=True),
    Command(
        "worker",
        "pull runs from a queue and perform them",
        "Warming up a worker of the queue {queue} ...",
        founds=True,
    ),
    Command(
        "demo",
        "a year of flights: drift, incidents, remedies",
        "Reading the flights of 2013 and starting Prefect ...",
        founds=True,
    ),
)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors look like all others here."""

    def error(self, message: str) -> NoReturn:
        """Print one message with a fix, and exit with 2."""
        _complain(message, f"{self.prog} --help")
        sys.exit(USER_ERROR)


def parser() -> argparse.ArgumentParser:
    """Build the parser from the table of commands."""
    root = Parser(prog="factory", description="Trains models, watches them, and remedies drift.")
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(command.name, help=command.summary, description=command.summary)
        if command.name in TAKES:
            TAKES[command.name](sub)
        sub.add_argument("--home", type=Path, default=None, help="state (default: .factory)")
        sub.add_argument("--json", action="store_true", help="print one JSON object on stdout")
        sub.set_defaults(command=command)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = parser().parse_args(arguments)
    args.home = (args.home or Path(os.environ.get("FACTORY_HOME", ".factory"))).absolute()
    prepare(os.environ, args.home / "prefect")
    if args.command.doing:
        _tell(args.command.doing.format(**vars(args)))
    try:
        if not args.command.founds:
            _require(args.home)
        if args.command.joins:
            join(os.environ, args.home)
        command = importlib.import_module(f"flows.commands.{args.command.name}")
        code: int = command.run(args)
    except FactoryError as error:
        _complain(error.problem, error.hint)
        return USER_ERROR
    except KeyboardInterrupt:
        _complain("Interrupted; the champion is as it was.", "run the command again")
        return USER_ERROR
    except Exception:  # noqa: BLE001 - the last line of defence turns a defect into exit code 3
        traceback.print_exc()
        _complain("This is a defect of the factory, not of your input.", "report the lines above")
        return INTERNAL_ERROR
    return code


def _require(home: Path) -> None:
    """Refuse a mistyped home, which would else look like lost models."""
    if not home.is_dir() and "MLFLOW_TRACKING_URI" not in os.environ:
        raise Unavailable(f"There is no factory at {home}.", hint="give the right --home")


def _complain(problem: str, hint: str) -> None:
    _tell(f"error: {problem}\n  fix: {hint}")


def _tell(text: str) -> None:
    """Speak on stderr, before anything heavy is imported."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the user's message


if __name__ == "__main__":
    sys.exit(main())
