"""Our plug-ins of alibi-detect, where it is installed: what each finds, and finds again."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from alibi_detect.cd import ChiSquareDrift, CVMDrift, KSDrift
from script import answer

sys.path.insert(0, str(Path(__file__).parents[3]))

from factory.budget import AlarmBudget
from factory.config import CheckConfig
from factory.detectors import JOINT_PLUGINS, PLUGINS_READ
from factory.detectors.features import detector, signals
from factory.detectors.joint import joint
from factory.nouns import Column, Schema
from factory.profile import Categories, Numbers, Profile

SCHEMA = Schema(
    (Column("a", "number"), Column("b", "number"), Column("c", "category"), Column("d", "date")),
    "y",
    "regression",
)
THEIRS = {"alibi:KSDrift": KSDrift, "alibi:CVMDrift": CVMDrift}


def table(rng: np.random.Generator, rows: int, shift: float) -> pd.DataFrame:
    a = rng.normal(size=rows)
    frame = pd.DataFrame(
        {
            "a": a + shift,
            "b": 0.9 * a * (shift == 0) + 0.4 * rng.normal(size=rows),
            "c": rng.choice(np.array(["x", "y", "z"], dtype=object), rows, p=[0.6, 0.3, 0.1]),
            "d": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(rows), unit="D"),
        }
    )
    if shift:
        frame["c"] = frame["c"].replace("z", "y")
    frame.loc[::50, "b"] = np.nan
    frame.loc[::40, "c"] = None
    return frame


def single(name: str, kind: str, before: pd.DataFrame, now: pd.DataFrame) -> dict[str, Any]:
    """Return our finding, for independent rows and for dependent ones, and alibi-detect's own."""
    feature, made = ("a", Numbers) if kind == "number" else ("c", Categories)
    pair = [side[feature].to_numpy() for side in (before, now)]
    summaries = [made.of(side) for side in pair]
    if kind == "category":
        codes = pd.factorize(np.concatenate(pair), sort=True)[0]
        codes = codes[: len(before)], codes[len(before) :]
        pair = [side[side >= 0].astype(float) for side in codes]
        theirs = ChiSquareDrift(pair[0], categories_per_feature={0: [0, 1, 2]})
    else:
        theirs = THEIRS[name](pair[0])
    data = theirs.predict(pair[1])["data"]
    return {
        "found": detector(name)(*summaries),
        "dependent": detector(name)(*summaries, deff=4.0),
        "theirs": [float(data["distance"][0]), float(data["p_val"][0])],
    }


def plugins(question: dict[str, Any]) -> dict[str, Any]:
    rng = np.random.default_rng(question["seed"])
    before, same, moved = (table(rng, 400, shift) for shift in (0.0, 0.0, 0.5))
    told = {}
    for kind in ("number", "category"):
        for name in PLUGINS_READ[kind]:
            told[name] = {
                "same": single(name, kind, before, same),
                "moved": single(name, kind, before, moved),
            }
    for name in JOINT_PLUGINS:
        state = np.random.get_state()[1].tolist()  # noqa: NPY002 - to see that it is left alone
        found = [joint(name)(before, now, SCHEMA, 0) for now in (same, moved, moved)]
        told[name] = (
            {
                key: [one.statistic, one.p_value, one.effect]
                for key, one in zip(("same", "moved", "again"), found, strict=True)
            }
            | {
                "tells": getattr(found[1], "tells", None),
                "state": state == np.random.get_state()[1].tolist(),  # noqa: NPY002 - as above
                "few": joint(name)(before[:5], moved, SCHEMA, 0).p_value,
            }
        )
    config = CheckConfig.model_validate(
        {"detectors": {"number": "alibi:KSDrift", "category": "alibi:ChiSquareDrift"}}
    )
    profiles = Profile.of(before, SCHEMA), Profile.of(moved, SCHEMA)
    found = signals(*profiles, SCHEMA, config, AlarmBudget())
    told["signals"] = [[s.feature, s.detector, s.alarm] for s in found]
    return told


answer(plugins)
