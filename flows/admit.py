"""A newly trained version at the gate: against the champion, or a constant where none serves."""

from factory.bundle import Bundle
from factory.config import ModelConfig
from factory.errors import NoChampion
from factory.gate import Bar, gate, gate_first, measure_costs, served_tests, with_tests
from factory.nouns import DataVersion, Verdict, Window
from flows.older import read_by, rows_before
from flows.recall import Stored
from flows.replayed import forget_learnt
from flows.steps import step
from flows.workplace import Workplace, now
from registry.frames import load_frame, save_frame, stand_in_of
from registry.sources import TrainingData
from registry.transaction import Transaction
from training.train import Trained


@step("gate and promote")
def gate_and_promote(
    trained: Trained, settings: ModelConfig, rows: TrainingData, version: int, place: Workplace
) -> Verdict:
    """Compare with the champion, or with a constant where there is none, and promote if better."""
    try:
        champion_version: int | None = place.models.champion(settings.name)
    except NoChampion:
        champion_version = None
    challenger = place.models.load(settings.name, version)
    if champion_version is None:
        bar, held = Bar.of(settings), challenger.reference
        verdict = gate_first(challenger, trained.baseline, bar)
        if verdict.passed:
            said = challenger.reference_outputs
            verdict = with_tests(verdict, served_tests(challenger, challenger, held, said, bar))
    else:
        champion = place.models.load(settings.name, champion_version)
        newest = newest_rows(trained, rows, settings.name, place)
        verdict = against_champion(champion, challenger, newest, settings, place)
    kept = save_frame(place.home, rows.frame, rows.version)
    at = now()

    def record(t: Transaction) -> None:
        labelled = rows.version.rows
        t.record_window(
            rows.version,
            source="train",
            labelled=labelled,
            quarantined=False,
            file=kept.file,
            broken=kept.broken,
            at=at,
        )

    if verdict.passed:
        place.models.promote(
            settings.name,
            version,
            expected=champion_version,
            who="train",
            why=verdict.because,
            at=at,
            record=record,
        )
    failed = None if verdict.passed else (rows.version.sha256,)
    forget_learnt(settings.name, version, place, failed)
    return verdict


def newest_rows(trained: Trained, rows: TrainingData, model: str, place: Workplace) -> Window:
    """Return the rows to judge on: the held-out ones, or a checked window where it is newer.

    A model trained on a stale export would else be judged on stale rows, and pass.
    """
    windows = [
        w
        for w in place.ledger.windows(model)
        if w.source == "window"
        and w.labelled
        and not w.quarantined
        and w.end is not None
        and stand_in_of(place.home, w.sha256) is None
    ]
    newest = max(windows, key=lambda w: str(w.end), default=None)
    if newest is None or str(newest.end) <= str(rows.version.end):
        return Window(trained.bundle.reference, rows.version)
    frame, _ = load_frame(place.home, newest.sha256)
    target = trained.bundle.schema.target
    known = frame.loc[frame[target].notna()].reset_index(drop=True)
    return Window(known, DataVersion(newest.sha256, len(frame), newest.start, newest.end))


def against_champion(
    champion: Bundle, challenger: Bundle, rows: Window, settings: ModelConfig, place: Workplace
) -> Verdict:
    """Put a newly trained model through the gate, on rows that neither was trained on.

    Where those are its reference, which it has learnt from since, its twin stands in for it.
    """
    frame = rows.frame
    absent = {*champion.schema.names, *challenger.schema.names} - set(frame.columns)
    if absent or champion.schema.classes != challenger.schema.classes:
        what = f"columns ({', '.join(sorted(absent))})" if absent else "classes"
        because = f"Champion and challenger read other {what} and cannot be compared"
        return Verdict(passed=False, because=because)
    schema = read_by(champion, challenger)
    older = rows_before(Stored(place, settings.name), champion.whole, schema, rows)
    costs = measure_costs(champion, challenger, frame, place.clock)
    measured, bar = challenger.measured, Bar.of(settings)
    verdict = gate(champion, measured, frame, bar, older=older)
    if not verdict.passed:
        return verdict
    said = measured.outputs(frame)
    return with_tests(verdict, served_tests(champion, challenger, frame, said, bar, costs))
