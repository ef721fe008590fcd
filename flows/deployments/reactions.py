"""What the deployed checks and remedies do, between what is read and what a run ends in."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from factory.config import ModelConfig, load_config
from factory.remedies import DropFeatures, Retrain
from flows.approval import NOTE, waiting
from flows.case import Case, Examined
from flows.challenger import judge_challenger
from flows.deployments.approval import answered, ask_approval, cancel_older, question
from flows.deployments.drift import tell_drift
from flows.deployments.notify import decision_message, tell
from flows.deployments.training_job import TrainingJob, ask_training
from flows.deployments.windows import newest_window
from flows.loop import planned
from flows.monitor import (
    check_and_diagnose,
    decide_and_act,
    decide_at_once,
    decided_before,
    judge_case,
    open_case,
)
from flows.report.history import remedy_words
from flows.workplace import Workplace, open_workplace

Body = dict[str, Any]
Act = Callable[[Workplace, ModelConfig, Case], State[Body]]


def check_newest(config: str, home: str, window: str | None) -> State[Body]:
    """Check a window, the newest where none is given; hand an alarm on as an event.

    Before the newest a challenger that was tried on traffic is judged, and what waits for a
    person is asked for.
    """
    place, settings = open_workplace(home), load_config(Path(config))
    if place.ledger.champion(settings.name) is None:
        words = f"no version serves yet. fix: factory trigger train {settings.name}"
        return Completed(message=words, data={"model": settings.name, "window": None})
    if window is None:
        judge_challenger(settings.name, settings, place)
        ask_approval(settings.name, place)
    where = window or newest_window(settings, place)
    if where is None:
        told = {"model": settings.name, "window": None}
        return Completed(message="no new window is there", data=told)
    case = open_case(config, where, place)
    known = decided_before(case, place)
    if known is not None and _whole(known):
        return _decided(known, settings, place, again=True)
    examined = check_and_diagnose(case)
    if known is None and not examined.checked.evidence.alarm:
        return _decided(decide_and_act(examined, place), settings, place)
    job = job_of(case, where)
    tell_drift(job, examined)
    because = f"drift: {examined.diagnosis.because}"
    return Completed(message=because, data={"alarm": True, **asdict(job)})


def on_alarm(config: str, home: str, window: str, sha256: str, act: Act) -> State[Body]:
    """Act on a window that alarmed, unless it holds other rows by now."""
    place, settings = open_workplace(home), load_config(Path(config))
    case = open_case(config, window, place)
    if case.window.version.sha256 == sha256:
        return act(place, settings, case)
    told = {"model": case.model, "sha256": case.window.version.sha256}
    message = "the window holds other rows by now; the next check reads them"
    return Completed(message=message, data=told)


def remedied_at_once(
    window: str, place: Workplace, settings: ModelConfig, case: Case
) -> State[Body]:
    """Do what is prepared, and ask for a training if one is due."""
    known = decided_before(case, place)
    if known is not None and _whole(known):
        return _decided(known, settings, place, again=True)
    if known is None:
        examined = check_and_diagnose(case)
        known = decide_at_once(case, examined, place)
        if known is not None:
            tell(settings, *decision_message(known, address()))
        elif not _needs_training(examined):
            return _decided(decide_and_act(examined, place), settings, place)
    job = job_of(case, window)
    run = ask_training(job)
    get_run_logger().info("asked for a training: flow run %s", run.id)
    told = {**asdict(job), "run": str(run.id)}
    return Completed(message=f"a training was asked for: {run.name}", data=told)


def retrained(place: Workplace, settings: ModelConfig, case: Case) -> State[Body]:
    """Rehearse, decide, train, gate, promote."""
    body = judge_case(case, place)
    return _decided(body, settings, place, again=body["repeated"])


def approved(asked: str, config: str, home: str) -> State[Body]:
    """Ask a person whether a challenger may replace the champion, and do what is answered."""
    place, settings = open_workplace(home), load_config(Path(config))
    found = waiting(settings.name, place)
    if found is None or found.asked != asked:
        return Completed(message="nothing waits for an answer any more", data={"asked": asked})
    if starts() == 1:
        cancel_older()
        subject = f"{found.model}: may version {found.challenger} replace {found.champion}?"
        told = question(found).replace("**", "")
        if found.decision is not None:
            _, told = decision_message(found.body, address())
        tell(settings, subject, told)
    yes, why = answered(found, settings, place)
    words = f"version {found.challenger} was {'approved' if yes else 'refused'}"
    answer = {"asked": asked, "challenger": found.challenger, "approved": yes, "why": why}
    return Completed(message=f"{words}: {why}" if why else words, data=answer)


def job_of(case: Case, window: str) -> TrainingJob:
    """Name the training that a window may call for."""
    return TrainingJob(case.model, window, case.window.version.sha256, case.id)


def _whole(body: Body) -> bool:
    """Whether nothing more is to be decided on the window."""
    return body["phase"] == "whole" or "then" in body


def _needs_training(examined: Examined) -> bool:
    """Whether a remedy could apply that fits a model."""
    return any(
        isinstance(remedy, Retrain) or (isinstance(remedy, DropFeatures) and remedy.how == "refit")
        for remedy in planned(examined)
    )


def _decided(
    body: Body, settings: ModelConfig, place: Workplace, *, again: bool = False
) -> State[Body]:
    """Tell people what was decided, or have them asked where the policy wants it; end the run.

    What was decided in an earlier run was told there; a run that begins anew goes on instead.
    """
    last = body.get("then", body)
    words = f"{remedy_words(last['remedy'])}: {last['because']}"
    if not again or starts() > 1:
        if NOTE in last["notes"]:
            asking = ask_approval(settings.name, place)
            words = f"waits for {asking.name}; {words}" if asking is not None else words
        elif last["remedy"]["kind"] != "keep":
            tell(settings, *decision_message(body, address()))
    return Completed(message=words, data={**body, "repeated": again})


def starts() -> int:
    """Return how often the present run has begun; Prefect's own count leaves out resumptions."""
    with get_client(sync_client=True) as client:
        return sum(s.is_running() for s in client.read_flow_run_states(UUID(flow_run.id)))


def address() -> str:
    """Return where people look at the present run."""
    return str(flow_run.ui_url or flow_run.id)
