"""What each command takes beside ``--home`` and ``--json``."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path


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
    _log_window(p)
    _exit_code(p, "1 when something alarms or the gate fails")


def _log_window(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--window",
        default="log",
        help="rows, with labels where known (default: the newest window of the inference log)",
    )


def _check(p: argparse.ArgumentParser) -> None:
    _window(p)
    p.add_argument("--report", type=Path, help="HTML file to write, beside the one in MLflow")
    p.add_argument("--evidently", type=Path, metavar="FOLDER", help="add Evidently's report")
    p.add_argument("--workers", type=_count, help="in place of the config's deploy.workers")
    p.add_argument("--runner", help="in place of the config's deploy.runner")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return count


def _diagnose(p: argparse.ArgumentParser) -> None:
    _name(p)
    _log_window(p)
    p.add_argument("--report", type=Path, help="HTML file to write")


def _backtest(p: argparse.ArgumentParser) -> None:
    p.add_argument("config", help="the model's YAML file")
    p.add_argument("--stream", required=True, help="rows of many windows, with their labels")
    p.add_argument(
        "--policies",
        default="never,always,periodic:4,psi:0.2,kofn,factory",
        help="by name, with commas between (default: %(default)s; also adwin and oracle)",
    )
    p.add_argument(
        "--window-rows", metavar="N", type=_count, help="rows of a window (default: 20 windows)"
    )
    p.add_argument(
        "--train-rows",
        metavar="N",
        type=_count,
        help="first rows, to train on (default: a quarter)",
    )
    p.add_argument(
        "--label-delay", metavar="N", type=_delay, default=0, help="windows until labels are known"
    )
    p.add_argument(
        "--processes", metavar="N", type=_count, help="policies at a time (default: the processors)"
    )
    p.add_argument("--out", type=Path, metavar="DIR", help="folder for backtest.json and .html")


def _delay(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not 0 or more")
    return int(text)


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


def _label(p: argparse.ArgumentParser) -> None:
    _name(p)
    p.add_argument("path", nargs="?", help="labels by prediction_id, or by the rows' own id")
    p.add_argument(
        "--waiting", metavar="FILE", help="write the rows that the model leaves to a person here"
    )


def _explain(p: argparse.ArgumentParser) -> None:
    _name(p)
    p.add_argument("id", help="of a prediction, or the row's own")


def _selftest(p: argparse.ArgumentParser) -> None:
    _name(p)
    p.add_argument("--rows", type=_count, default=500, help="of a window (default: 500)")
    p.add_argument("--windows", type=_count, default=3, help="for each rung (default: 3)")
    _exit_code(p, "1 when a clean window alarms, or a broken one from severity 2 on does not")


def _serve(p: argparse.ArgumentParser) -> None:
    p.add_argument("names", nargs="+", help="registered names, or config files")
    p.add_argument("--port", type=int, default=8000, help="0 takes a free one (default: 8000)")
    p.add_argument("--host", default="127.0.0.1", help="address to listen on")
    p.add_argument("--wait", action="store_true", help="start without the champions yet to come")


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


def _up(p: argparse.ArgumentParser) -> None:
    p.add_argument("configs", nargs="*", metavar="CONFIG", help="models' YAML files, to deploy")
    p.add_argument("--detach", action="store_true", help="return when it is up")


def _server(p: argparse.ArgumentParser) -> None:
    p.add_argument("server", choices=("prefect", "mlflow"))
    p.add_argument("--host", default="127.0.0.1", help="address to listen on")
    p.add_argument("--port", type=_count, required=True)


def _doctor(p: argparse.ArgumentParser) -> None:
    _exit_code(p, "1 when anything may fail")


def _demo(p: argparse.ArgumentParser) -> None:
    p.add_argument("--report", type=Path, help="HTML file (default: under the home folder)")
    p.add_argument("--trials", type=int, default=8, help="models tried in the first training")


def _deploy(p: argparse.ArgumentParser) -> None:
    p.add_argument("configs", nargs="+", type=Path, metavar="CONFIG", help="a model's YAML file")


def _trigger(p: argparse.ArgumentParser) -> None:
    p.add_argument("flow", help="train, monitor, predict or backtest")
    _name(p)
    p.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the run"
    )
    p.add_argument("--wait", action="store_true", help="until the run is over")
    _exit_code(p, "1 when the run did not complete")


def _worker(p: argparse.ArgumentParser) -> None:
    p.add_argument("--queue", default="default", choices=("default", "gpu"), help="to pull from")
    p.add_argument("--limit", metavar="N", type=_count, help="runs at a time (default: what fits)")
    p.add_argument("--name", dest="worker_name", help="as the Prefect UI shows it")


def _exit_code(p: argparse.ArgumentParser, when: str) -> None:
    p.add_argument("--exit-code", action="store_true", help=f"exit with {when}")


TAKES: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "init": _init,
    "train": _train,
    "predict": _predict,
    "check": _check,
    "diagnose": _diagnose,
    "run": _window,
    "watch": _watch,
    "backtest": _backtest,
    "drift": _drift,
    "promote": _promote,
    "rollback": _rollback,
    "history": _history,
    "decisions": _name,
    "replay": _replay,
    "reproduce": _reproduce,
    "serve": _serve,
    "label": _label,
    "explain": _explain,
    "selftest": _selftest,
    "verify": _verify,
    "up": _up,
    "server": _server,
    "doctor": _doctor,
    "deploy": _deploy,
    "trigger": _trigger,
    "worker": _worker,
    "demo": _demo,
}
"""Commands that take anything, by name."""
