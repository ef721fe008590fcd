"""Our drift check in time order: a budget that knows the order, and one that does not."""

import sys
from pathlib import Path
from typing import Any

import pandas as pd
from script import answer

sys.path.insert(0, str(Path(__file__).parents[3]))

from factory.budget import fit_budget
from factory.config import CheckConfig
from factory.detectors.watched import watched
from factory.nouns import Column, Schema
from factory.profile import Profile
from factory.reference import Reference

CONFIGS = CheckConfig(minimum_effect=0.0), CheckConfig()


def ordered(question: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for case in question["cases"]:
        before = pd.read_parquet(case["reference"])
        kinds = ["category" if c.dtype == object else "number" for _, c in before.items()]
        columns = tuple(Column(*each) for each in zip(before, kinds, strict=True))
        schema = Schema(columns, "y", "regression")
        profile, columns = Profile.of(before, schema), watched(before, schema)
        windows = [Profile.of(pd.read_parquet(path), schema) for path in case["windows"]]
        for known in (True, False):
            budget = fit_budget(columns, ordered=known, seed=0)
            reference = Reference(schema, profile, budget)
            told = found.setdefault(str(known), [0, 0, 0])
            told[2] += len(windows)
            for window in windows:
                for i, config in enumerate(CONFIGS):
                    told[i] += any(s.alarm for s in reference.compare(window, config))
    return found


answer(ordered)
