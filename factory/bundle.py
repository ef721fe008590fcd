"""The bundle: a fitted pipeline together with all that watches it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from factory.budget import AlarmBudget
from factory.estimate import PerformanceEstimator
from factory.metrics import metric_named
from factory.nouns import Bools, Column, Counts, Floats, Outputs, Schema
from factory.online.monitor import Monitor
from factory.ood.watch import Ood
from factory.predictor import PerformancePredictor
from factory.profile import Profile
from factory.replay.replay import Replay
from factory.transformers import Neutralise
from factory.twins import SPEAKS, Twins


@dataclass(frozen=True)
class Bundle:
    """One model and its monitors, kept and rolled back together.

    A served refit learns from all rows, those included on which its recipe was measured. What is
    kept to compare later windows with are then its twins' outputs, each on rows that the twin has
    not learnt from, so that nothing is judged on rows that it was trained on; the score on the
    reference is the twins' too, and rather too bad than too good.

    A candidate is *light*: importance, estimator, predictor, monitors and budget are empty until
    it is chosen and completed (see ``training.judge.completed``).

    Attributes:
        schema: columns the model reads; ``schema.names`` in this order enter ``pipeline``.
        pipeline: fitted scikit-learn pipeline, from canonical features to predictions.
        family: model family's name.
        params: the family's hyperparameters, as searched.
        metric: name of the metric it is judged by.
        reference: held-out rows it was judged on, canonical columns, at most 20,000.
        reference_outputs: what is said of ``reference`` by who has not learnt from it: by the
            pipeline, or by its twins; shape (rows,) or (rows, k).
        reference_score: the metric of that on the whole held-out reference.
        importance: per feature, relative loss of the metric when it is permuted on held-out rows.
        neutral: per feature, the constant that stands in when it is neutralised.
        seen: sorted hashes (see ``hashes``) of the rows it was trained on, uint64.
        neutralised: features already neutralised in ``pipeline``.
        columns: every feature the model's line ever read, in the data's order; those that
            ``schema`` lacks were dropped, and their values in ``reference`` are the last sound
            ones. Empty where nothing was dropped.
        config: the configuration it was made under, as plain values (see ``ModelConfig``).
        estimator: estimates the metric where labels are missing (see ``factory.estimate``); learnt
            on held-out rows, None where it cannot be.
        predictor: a second estimate, learnt from broken rows (see ``factory.predictor``); None
            where ``check.corruptions`` is 0, and for few rows.
        online: watches row by row, see ``factory.online``; None where ``check.online`` is absent.
        ood: tells rows that are strange to the model (see ``factory.ood``); None where ``ood`` is
            absent.
        budget: what the reference says of false alarms (see ``factory.budget``).
        units: per feature whose unit ever changed, how a value told in each of the earlier units
            becomes one in the present unit: times a factor, plus an offset.
        found: family and hyperparameters of the best trials of its search, the best first: where
            the next search begins.
        hedges: fallback pipelines by the features that they do without, the most important ones
            first (see ``training.hedge``); they were fitted on the rows that the model, or its
            first twin, was, and can thus be judged on the reference.
        twins: speak for the reference where the pipeline has learnt from it; else None.
        replay: draws the like of the rows that its line has learnt from, where those may not be
            kept; see ``factory.replay``.
        hashed: features that ``seen`` was hashed over, where ``schema`` has lost some since.
        probe: with twins, what the pipeline itself said of the reference when the bundle was saved;
            None before it is, and where that is ``reference_outputs``.
    """

    schema: Schema
    pipeline: Pipeline
    family: str
    params: Mapping[str, Any]
    metric: str
    reference: pd.DataFrame
    reference_outputs: Outputs
    reference_score: float
    importance: Mapping[str, float]
    neutral: Mapping[str, Any]
    seen: NDArray[np.uint64]
    neutralised: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    estimator: PerformanceEstimator | None = None
    predictor: PerformancePredictor | None = None
    online: Monitor | None = None
    ood: Ood | None = None
    budget: AlarmBudget = field(default_factory=AlarmBudget)
    units: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    found: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    hedges: Mapping[tuple[str, ...], Pipeline] = field(default_factory=dict)
    twins: Twins | None = None
    replay: Replay | None = None
    probe: Outputs | None = None
    hashed: tuple[str, ...] = ()

    @cached_property
    def profile(self) -> Profile:
        """The reference's profile, made once for all checks."""
        return Profile.of(self.reference, self.schema)

    @property
    def whole(self) -> Schema:
        """The schema with the features that were dropped."""
        return self.schema.reading(self.columns) if self.columns else self.schema

    def outputs(self, frame: pd.DataFrame) -> Outputs:
        """Return values of shape (n,) for regression, else probabilities of shape (n, k).

        The columns of the probabilities follow ``schema.classes``.
        """
        return pipeline_outputs(self.pipeline, self.schema, frame)

    @property
    def own_outputs(self) -> Outputs:
        """What the pipeline itself says of the reference, from which it may have learnt."""
        if self.twins is None:
            return self.reference_outputs
        return self.outputs(self.reference) if self.probe is None else self.probe

    @property
    def marked(self) -> pd.DataFrame:
        """The reference, each row with who speaks for it, to be given to ``unlearnt``."""
        return self.reference.assign(**{SPEAKS: 0 if self.twins is None else self.twins.speaks})

    def unlearnt(self, rows: pd.DataFrame) -> Outputs:
        """Return what is said of reference rows by who has not learnt from them.

        Args:
            rows: of ``marked``, drawn and changed at will.
        """
        if self.twins is None:
            return self.outputs(rows)
        speaks = rows[SPEAKS].to_numpy()
        outputs = np.empty((len(rows), *self.reference_outputs.shape[1:]))
        for number, pipeline in enumerate(self.twins.pipelines):
            mine = speaks == number
            if mine.any():
                outputs[mine] = pipeline_outputs(pipeline, self.schema, rows.loc[mine])
        return outputs

    @cached_property
    def measured(self) -> "Bundle":
        """The model before it learnt from its reference: its first twin, on that one's rows."""
        if self.twins is None:
            return self
        only = self.taking(np.flatnonzero(self.twins.speaks == 0))
        truth = only.reference[self.schema.target].to_numpy()
        metric = metric_named(self.metric, self.schema)
        return replace(
            only,
            pipeline=self.twins.pipelines[0],
            reference_score=metric.value(truth, only.reference_outputs),
            seen=np.setdiff1d(self.seen, self.hashes(only.reference)),
            twins=None,
            probe=None,
        )

    def taking(self, rows: Counts) -> "Bundle":
        """Return the same model with some rows of its reference, by position."""
        return replace(
            self,
            reference=self.reference.iloc[rows].reset_index(drop=True),
            reference_outputs=self.reference_outputs[rows],
            twins=None if self.twins is None else self.twins.take(rows),
            probe=None if self.probe is None else self.probe[rows],
        )

    def neutralise(self, features: tuple[str, ...]) -> "Bundle":
        """Return the same model with some features replaced by their neutral constants."""
        constants = {name: self.neutral[name] for name in features}
        together = tuple(sorted({*self.neutralised, *features}))
        return self.saying(partial(_neutralised, constants=constants), neutralised=together)

    def hedge(self, features: Collection[str]) -> "Bundle | None":
        """Return the fallback model that does without some features, and as few others as can be.

        It is light. What else is neutralised is done without as well.

        Args:
            features: those that broke; what the model does not read does not matter.

        Returns:
            None where no fallback model was fitted that does without all of them.
        """
        broken = set(features) & set(self.schema.names)
        wanted = broken | set(self.neutralised)
        covering = [names for names in self.hedges if broken and wanted <= set(names)]
        if not covering:
            return None
        gone = min(covering, key=len)
        fewer = {names: pipe for names, pipe in self.hedges.items() if set(gone) < set(names)}
        narrowed = replace(
            self.measured,
            schema=self.schema.without(gone),
            columns=self.whole.features,
            hashed=self.hashed or self.schema.names,
            neutral={name: value for name, value in self.neutral.items() if name not in gone},
            neutralised=(),
            hedges=fewer,
        )
        return narrowed.saying(lambda _: self.hedges[gone])

    def saying(self, change: Callable[[Pipeline], Pipeline], **changes: Any) -> "Bundle":
        """Return a light bundle of a changed pipeline, judged on the same reference.

        What it says is new, so that nothing which was learnt from what it said is kept: see
        ``training.judge.completed``.

        Args:
            change: makes another pipeline of one, reading the same columns; made of the twins'
                as well.
            changes: other fields.
        """
        twins = None if self.twins is None else self.twins.changed(change)
        moved = replace(self, pipeline=change(self.pipeline), twins=twins)
        outputs = moved.unlearnt(moved.marked)
        truth = self.reference[self.schema.target].to_numpy()
        return replace(
            moved,
            reference_outputs=outputs,
            reference_score=metric_named(self.metric, self.schema).value(truth, outputs),
            probe=None,
            importance={},
            estimator=None,
            predictor=None,
            online=None,
            ood=None,
            budget=AlarmBudget(),
            **changes,
        )

    def strangeness(self, rows: pd.DataFrame) -> tuple[Floats, Bools] | None:
        """Return how strange rows are, and mark those that are; None where nothing tells."""
        if self.ood is None or self.ood.missing:
            return None
        speaker = self.pipeline if self.twins is None else self.twins.pipelines[0]
        scores = self.ood.scores(speaker, rows)
        return scores, scores > self.ood.threshold

    def unseen(self, frame: pd.DataFrame) -> Bools:
        """Mark the rows that this model was not trained on, shape (rows,)."""
        return ~np.isin(self.hashes(frame), self.seen)

    def hashes(self, frame: pd.DataFrame) -> NDArray[np.uint64]:
        """Hash rows as those were that it was trained on, shape (rows,)."""
        known = {column.name: column for column in self.whole.features}
        names = self.hashed or self.schema.names
        return row_hashes(frame, self.schema.reading(tuple(known[name] for name in names)))


