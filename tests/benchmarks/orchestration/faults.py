"""Faults: living processes of a running factory killed one after the other, and their recovery."""

import random
import signal
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import psutil
from postgres import Postgres
from stack import Stack

PARTS = ("worker", "trainer", "prefect", "mlflow", "predictor")
RUNS = {"run": "worker", "training": "trainer"}
"""Processes of runs, and the part whose grandchildren they are."""
DATABASE = ("postmaster", "backend")


@dataclass
class Fault:
    """A process that was killed; moments are seconds since the epoch."""

    victim: str
    pid: int
    at: float
    mended: float | None = None


class Faults:
    """Kills what a shuffled plan says, in which every kind of victim has the same share.

    Args:
        stack: whose processes.
        postgres: the server that the stack stands on, None for SQLite.
        count: how many faults.
        rng: of the order and of the choice between processes.
    """

    def __init__(
        self, stack: Stack, postgres: Postgres | None, count: int, rng: random.Random
    ) -> None:
        kinds = (*PARTS, *RUNS, *(DATABASE if postgres else ()))
        plan = [kinds[number % len(kinds)] for number in range(count)]
        rng.shuffle(plan)
        self._stack, self._postgres, self._rng, self._plan = stack, postgres, rng, deque(plan)
        self.done: list[Fault] = []

    @property
    def over(self) -> bool:
        """Whether all were done, and all is mended."""
        return not self._plan and all(fault.mended for fault in self.done)

    @property
    def planned(self) -> int:
        """How many are to come."""
        return len(self._plan)

    def strike(self) -> bool:
        """Kill the first of the plan that lives; return whether one did."""
        for victim in list(dict.fromkeys(self._plan)):
            living = self._living(victim)
            if not living:
                continue
            process = self._rng.choice(living)
            at = time.time()
            process.send_signal(signal.SIGKILL)
            self._plan.remove(victim)
            self.done.append(Fault(victim, process.pid, at))
            return True
        return False

    def look(self) -> None:
        """Start the database again where it died, and see what is mended."""
        if self._postgres is not None and self._postgres.server.poll() is not None:
            self._postgres.start()
        for fault in self.done:
            if fault.mended is None and self._is_mended(fault):
                fault.mended = time.time()

    def _living(self, victim: str) -> list[psutil.Process]:
        try:
            return [p for p in self._found(victim) if p.status() != psutil.STATUS_ZOMBIE]
        except psutil.NoSuchProcess:
            return []

    def _found(self, victim: str) -> Sequence[psutil.Process]:
        if victim in DATABASE:
            assert self._postgres is not None
            if not self._postgres.answers():
                return []
            master = psutil.Process(self._postgres.pid)
            clients = [p for p in master.children() if "127.0.0.1(" in " ".join(p.cmdline())]
            return [master] if victim == "postmaster" else clients
        part = self._stack.parts()[RUNS.get(victim, victim)]
        if part["state"] != "healthy":
            return []
        process = psutil.Process(part["pid"])
        if victim not in RUNS:
            return [process]
        return [run for nest in process.children() for run in nest.children()]

    def _is_mended(self, fault: Fault) -> bool:
        """Whether what was killed is there again; a run's worker never went away."""
        if fault.victim in RUNS:
            return True
        if fault.victim in DATABASE:
            assert self._postgres is not None
            return self._postgres.answers() and _ready(self._stack.links["Prefect"])
        part = self._stack.parts()[fault.victim]
        return part["state"] == "healthy" and part["pid"] != fault.pid


def _ready(server: str) -> bool:
    try:
        return httpx.get(f"{server}/api/ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
