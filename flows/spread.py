"""Windows larger than memory, looked at by many workers at once.

The flow maps one task over shares of a window's parts. What a task is told is names and numbers,
so that it runs on whichever task runner it is given: threads of this process, or the workers of a
Dask or a Ray cluster that see the same files and the same home.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from prefect import flow, task, unmapped
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import TaskRunner

from factory.errors import BadConfig, Unavailable
from factory.stream import Seen
from flows.stream import look
from flows.workplace import open_workplace
from registry.parts import Part


@task(name="profile parts", cache_policy=NO_CACHE)
def profile_parts(parts: tuple[Part, ...], model: str, version: int, home: str) -> Seen | None:
    """Look at some parts of a window, wherever this runs."""
    return look(parts, open_workplace(home).models.load(model, version))


@flow(name="profile", flow_run_name="profile-{model}", validate_parameters=False)
def profile(
    parts: tuple[Part, ...], model: str, version: int, home: str, tasks: int
) -> list[Seen | None]:
    """Look at a window's parts in several tasks at once, on the task runner it is given.

    Args:
        parts: of the window.
        model: registered name.
        version: whose reference the rows are compared with.
        home: the factory's home folder.
        tasks: how many; each holds one part in memory.
    """
    shares = [parts[number::tasks] for number in range(min(tasks, len(parts)))]
    mapped = profile_parts.map(shares, unmapped(model), unmapped(version), unmapped(home))
    return list(mapped.result())


def spread(
    parts: tuple[Part, ...], model: str, version: int, home: str, workers: int, kind: str
) -> list[Seen | None]:
    """Look at a window's parts with some workers of a kind of task runner; see ``profile``."""
    with_runner = profile.with_options(task_runner=runner(kind, workers))
    return with_runner(parts, model, version, home, workers)


def runner(name: str, workers: int) -> TaskRunner[Any]:
    """Return a task runner of the table.

    Args:
        name: one of ``RUNNERS``, or the address of a cluster that runs.
        workers: threads, or workers of a cluster made for the run.

    Raises:
        BadConfig: the table lacks the name.
        Unavailable: its package is not installed.
    """
    scheme, elsewhere, _ = name.partition("://")
    known = CLUSTERS.get(scheme) if elsewhere else name
    if known not in RUNNERS:
        hint = f"choose one of {', '.join(RUNNERS)}, or give an address as tcp://scheduler:8786"
        raise BadConfig(f"{name!r} is no task runner.", hint=hint)
    where, extra, arguments = RUNNERS[known]
    module, kind = where.split(":")
    try:
        made = getattr(import_module(module), kind)
    except ImportError:
        raise Unavailable(
            f"The {known} task runner is not installed.",
            hint=f"pip install 'drift-factory[{extra}]'",
        ) from None
    found: TaskRunner[Any] = made(**({"address": name} if elsewhere else arguments(workers)))
    return found


def _workers(count: int) -> Mapping[str, Any]:
    return {"max_workers": count}


def _cluster(count: int) -> Mapping[str, Any]:
    return {"cluster_kwargs": {"n_workers": count, "threads_per_worker": 1}}


def _ray(count: int) -> Mapping[str, Any]:
    return {"init_kwargs": {"num_cpus": count, "include_dashboard": False}}


RUNNERS = {
    "thread": ("prefect.task_runners:ThreadPoolTaskRunner", "", _workers),
    "dask": ("prefect_dask:DaskTaskRunner", "dask", _cluster),
    "ray": ("prefect_ray:RayTaskRunner", "ray", _ray),
}
"""Per name: the class, the extra that brings it, and how it is told the number of workers."""

CLUSTERS = {"tcp": "dask", "tls": "dask", "ray": "ray"}
"""Whose address a URL is, by its scheme."""
