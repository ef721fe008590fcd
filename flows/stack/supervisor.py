"""Starts parts in order, watches them, starts anew what dies, and stops all of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from factory.errors import Unavailable
from flows.stack.local import answers
from flows.stack.logs import bound, last_words, log_of, says
from flows.stack.part import STATE_READY, Part, State, back_off
from flows.stack.processes import MARK, PART, spawn, sweep
from flows.stack.state import write_state

TICK, LOOK_SECONDS, BOUND_SECONDS = 0.1, 5.0, 60.0
FIRST_DEATHS = 3
"""Deaths after which a part that never ran is given up, and the stack with it."""
SETTLED_SECONDS = 60.0
"""A part that ran for so long starts with the shortest back-off again."""
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Kept:
    """One part as it is now; moments are seconds of the supervisor's clock."""

    part: Part
    log: Path
    state: State = "waiting"
    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    looked: float = 0.0
    well: float = 0.0
    due: float = 0.0
    deaths: int = 0
    starts: int = 0
    begun: int = 0
    proven: bool = False

    def told(self) -> dict[str, Any]:
        """Return what others see of it."""
        return {
            "name": self.part.name,
            "state": self.state,
            "pid": self.process.pid if self.process else None,
            "restarts": max(0, self.starts - 1),
            "link": self.part.link,
            "log": str(self.log),
        }


class Supervisor:
    """Keeps the parts of one home's stack.

    Args:
        home: whose stack it is; the caller holds its lock.
        parts: in the order in which people read them.
        environ: what every part gets.
        mark: by which the stack's processes are known.
        facts: more for the state that others see.
        tell: is told in words what happens.
    """

    def __init__(
        self,
        home: Path,
        parts: Sequence[Part],
        environ: Mapping[str, str],
        mark: str,
        facts: Mapping[str, Any],
        tell: Callable[[str], None],
    ) -> None:
        self._home, self._mark = home, mark
        self._environ, self._facts, self._tell = {**environ, MARK: mark}, facts, tell
        self._kept = {part.name: Kept(part, log_of(home, part.name)) for part in parts}
        self._asked, self._bounded = 0, time.monotonic()

    def run(self, on_ready: Callable[[dict[str, Any]], None]) -> None:
        """Keep the parts until a signal asks to stop, then stop them; nothing is left.

        Args:
            on_ready: is given the state once everything is ready for the first time.

        Raises:
            Unavailable: a part does not start.
        """
        ready = False
        with self._signals(), self._reaped():
            try:
                while not self._asked:
                    for kept in self._kept.values():
                        self._step(kept)
                    if not ready and all(k.state in STATE_READY for k in self._kept.values()):
                        ready = True
                        self._prove()
                        on_ready(self.state())
                    self._bound_logs()
                    time.sleep(TICK)
            finally:
                self._stop()

    def state(self) -> dict[str, Any]:
        """Return what others see of the stack."""
        parts = [kept.told() for kept in self._kept.values()]
        ready = all(part["state"] in STATE_READY for part in parts)
        told = {"pid": os.getpid(), "mark": self._mark, "ready": ready, "parts": parts}
        return {**told, **self._facts}

    def _step(self, kept: Kept) -> None:
        now = time.monotonic()
        if kept.state in {"waiting", "backing off"}:
            ready = all(self._kept[name].state in STATE_READY for name in kept.part.after)
            if ready and now >= kept.due:
                self._start(kept, now)
        elif kept.process is not None and (code := kept.process.poll()) is not None:
            if kept.part.once and code == 0:
                self._enter(kept, "done")
            else:
                self._died(kept, _ending(code), now)
        elif kept.state in {"starting", "healthy"}:
            self._look(kept, now)

    def _start(self, kept: Kept, now: float) -> None:
        part = kept.part
        environ = {**self._environ, **part.environ, PART: part.name}
        kept.begun = kept.log.stat().st_size if kept.log.exists() else 0
        kept.process = spawn(part.command, environ, kept.log)
        kept.starts += 1
        kept.since = kept.well = now
        self._enter(kept, "starting")

    def _look(self, kept: Kept, now: float) -> None:
        part, starting = kept.part, kept.state == "starting"
        if not starting and (part.health is None or now - kept.looked < LOOK_SECONDS):
            return
        kept.looked = now
        patience = part.start_seconds if starting else part.hung_seconds
        if not part.once and _is_well(kept):
            kept.well = now
            if starting:
                self._tell(f"{part.name} is ready after {now - kept.since:.0f} s")
                self._enter(kept, "healthy")
        elif now - kept.well > patience:
            self._died(kept, f"gave no answer for {patience:.0f} s", now)

    def _died(self, kept: Kept, why: str, now: float) -> None:
        part = kept.part
        # What it started itself, and a part that hangs, must not hold the port.
        sweep(self._mark, part.name)
        if kept.process is not None:
            kept.process.wait()
        kept.process = None
        kept.deaths = 1 if now - kept.since > SETTLED_SECONDS else kept.deaths + 1
        if not kept.proven and (kept.deaths >= FIRST_DEATHS or why == _ending(2)):
            raise Unavailable(
                f"{part.name} does not start, it {why}: "
                f"{last_words(kept.log).removeprefix('error: ')}",
                hint=f"read {kept.log}, mend the cause, then factory up again",
            )
        wait = back_off(kept.deaths)
        kept.due = now + wait
        self._tell(f"{part.name} {why}, and starts again in {wait:g} s")
        self._enter(kept, "backing off")

    def _prove(self) -> None:
        """From now on nothing that dies ends the stack."""
        for kept in self._kept.values():
            kept.proven = True

    def _enter(self, kept: Kept, state: State) -> None:
        kept.state = state
        write_state(self._home, self.state())

    def _stop(self) -> None:
        """End the parts, those first that others do not stand on; then whatever is left."""
        left = {name for name, kept in self._kept.items() if kept.process is not None}
        while left and self._asked < 2:  # noqa: PLR2004 - asked again is hurry
            needed = {name for other in left for name in self._kept[other].part.after}
            self._end(left - needed or left)
            left &= needed
        sweep(self._mark)
        for kept in self._kept.values():
            if kept.process is not None:
                kept.process.wait()

    def _end(self, names: set[str]) -> None:
        processes = {n: p for n in names if (p := self._kept[n].process) is not None}
        for process in processes.values():
            process.terminate()
        until = time.monotonic() + max(self._kept[n].part.stop_seconds for n in names)
        while processes and time.monotonic() < until and self._asked < 2:  # noqa: PLR2004 - hurry
            processes = {n: p for n, p in processes.items() if p.poll() is None}
            time.sleep(TICK)

    def _bound_logs(self) -> None:
        if time.monotonic() - self._bounded >= BOUND_SECONDS:
            self._bounded = time.monotonic()
            for kept in self._kept.values():
                bound(kept.log)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._asked += 1

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._ask) for number in STOPS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def _reaped(self) -> Iterator[None]:
        """Have a process beside this one that ends the parts if this one is killed."""
        command = [sys.executable, "-m", "flows.stack.reaper", str(self._home), self._mark]
        reaper = subprocess.Popen(  # noqa: S603 - our own interpreter, our own arguments
            command, stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            yield
        finally:
            reaper.communicate(b".")


def _is_well(kept: Kept) -> bool:
    if kept.part.health is not None:
        return answers(kept.part.health)
    return kept.part.says is None or says(kept.log, kept.part.says, kept.begun)


def _ending(code: int) -> str:
    """Say how a process ended.

    >>> _ending(1), _ending(-9)
    ('ended with code 1', 'was killed by SIGKILL')
    """
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
