"""A PostgreSQL server of our own, that tests start, kill and start again."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path


class Postgres:
    """A server on a loopback port, its superuser ``factory``, ending with this process.

    Args:
        folder: for its data and its log; it must be empty.
        options: of the server.
    """

    def __init__(self, folder: Path, **options: str) -> None:
        self._folder = folder
        self._programs = _programs()
        self._user = _unprivileged(folder)
        self._options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder),
                         "fsync": "off", **options}  # fmt: skip
        self._port = _free_port()
        self.url = f"postgresql://factory@127.0.0.1:{self._port}/postgres"
        subprocess.run(
            [self._programs / "initdb", "-D", folder / "data", "-U", "factory", "-A", "trust",
             "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, **self._user,
        )  # fmt: skip
        self.start()

    @property
    def pid(self) -> int:
        """Of the postmaster, the last that was started."""
        return self.server.pid

    @property
    def log(self) -> str:
        """What it said."""
        return (self._folder / "log").read_text(errors="replace")

    def start(self) -> None:
        """Start it, also on the data of one that was killed; do not wait."""
        flags = [part for key, value in self._options.items() for part in ("-c", f"{key}={value}")]
        with (self._folder / "log").open("ab") as log:
            self.server = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", "-p", str(self._port),
                 *flags],
                stdout=log, stderr=log, cwd=self._folder, **self._user,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - it only calls prctl
            )  # fmt: skip

    def answers(self) -> bool:
        """Whether it takes connections."""
        asked = [self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(asked, check=False).returncode == 0

    def wait(self) -> None:
        """Wait until it takes connections."""
        for _ in range(600):
            if self.server.poll() is not None:
                break
            if self.answers():
                return
            time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL did not start:\n{self.log}")

    def stop(self) -> None:
        """End it."""
        self.server.send_signal(signal.SIGINT)
        self.server.wait(timeout=30)


def _programs() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if not folders:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return folders[-1]


def _unprivileged(folder: Path) -> dict[str, object]:
    """PostgreSQL refuses to run as root: own the folder, and run, as somebody else then."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGINT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