def _neutralised(pipeline: Pipeline, constants: Mapping[str, Any]) -> Pipeline:
    steps = list(pipeline.steps)
    # Constants are in the unit that was learnt from, so that they come after a conversion.
    place = 1 if steps[0][0] == "convert" else 0
    if steps[place][0] == "neutralise":
        constants = {**steps.pop(place)[1].constants, **constants}
    steps.insert(place, ("neutralise", Neutralise(constants)))
    return Pipeline(steps)


def pipeline_outputs(pipeline: Any, schema: Schema, frame: pd.DataFrame) -> Outputs:
    """Run a fitted pipeline on canonical rows; probabilities for classifiers, else values."""
    X = frame.loc[:, list(schema.names)]
    if schema.task == "regression":
        return np.asarray(pipeline.predict(X), dtype=np.float64).reshape(len(X))
    probabilities = np.zeros((len(X), len(schema.classes)))
    positions = [schema.classes.index(str(c)) for c in pipeline.classes_]
    probabilities[:, positions] = pipeline.predict_proba(X)
    return probabilities


def row_hashes(frame: pd.DataFrame, schema: Schema) -> NDArray[np.uint64]:
    """Hash each row over features, target, timestamp and id; equal rows have equal hashes."""
    names = [*schema.names, schema.target, schema.timestamp, schema.id]
    present = [name for name in names if name is not None and name in frame]
    hashes = pd.util.hash_pandas_object(frame[present], index=False)
    return np.asarray(hashes, dtype=np.uint64)
