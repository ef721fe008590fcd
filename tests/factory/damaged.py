"""Tables that the tests of the quality rules damage, and how they look at them."""

import numpy as np
import pandas as pd

from factory.nouns import Column, DataVersion, Schema, Window
from factory.profile import Profile
from factory.quality import inspect


def schema_of(frame, *, target="y", timestamp=None):
    """A schema whose features are all other columns, numbers and texts as they are."""
    kinds = {"f": "number", "O": "category", "M": "date"}
    roles = {target, timestamp}
    columns = [Column(n, kinds[frame[n].dtype.kind]) for n in frame if n not in roles]
    return Schema(tuple(columns), target, "regression", timestamp)


def look(reference, frame, schema, *, now=None, **marks):
    """Return the problems by feature and name, and the broken rows."""
    window = Window(frame, DataVersion("0", len(frame)), **marks)
    pair = Profile.of(reference, schema), Profile.of(frame, schema)
    problems, broken = inspect(*pair, window, schema, rows=reference, now=now)
    return {(p.feature, p.problem): p for p in problems}, broken


def hourly(rng, rows, start="2025-01-01", freq="min"):
    """Rows of a small world in time order: two numbers, one of few digits, and a category."""
    return pd.DataFrame(
        {
            "a": rng.normal(50, 10, rows),
            "b": rng.normal(20, 5, rows).round(1),
            "c": rng.choice(np.array(["red", "green", "blue"], dtype=object), rows),
            "y": rng.normal(size=rows),
            "t": pd.date_range(start, periods=rows, freq=freq).to_numpy("datetime64[ns]"),
        }
    )
