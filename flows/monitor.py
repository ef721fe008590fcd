"""The flow from check to record: one window in, at most one remedy out."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from prefect import flow, get_run_logger

from factory.errors import NoChampion
from factory.nouns import Schema, Window
from factory.plan import History, Promoted
from factory.policy import PolicyConfig
from factory.rehearse import Rehearsed
from factory.remedies import Choice, DropFeatures
from flows.act import Outcome, conclude, judge, remediate
from flows.artifacts import publish_decision
from flows.case import Case, Examined
from flows.challenger import judge_challenger
from flows.check_report import Subject
from flows.court import Ruling, rule
from flows.evidence import Kept, keep_evidence, require_evidently
from flows.inputs import inputs_json
from flows.log_windows import LOG, rows_of, window_to_judge
from flows.loop import examine, report, try_remedies
from flows.recall import Stored
from flows.steps import step
from flows.workplace import Workplace, config_of, now, open_workplace, resolve
from registry.addresses import without_password
from registry.inference.windows import PREFIX


@flow(name="monitor", flow_run_name="monitor-{model}", validate_parameters=False)
def monitor(model: str, window: str, home: str) -> dict[str, Any]:
    """Run the whole loop once on one window, acting.

    On a window of the log, a challenger that was tried on traffic is judged first: the window is
    judged for what serves then.

    Args:
        model: registered name, or the model's config file.
        window: .csv, .parquet, a Delta table's folder, URL#table, a window of the inference log
            by name, or ``log`` for the newest of it.
        home: the factory's home folder.

    Returns:
        The decision, with the keys of ``factory run --json``. A window that was decided on
        before, under the same champion and rules, returns that decision and changes nothing.
        Where data broke and something prepared is certainly better, that is promoted at once;
        ``then`` tells what was decided after it, and ``challenge`` what came of a challenger on
        traffic, None where there is none.
    """
    place = open_workplace(home)
    challenge = None
    if window == LOG or window.startswith(PREFIX):
        challenge = judge_challenger(*resolve(model), place)
    return {**judge_window(model, window, place), "challenge": challenge}


def judge_window(model: str, window: str, place: Workplace) -> dict[str, Any]:
    """Check to record, see ``monitor``."""
    started = place.clock()
    body = judge_case(open_case(model, window, place), place)
    return {**body, "seconds": place.clock() - started}


def judge_case(case: Case, place: Workplace) -> dict[str, Any]:
    """Check to record, of a window that was read."""
    logger = get_run_logger()
    known = decided_before(case, place)
    if known is not None and (known["phase"] == "whole" or "then" in known):
        logger.info("decided before: %s", known["decision"])
        return {**known, "repeated": True}
    if known is None:
        examined = check_and_diagnose(case)
        known = decide_at_once(case, examined, place)
        if known is None:
            return {**decide_and_act(examined, place), "repeated": False}
        logger.info("at once: %s", known["because"])
    case = replace(reopened(case, place), phase="then")
    body = decide_and_act(check_and_diagnose(case), place)
    return {**followed(known, body), "repeated": False}


def followed(first: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    """Tell what was done at once together with what was decided after it."""
    keys = ("decision", "rehearsals", "remedy", "verdict", "because", "notes", "champion_after")
    after = {key: then[key] for key in keys}
    return {**first, "champion_after": then["champion_after"], "then": after}


def decide_at_once(case: Case, examined: Examined, place: Workplace) -> dict[str, Any] | None:
    """Do without broken features what can be done before anything is fitted.

    Returns:
        The decision; None, and nothing recorded, where data are not broken, where nothing that
        is prepared is certainly better, and where what is best is no makeshift.
    """
    if examined.diagnosis.cause != "data_quality" or not examined.enough:
        return None
    case = replace(case, phase="at_once")
    examined = replace(examined, case=case)
    rehearsed = rehearse_remedies(examined)
    ruling = decide_and_gate(examined, rehearsed)
    if not (ruling.passed and isinstance(ruling.choice.remedy, DropFeatures)):
        return None
    outcome = look_at_served(examined, ruling, perform_remedy(examined, ruling, place), place)
    if outcome.verdict is None or not outcome.verdict.passed:
        return None
    return recorded(examined, rehearsed, ruling, outcome, place)


def decide_and_act(examined: Examined, place: Workplace) -> dict[str, Any]:
    """Rehearse, decide, gate, perform, promote and record."""
    rehearsed = rehearse_remedies(examined)
    ruling, outcome = served_best(examined, rehearsed, place)
    body = recorded(examined, rehearsed, ruling, outcome, place)
    get_run_logger().info("%s: %s", body["remedy"]["kind"], body["because"])
    return body


def served_best(
    examined: Examined, rehearsed: tuple[Rehearsed, ...], place: Workplace
) -> tuple[Ruling, Outcome]:
    """Perform the best remedy whose model passes the gate, measured and as it is to serve."""
    failed: list[tuple[Ruling, Outcome]] = []
    while True:
        ruling = decide_and_gate(examined, rehearsed, [before for before, _ in failed])
        if failed and not ruling.passed:
            return ruling, failed[0][1]
        outcome = look_at_served(examined, ruling, perform_remedy(examined, ruling, place), place)
        if not ruling.passed or (outcome.verdict is not None and outcome.verdict.passed):
            return ruling, outcome
        failed.append((replace(ruling, verdict=outcome.verdict), outcome))


def recorded(
    examined: Examined, rehearsed: tuple[Rehearsed, ...], ruling: Ruling, outcome: Outcome,
    place: Workplace,
) -> dict[str, Any]:  # fmt: skip
    """Promote and record; then keep the page, so that no page can hold a remedy up."""
    told = report(examined, rehearsed, ruling.choice, ruling.refused)
    told |= {"inputs": inputs_json(examined, rehearsed, ruling.known)}
    body = promote_and_record(examined, ruling.choice, outcome, told, place)
    kept = keep_page(examined, body, place)
    body |= {"evidence": {"run_id": kept.run_id, "report": kept.link}}
    publish_decision(body, place)
    return body


def open_case(model: str, window: str, place: Workplace) -> Case:
    """Read the champion and the window that it is to be judged on."""
    name, config = resolve(model)
    version = place.models.champion(name)
    champion = place.models.load(name, version)
    config = config or config_of(champion.config, name)
    require_evidently(config.check)
    where = window_to_judge(window, name, champion.schema, config, place)
    rows = read_rows(where, champion.schema, champion.whole, place)
    past, memory = history(name, config.policy, place), Stored(place, name)
    source = without_password(where)
    return Case(name, version, champion, config, rows, past, memory, now(), source=source)


def reopened(case: Case, place: Workplace) -> Case:
    """Return the same window before the champion that serves now."""
    version = place.models.champion(case.model)
    past = history(case.model, case.config.policy, place)
    champion = place.models.load(case.model, version)
    return replace(case, version=version, champion=champion, history=past, at=now())


def history(name: str, policy: PolicyConfig, place: Workplace) -> History:
    """Return which versions served before, how long the present one serves, and what was done."""
    promotions = place.ledger.history(name)
    if not promotions:
        raise NoChampion(name)
    decisions = place.ledger.decisions(name)
    past = [
        Promoted(p.version, p.previous, sum(d.at <= p.at for d in decisions), bool(p.decision))
        for p in promotions
    ]
    return History.of(past, [json.loads(d.body)["remedy"]["kind"] for d in decisions], policy)


def decided_before(case: Case, place: Workplace) -> dict[str, Any] | None:
    """Return the newest decision on this window under these rules that led to this champion.

    So a run that is repeated, or retried after a crash, applies no remedy twice; and a window is
    judged anew when somebody moved the champion by hand in between.
    """
    then: dict[str, Any] | None = None
    for decision in reversed(place.ledger.decisions(case.model)):
        body: dict[str, Any] = json.loads(decision.body)
        if decision.window_sha256 != case.window.version.sha256 or body["rules"] != case.rules:
            continue
        if then is not None:
            return followed(body, then)
        if decision.champion_after == case.version:
            if body["phase"] != "then":
                return body
            then = body
    return None


@step("read", repeatable=True)
def read_rows(window: str, schema: Schema, whole: Schema, place: Workplace) -> Window:
    """Read the window's rows in canonical form, with the features that were dropped, if there."""
    return rows_of(window, schema, whole, place)


