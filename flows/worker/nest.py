"""The warm interpreter: everything a run imports is imported once, and each run is a fork of it.

It runs as ``python -m flows.worker.nest``; its standard input is one end of a socket pair, over
which lines of JSON go: ``{"run", "environ", "folder"}`` asks for a run, ``{"run", "pid"}`` and
``{"run", "status"}`` tell that it began and how it ended. It has one thread and no connection of
any kind, so that a fork of it is sound, and it ends with the worker, as its runs end with it.
"""

import atexit
import ctypes
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

WARM = (
    "flows.deployments.jobs",
    "prefect.flow_engine",
    "prefect.engine",
    "prefect.events.worker",
    "mlflow.sklearn",
    "sklearn.ensemble",
    "skops.io",
    "optuna",
)
LARGEST = 1 << 20
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """Import, say so, and serve the worker until it is gone."""
    _end_with_parent()
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)
    worker = socket.socket(fileno=0)
    for name in WARM:
        import_module(name)
    # What is there before the first fork is never looked at again, so that its pages stay shared.
    gc.collect()
    gc.freeze()
    worker.sendall(b'{"ready": true}\n')
    Nest(worker).serve()


class Nest:
    """Forks runs for the worker at the other end of a socket, and tells how they ended."""

    def __init__(self, worker: socket.socket) -> None:
        self._worker = worker
        self._selector = selectors.DefaultSelector()
        self._selector.register(worker, selectors.EVENT_READ)
        self._runs: dict[int, tuple[str, int]] = {}
        self._rest = b""

    def serve(self) -> None:
        """Work until the worker closes its end; then end all runs."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._worker:
                    if not self._hear():
                        self._end_all()
                        return
                else:
                    self._reap(int(key.fd))

    def _hear(self) -> bool:
        received = self._worker.recv(LARGEST)
        *lines, self._rest = (self._rest + received).split(b"\n")
        for line in lines:
            self._begin(json.loads(line))
        return bool(received)

    def _begin(self, asked: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            self._selector.close()
            self._worker.close()
            _run(asked)
        descriptor = os.pidfd_open(pid)
        self._selector.register(descriptor, selectors.EVENT_READ)
        self._runs[descriptor] = asked["run"], pid
        self._tell({"run": asked["run"], "pid": pid})

    def _reap(self, descriptor: int) -> None:
        run, pid = self._runs.pop(descriptor)
        self._selector.unregister(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        self._tell({"run": run, "status": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, Any]) -> None:
        self._worker.sendall(json.dumps(message).encode() + b"\n")

    def _end_all(self) -> None:
        for _, pid in self._runs.values():
            os.kill(pid, signal.SIGKILL)


def _run(asked: dict[str, Any]) -> NoReturn:
    """Be the process of one flow run: what ``python -m prefect.engine`` is, but warm."""
    code = 1
    try:
        _end_with_parent()
        for number in ENDS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(asked["environ"])
        os.chdir(asked["folder"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        code = _engine()
    except BaseException:  # noqa: BLE001 - a fork must never return into its parent's code
        import traceback  # noqa: PLC0415

        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001 - os._exit would skip them
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _engine() -> int:
    import prefect.context as contexts  # noqa: PLC0415
    from prefect.settings import Settings  # noqa: PLC0415

    known = contexts.get_settings_context()
    sys.modules.pop("prefect.engine", None)
    sys.argv = ["prefect.engine"]
    with contexts.SettingsContext(profile=known.profile, settings=Settings()):
        try:
            runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            return _status(ended.code)
        finally:
            from flows.steps import drain  # noqa: PLC0415

            drain()
    return 0


def _status(code: object) -> int:
    return code if isinstance(code, int) else int(code is not None)


def _end_with_parent() -> None:
    """Be killed when the parent dies, in whatever way: who runs a job twice at once harms it."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
