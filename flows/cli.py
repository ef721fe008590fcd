"""The command line ``factory``: a table of commands, each imported only when it is called."""

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from factory.errors import FactoryError, Unavailable
from flows.environment import prepare

DONE, ALARM, USER_ERROR, INTERNAL_ERROR = 0, 1, 2, 3


@dataclass(frozen=True)
class Command:
    """One row of the table: its name and module, what it does, says first, and takes.

    ``founds``: it needs no home folder that is there already.
    """

    name: str
    summary: str
    doing: str
    arguments: Callable[[argparse.ArgumentParser], None]
    founds: bool = False


def _init(p: argparse.ArgumentParser) -> None:
    p.add_argument("data", help=".csv, .parquet, a Delta table's folder, or URL#table")
    p.add_argument("--target", required=True, help="column to predict")
    p.add_argument("--timestamp", help="column that orders the rows in time")
    p.add_argument("--id", help="column that names a row")
    p.add_argument("--name", help="the model's name (default: the file's)")
    p.add_argument("-o", "--output", type=Path, help="config to write (default: NAME.yaml)")


def _train(p: argparse.ArgumentParser) -> None:
    p.add_argument("config", help="the model's YAML file")
    p.add_argument("--data", help="read these rows in place of the config's")
    _exit_code(p, "1 when the gate fails")


def _predict(p: argparse.ArgumentParser) -> None:
    _name(p)
    p.add_argument("--input", required=True, help="rows to score")
    p.add_argument("--output", required=True, help=".csv or .parquet to write")


def _window(p: argparse.ArgumentParser) -> None:
    _name(p)
    p.add_argument("--window", required=True, help="rows to check, with labels where known")
    _exit_code(p, "1 when something alarms or the gate fails")


def _check(p: argparse.ArgumentParser) -> None:
    _window(p)
    p.add_argument("--report", type=Path, help="HTML file to write, beside the one in MLflow")
    p.add_argument("--evidently", type=Path, metavar="FOLDER", help="add Evidently's report")
    p.add_argument("--workers", type=_count, default=1, help="for a window larger than memory")
    p.add_argument("--runner", default="thread", help="thread, dask or ray: where workers are")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return count


def _diagnose(p: argparse.ArgumentParser) -> None:
    _name(p)
    p.add_argument("--window", required=True, help="rows to explain, with labels where known")
    p.add_argument("--report", type=Path, help="HTML file to write")


def _watch(p: argparse.ArgumentParser) -> None:
    _name(p)
    p.add_argument("--input", required=True, help="rows to feed, oldest first")
    _exit_code(p, "1 when a detector alarms")


def _drift(p: argparse.ArgumentParser) -> None:
    p.add_argument("reference", help="rows as they should be")
    p.add_argument("current", help="rows as they are now")
    _exit_code(p, "1 when something alarms")


def _promote(p: argparse.ArgumentParser) -> None:
    _name(p)
    p.add_argument("version", type=int)
    p.add_argument("--why", default="by hand", help="reason, for the ledger")


def _rollback(p: argparse.ArgumentParser) -> None:
    _name(p)
    p.add_argument("--to", type=int, help="version (default: the previous champion)")
    p.add_argument("--why", default="by hand", help="reason, for the ledger")


def _history(p: argparse.ArgumentParser) -> None:
    _name(p)
    p.add_argument("--at", help="what served at this moment, ISO format, UTC")


def _verify(p: argparse.ArgumentParser) -> None:
    p.add_argument("name", nargs="?", help="the model's name or config file (default: all)")
    _exit_code(p, "1 when anything was edited")


def _replay(p: argparse.ArgumentParser) -> None:
    p.add_argument("decision", help="its id, as factory decisions prints it")
    p.add_argument("--deep", action="store_true", help="check, diagnose and rehearse again as well")
    _exit_code(p, "1 when anything came out another")


def _reproduce(p: argparse.ArgumentParser) -> None:
    _name(p)
    p.add_argument("version", type=int)
    _exit_code(p, "1 when a prediction differs")


def _name(p: argparse.ArgumentParser) -> None:
    p.add_argument("name", help="the model's registered name, or its config file")


def _demo(p: argparse.ArgumentParser) -> None:
    p.add_argument("--report", type=Path, help="HTML file (default: under the home folder)")
    p.add_argument("--trials", type=int, default=8, help="models tried in the first training")


def _exit_code(p: argparse.ArgumentParser, when: str) -> None:
    p.add_argument("--exit-code", action="store_true", help=f"exit with {when}")


def _nothing(_: argparse.ArgumentParser) -> None:
    """Take no arguments."""


COMMANDS = (
    Command(
        "init", "write a commented config for a data file", "Reading {data} ...", _init, founds=True
    ),
    Command(
        "train",
        "search, fit, evaluate, register, gate, promote",
        "Training {config} ...",
        _train,
        founds=True,
    ),
    Command(
        "predict",
        "score a file with the champion, logged",
        "Scoring {input} with the champion of {name} ...",
        _predict,
    ),
    Command(
        "check",
        "measure a window against the champion; no action",
        "Checking {window} against the champion of {name} ...",
        _check,
    ),
    Command(
        "diagnose",
        "why a window looks as it does, and which features to look at; no action",
        "Diagnosing {window} with the champion of {name} ...",
        _diagnose,
    ),
    Command(
        "run",
        "the whole loop once on a window, acting",
        "Judging {window} against the champion of {name} ...",
        _window,
    ),
    Command(
        "watch",
        "feed rows one by one to the champion's online detectors",
        "Watching {input} with the champion of {name} ...",
        _watch,
    ),
    Command(
        "drift",
        "compare two files; no model needed",
        "Comparing {current} with {reference} ...",
        _drift,
        founds=True,
    ),
    Command(
        "promote",
        "make a version the champion by hand",
        "Promoting version {version} of {name} ...",
        _promote,
    ),
    Command("rollback", "serve an earlier version again", "Rolling {name} back ...", _rollback),
    Command("models", "list the models and their champions", "", _nothing),
    Command("status", "what serves, since when, and the last decision", "", _nothing),
    Command("history", "who replaced which champion, when and why", "", _history),
    Command("decisions", "every decision on a model's windows", "", _name),
    Command("replay", "make a decision again from what was recorded", "", _replay),
    Command(
        "reproduce",
        "train a version again and compare predictions",
        "Making version {version} of {name} again ...",
        _reproduce,
    ),
    Command("verify", "whether every record is still what was written", "", _verify),
    Command(
        "demo",
        "a year of flights: drift, incidents, remedies",
        "Reading the flights of 2013 and starting Prefect ...",
        _demo,
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
        command.arguments(sub)
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
