"""The whole backtest: read, train once, play every policy in a process of its own, compare."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from factory.config import ModelConfig
from factory.errors import BadConfig
from factory.metrics import metric_named
from flows.backtest.fits import Fits
from flows.backtest.names import KINDS, Named, player_of
from flows.backtest.replay import Played, replay
from flows.backtest.scene import Scene
from flows.backtest.stream import Stream, cut_stream, load, save
from flows.backtest.told import told
from training.threads import one_thread
from training.train import train


@dataclass(frozen=True)
class Plan:
    """What to replay, and how.

    Attributes:
        config: of the model.
        stream: where the rows are.
        policies: who plays.
        train_rows: the first rows, that train the first model; None is a quarter.
        window_rows: rows of a window; None cuts the rest into 20.
        label_delay: windows after which a window's labels are known.
        processes: how many policies play at a time; None is one a processor.
    """

    config: ModelConfig
    stream: str
    policies: tuple[Named, ...]
    train_rows: int | None = None
    window_rows: int | None = None
    label_delay: int = 0
    processes: int | None = None


def backtest(plan: Plan, hear: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Replay a stream under several policies.

    Args:
        plan: what to replay.
        hear: told what is being done.

    Returns:
        What ``factory backtest --json`` prints.

    Raises:
        BadConfig, BadData, Unavailable: see ``cut_stream`` and ``training.train.train``.
    """
    _require_river(plan.policies)
    started = perf_counter()
    with TemporaryDirectory(prefix="factory-backtest-") as name:
        folder = Path(name)
        stream = cut_stream(
            plan.config.data,
            plan.stream,
            folder,
            train_rows=plan.train_rows,
            window_rows=plan.window_rows,
            parted_by=plan.config.check.parted_by,
        )
        if plan.label_delay >= len(stream.spans):
            raise BadConfig(
                f"--label-delay {plan.label_delay} is no shorter than the stream of "
                f"{len(stream.spans)} windows.",
                hint="give a smaller one",
            )
        scene, notes = _open(plan.config, stream)
        hear(
            f"{plan.config.name}: trained on {scene.stream.training.version.rows:,} rows; "
            f"{len(stream.spans)} windows follow"
        )
        played = _play_all(scene, plan, hear)
    answer = told(scene, plan.label_delay, played, notes)
    return answer | {"digest": digest(answer), "seconds": perf_counter() - started}


def _require_river(policies: Sequence[Named]) -> None:
    """Fail before anything is read where a policy's library is missing."""
    if any(policy.kind == "adwin" for policy in policies):
        import factory.online.river  # noqa: F401, PLC0415 - an extra, needed for this alone


def _open(config: ModelConfig, stream: Stream) -> tuple[Scene, list[str]]:
    """Train the first champion.

    The search counts its trials and not its seconds, since a slower machine would else replay
    another model.
    """
    training = stream.training
    trained = train(training.frame, training.schema, config, clock=lambda: 0.0)
    scene = Scene(stream, trained.bundle, config)
    save(scene, stream.folder / "scene.pickle")
    return scene, [note.text for note in trained.notes]


def _play_all(scene: Scene, plan: Plan, hear: Callable[[str], None]) -> dict[str, Played]:
    wanted = plan.processes or len(os.sched_getaffinity(0))
    processes = min(wanted, len(plan.policies))
    dearest_first = sorted(plan.policies, key=lambda policy: -KINDS[policy.kind].dear)
    folder, delay = scene.stream.folder, plan.label_delay
    done: dict[str, Played] = {}
    with _workers(processes) as submit:
        for policy, played in submit(folder, dearest_first, delay):
            done[policy.name] = played
            hear(f"{policy.name}: {_summary(played)}")
    return {policy.name: done[policy.name] for policy in plan.policies}


Submit = Callable[[Path, Sequence[Named], int], Iterator[tuple[Named, Played]]]


@contextmanager
def _workers(processes: int) -> Iterator[Submit]:
    """Have policies played one after the other here, or side by side in processes."""
    if processes == 1:
        yield lambda folder, policies, delay: ((p, play(folder, p, delay)) for p in policies)
        return
    # A fresh interpreter each: a copy of this one would share Prefect's and MLflow's threads.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:

        def submit(
            folder: Path, policies: Sequence[Named], delay: int
        ) -> Iterator[tuple[Named, Played]]:
            futures = {pool.submit(play, folder, policy, delay): policy for policy in policies}
            for future in as_completed(futures):
                yield futures[future], future.result()

        try:
            yield submit
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@one_thread()
def play(folder: Path, policy: Named, delay: int) -> Played:
    """Play one policy; all it needs lies in the folder, so that any process can."""
    scene: Scene = load(folder / "scene.pickle")
    fits = Fits(folder)
    metric = metric_named(scene.champion.metric, scene.champion.schema)
    player = player_of(policy)(scene, policy, fits)
    return replay(scene.stream, player, metric, delay=delay, fits=fits)


def digest(answer: dict[str, Any]) -> str:
    """Hash an answer over everything but what it took: SHA-256 of its canonical JSON.

    >>> digest({"mean": 1.0, "seconds": 3.0}) == digest({"mean": 1.0, "seconds": 4.0})
    True
    """
    text = json.dumps(_timeless(answer), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k not in {"seconds", "digest"}}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _summary(played: Played) -> str:
    mean = "no score" if played.mean is None else f"{played.mean:.5g}"
    return f"{mean} with {played.trainings} trainings, {played.seconds:.0f} s"
