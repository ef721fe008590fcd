"""A fitted reference: rows that later ones are compared with, without a model."""

from dataclasses import dataclass

import pandas as pd

from factory.budget import AlarmBudget, fit_budget
from factory.config import CheckConfig
from factory.detectors.features import signals
from factory.detectors.watched import watched
from factory.nouns import Schema, Signal
from factory.profile import Profile


@dataclass(frozen=True, eq=False)
class Reference:
    """What is kept of rows to compare others with.

    Attributes:
        schema: their features.
        profile: what they look like.
        budget: how often tests of them alarm for nothing.
    """

    schema: Schema
    profile: Profile
    budget: AlarmBudget

    @classmethod
    def fit(cls, frame: pd.DataFrame, schema: Schema, *, seed: int = 0) -> "Reference":
        """Learn from canonical rows.

        Args:
            frame: the rows; in time order where the schema has a timestamp.
            schema: their features.
            seed: of the windows drawn from them.

        >>> from factory.nouns import Column
        >>> schema = Schema((Column("a", "category"),), "y", "regression")
        >>> before, now = (pd.DataFrame({"a": [x, "x"] * 50}, dtype=object) for x in "xy")
        >>> found = Reference.fit(before, schema).compare(Profile.of(now, schema), CheckConfig())
        >>> [(s.kind, s.detector, s.effect, s.alarm) for s in found]
        [('category', 'chi2', 0.5, True), ('unseen', 'unseen', 0.5, True)]
        """
        ordered = schema.timestamp is not None
        budget = fit_budget(watched(frame, schema), ordered=ordered, seed=seed)
        return cls(schema, Profile.of(frame, schema), budget)

    def compare(self, current: Profile, config: CheckConfig) -> tuple[Signal, ...]:
        """Compare other rows, by their profile; see ``factory.detectors.features.signals``."""
        return signals(self.profile, current, self.schema, config, self.budget)
