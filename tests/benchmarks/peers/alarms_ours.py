"""Our drift check on windows without drift: with any effect, and with the smallest that counts."""

import sys
from pathlib import Path
from typing import Any

import pandas as pd
from script import answer
from windows import splits

sys.path.insert(0, str(Path(__file__).parents[3]))

from factory.config import CheckConfig
from factory.nouns import Column, Schema
from factory.profile import Profile
from factory.reference import Reference

CONFIGS = CheckConfig(minimum_effect=0.0), CheckConfig()
FITTED = 20
"""Splits for which the budget, which takes longest, is learnt once."""


def schema_of(frame: pd.DataFrame) -> Schema:
    kinds = ["category" if column.dtype == object else "number" for _, column in frame.items()]
    columns = tuple(Column(*each) for each in zip(frame, kinds, strict=True))
    return Schema(columns, "y", "regression")


def alarms(question: dict[str, Any]) -> list[list[int]]:
    found = []
    for case, rows, first, windows in question["cases"]:
        counts = [0, 0]
        of = splits(question["folder"], case, range(first, first + windows), rows)
        for number, (before, now) in enumerate(of):
            schema = schema_of(before)
            if number % FITTED == 0:
                fitted = Reference.fit(before, schema, seed=number)
            reference = Reference(schema, Profile.of(before, schema), fitted.budget)
            current = Profile.of(now, schema)
            for i, config in enumerate(CONFIGS):
                counts[i] += any(signal.alarm for signal in reference.compare(current, config))
        found.append(counts)
    return found


answer(alarms)