@step("check and diagnose")
def check_and_diagnose(case: Case) -> Examined:
    """Measure what moved, and name the cause."""
    return examine(case)


@step("rehearse")
def rehearse_remedies(examined: Examined) -> tuple[Rehearsed, ...]:
    """Measure every remedy that could apply."""
    return try_remedies(examined)


@step("decide and gate")
def decide_and_gate(
    examined: Examined, rehearsed: tuple[Rehearsed, ...], failed: Sequence[Ruling] = ()
) -> Ruling:
    """Choose the remedy that is worth most of those whose measured model passes the gate."""
    return rule(examined, rehearsed, failed)


@step("remediate")
def perform_remedy(examined: Examined, ruling: Ruling, place: Workplace) -> Outcome:
    """Make what the remedy is to serve."""
    return remediate(examined, ruling, place)


@step("gate what is to serve")
def look_at_served(
    examined: Examined, ruling: Ruling, outcome: Outcome, place: Workplace
) -> Outcome:
    """Look at the challenger as the registry returns it."""
    return judge(examined, ruling, outcome, place)


@step("promote and record")
def promote_and_record(
    examined: Examined, choice: Choice, outcome: Outcome, told: dict[str, Any], place: Workplace
) -> dict[str, Any]:
    """Move the alias and write the ledger, both or neither."""
    return conclude(examined.case, examined, choice, outcome, told, place)


@step("keep the evidence", repeatable=True)
def keep_page(examined: Examined, body: dict[str, Any], place: Workplace) -> Kept:
    """Log the check with its page."""
    case, checked = examined.case, examined.checked
    subject = Subject(
        case.champion, case.window, checked.outputs, case.config.check, case.config.seed
    )
    return keep_evidence(body["check"], subject, place, at=body["at"], decision=body)
