"""Makes of a measured model what is served: fitted on all rows, and with all that watches it."""

from dataclasses import replace

import numpy as np
from sklearn.pipeline import Pipeline

from factory.bundle import Bundle
from factory.errors import BadData
from factory.nouns import Counts
from factory.rehearse import Rehearsed
from factory.remedies import Remedy, is_fitted
from factory.replay.older import remembered
from factory.replay.replay import Replay
from flows.candidates import lesson, plans_for, sound_rows
from flows.case import Examined
from flows.loop import judging_rows
from training.again import Judged, fitted_again, served
from training.judge import completed


def finished(entry: Rehearsed, examined: Examined) -> Bundle | None:
    """Make a measured model one that can be served, with fallback models where it was fitted.

    A refit learns once more, from all sound rows, those included that it was measured on; nothing
    is judged on them any more but by its twins (see ``factory.twins``). Its fallback models learn
    from the rows that the measured one did, since they are judged on the rest.

    Returns:
        None where the recipe cannot be fitted on all rows.
    """
    case, remedy = examined.case, entry.rehearsal.remedy
    if not is_fitted(remedy):
        bundle = entry.bundle if examined.enough else _on_the_champion(remedy, examined)
        return None if bundle is None else completed(bundle, case.config)
    learnt = lesson(remedy, case, examined)
    try:
        bundle = taught(entry, examined)
    except BadData:
        return None
    if learnt is None:
        return completed(bundle, case.config)
    bundle = replace(bundle, replay=_remembered(bundle, examined))
    return completed(bundle, case.config, learn=learnt.rows, weights=learnt.weights)


def taught(entry: Rehearsed, examined: Examined) -> Bundle:
    """Fit a measured refit once more on all rows; the bundle is light.

    Raises:
        BadData: it cannot be fitted on them.
    """
    case = examined.case
    learnt = lesson(entry.rehearsal.remedy, case, examined.after)
    if learnt is None:
        return entry.bundle
    sound = np.flatnonzero(sound_rows(examined, entry.bundle.schema.names)[examined.judged])
    judged = Judged(
        judging_rows(examined).iloc[sound].reset_index(drop=True),
        entry.outputs[sound],
        _speakers(examined)[sound],
    )
    return served(
        entry.bundle, entry.twins, learnt.rows, judged, case.config, weights=learnt.weights
    )


def last_fit(measured: Bundle, remedy: Remedy, examined: Examined) -> Pipeline:
    """Return the pipeline that serves of a measured model, without what watches it.

    Raises:
        BadData: it cannot be fitted on all rows.
    """
    learnt = lesson(remedy, examined.case, examined.after)
    if learnt is None:
        return measured.pipeline
    return fitted_again(measured, learnt.rows, examined.case.config, weights=learnt.weights)[1]


def _speakers(examined: Examined) -> Counts:
    """Say for each judged row which twin speaks for it, 0 being the measured model."""
    speaks = np.zeros(len(examined.judged), dtype=np.int64)
    for number, fold in enumerate(examined.folds, start=1):
        speaks[fold] = number
    return speaks[examined.judged]


def _remembered(bundle: Bundle, examined: Examined) -> Replay | None:
    """Fit what draws the like of all rows known, those included that were drawn themselves.

    Features that the model does without may be broken in some of them; they are missing there.
    """
    case, known = examined.case, examined.after.rows
    if case.config.replay is None:
        return None
    frame = known.frame.copy()
    for name in set(known.broken) & set(bundle.whole.without(bundle.schema.names).names):
        frame[name] = frame[name].mask(known.broken[name])
    rows = replace(known, frame=frame).sound(bundle.schema)
    tables = [name for t in case.memory.tables() for name in (t.stands or (t.sha256,))]
    covered = tuple(dict.fromkeys([*tables, case.window.version.sha256]))
    return remembered(bundle, case.config.replay, rows, covered, seed=case.config.seed)


def _on_the_champion(remedy: Remedy, examined: Examined) -> Bundle | None:
    """Change the champion itself as the model was changed that spoke for it on a stand-in."""
    return plans_for([remedy], examined.case, examined)[remedy]()
