"""The verbs of the loop, wired to the stores: plain functions that the monitor flow orders."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from factory.check import Checked, check
from factory.decide import Refused, decide
from factory.diagnosis.diagnose import diagnose_window
from factory.diagnosis.parts import Better
from factory.diagnosis.told import diagnosis_json
from factory.metrics import metric_named
from factory.nouns import Bools, Diagnosis
from factory.paired import Paired
from factory.plan import applicable, unlabelled
from factory.policy import PolicyConfig
from factory.rehearse import (
    Asked,
    Rehearsed,
    Twin,
    evaluation_rows,
    rehearse,
)
from factory.remedies import Choice, Remedy, remedy_json
from factory.standin import stand_in
from factory.told import check_json
from factory.worth import worth
from flows.candidates import earlier, plans_for
from flows.case import Case, Examined, Pool
from flows.pool import pooled


def examine(case: Case) -> Examined:
    """Check the window, and diagnose what was found."""
    config = case.config
    checked = check(
        case.champion,
        case.window,
        config.check,
        model=case.model,
        version=case.version,
        seed=config.seed,
        now=datetime.fromisoformat(case.at),
    )
    known = _labelled(case, checked)
    diagnosed = int(known.sum()) >= config.policy.minimum_rows
    diagnosis = diagnose_window(
        case.champion,
        case.window,
        checked,
        known,
        config.check,
        better=_better_version(case, checked, known) if diagnosed else None,
        enough=diagnosed,
        seed=config.seed,
    )
    return _divided(case, checked, diagnosis, known)


def _divided(case: Case, checked: Checked, diagnosis: Diagnosis, known: Bools) -> Examined:
    """Say which rows remedies are measured on, and which they learn from until then.

    Where data broke, rows of earlier windows, in which they had not, are no such rows.
    """
    policy = case.config.policy
    pool = Pool.of(case.window.frame, checked.broken)
    if int(known.sum()) < policy.pooled_rows and diagnosis.cause != "data_quality":
        pool = pooled(case, checked, known)
    known = pool.mask(known)
    few = int(known.sum()) < policy.crossed_rows
    learn, measure = evaluation_rows(known, 1 / policy.folds if few else policy.evaluation)
    folds = _blocks(learn, policy.folds - 1) if few else ()
    enough = int((known if few else measure).sum()) >= policy.minimum_rows
    folds = folds if enough else ()
    return Examined(case, checked, diagnosis, pool, measure, learn, enough, folds)


def planned(examined: Examined) -> tuple[Remedy, ...]:
    """List the remedies to rehearse, on labels or without."""
    case = examined.case
    evidence, diagnosis = examined.checked.evidence, examined.diagnosis
    task = case.champion.schema.task
    if examined.enough:
        given = evidence, diagnosis, case.history, case.config.policy
        return applicable(*given, task=task, phase=case.phase)
    return unlabelled(evidence, diagnosis, task=task) if evidence.alarm else ()


def judging_rows(examined: Examined) -> pd.DataFrame:
    """Return labelled rows to measure remedies on: the window's, else a stand-in's."""
    case, checked = examined.court, examined.checked
    if examined.enough:
        return examined.pool.frame.loc[examined.judged].reset_index(drop=True)
    quality, seed = checked.evidence.quality, case.config.seed
    return stand_in(case.champion, case.window.frame, quality, checked.broken, seed)


def try_remedies(examined: Examined) -> tuple[Rehearsed, ...]:
    """Rehearse every remedy that could apply."""
    case = examined.court
    remedies = planned(examined)
    if not remedies:
        return ()
    rows = judging_rows(examined)
    if len(rows) < case.config.policy.minimum_rows:
        return ()
    asked = Asked(
        fell=examined.checked.evidence.performance.alarm,
        resamples=case.config.check.resamples,
        seed=case.config.seed,
        measured=examined.enough,
        abstains=case.config.abstain.cost if case.config.abstain else None,
    )
    plans = plans_for(remedies, case, examined)
    twins = [
        Twin(fold[examined.judged], plans_for(remedies, case, twin))
        for fold, twin in zip(examined.folds, examined.twins, strict=True)
    ]
    given = plans, rows, case.champion, case.config.policy, asked
    return rehearse(*given, clock=case.memory.clock, twins=twins)


def choose(
    examined: Examined, rehearsed: Sequence[Rehearsed], refused: Sequence[Refused] = ()
) -> Choice:
    """Decide from what was measured, and from what the gate has refused since."""
    case = examined.case
    return decide(
        examined.checked.evidence,
        examined.diagnosis,
        [entry.rehearsal for entry in rehearsed],
        case.history,
        case.config.policy,
        refused,
    )


def report(
    examined: Examined,
    rehearsed: Sequence[Rehearsed],
    choice: Choice,
    refused: Sequence[Refused],
) -> dict[str, Any]:
    """Return what the ledger keeps of a decision, as plain JSON."""
    case = examined.case
    return {
        "decision": case.id,
        "model": case.model,
        "rules": case.rules,
        "phase": case.phase,
        "window": asdict(case.window.version),
        "source": case.source,
        "champion_before": case.version,
        "check": check_json(examined.checked.evidence),
        "diagnosis": diagnosis_json(examined.diagnosis),
        "rehearsals": [_rehearsal_json(entry, case.config.policy) for entry in rehearsed],
        "remedy": remedy_json(choice.remedy),
        "because": choice.because,
        "pooled": examined.pool.earlier,
        "refused": [{"remedy": remedy_json(one.remedy), "because": one.because} for one in refused],
    }


def _rehearsal_json(entry: Rehearsed, policy: PolicyConfig) -> dict[str, Any]:
    told = asdict(entry.rehearsal)
    account = worth(entry.rehearsal, policy)
    return {
        **told,
        "remedy": remedy_json(entry.rehearsal.remedy),
        "worth": {**asdict(account), "value": account.value, "unit": policy.price.unit},
    }


def _blocks(rows: Bools, count: int) -> tuple[Bools, ...]:
    """Cut rows into as many blocks in time order."""
    blocks = []
    for positions in np.array_split(np.flatnonzero(rows), count):
        block = np.zeros(len(rows), dtype=bool)
        block[positions] = True
        blocks.append(block)
    return tuple(block for block in blocks if block.any())


def _labelled(case: Case, checked: Checked) -> Bools:
    """Rows with a sound label that the champion was not trained on, shape (rows,)."""
    target = case.champion.schema.target
    known = case.labelled
    return known & ~checked.broken[target] if target in checked.broken else known


def _better_version(case: Case, checked: Checked, rows: Bools) -> Better | None:
    champion = case.champion
    frame = case.window.frame.loc[rows].reset_index(drop=True)
    truth = frame[champion.schema.target].to_numpy()
    metric = metric_named(champion.metric, champion.schema)
    policy = case.config.policy
    best: Better | None = None
    for version in case.history.earlier[: policy.versions]:
        bundle = earlier(case, version, frame)
        if bundle is None:
            continue
        pair = Paired.of(metric, truth, checked.outputs[rows], bundle.outputs(frame))
        gain, low = pair.gain, pair.bound(policy.error_rate / policy.versions)
        if low > 0 and gain >= policy.minimum_gain and (best is None or gain > best.gain):
            best = Better(version, gain, low)
    return best
