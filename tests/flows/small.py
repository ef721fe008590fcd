"""A small world that a model learns in a second, and commands run in this process."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from flows.cli import main


def command(*arguments: str, home: Path, capsys=None):
    """Run a command in this process; return its exit code and what it printed as JSON."""
    code = main([*arguments, "--home", str(home), "--json"])
    printed = capsys.readouterr() if capsys else None
    return code, json.loads(printed.out) if printed and printed.out else None


def world(n, *, seed, start="2025-01-01", slope=3.0, first=0):
    """Rows of a small world: y = slope * a + effect of c + noise; b is noise, all hourly."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.exponential(size=n)
    c = rng.choice(["red", "green", "blue"], size=n, p=[0.5, 0.3, 0.2])
    effect = pd.Series(c).map({"red": 0.0, "green": 1.0, "blue": -2.0}).to_numpy()
    return pd.DataFrame(
        {
            "row": [f"r{i}" for i in range(first, first + n)],
            "time": pd.date_range(start, periods=n, freq="h"),
            "a": a,
            "b": b,
            "c": c,
            "y": slope * a + effect + rng.normal(scale=0.5, size=n),
        }
    )


def write_config(folder: Path, **more):
    """Write a config that trains the small world in seconds."""
    config = {
        "name": "small",
        "data": {"path": "train.csv", "target": "y", "timestamp": "time", "id": "row"},
        "search": {"families": ["linear"], "trials": 2, "folds": 2},
        **more,
    }
    path = folder / "small.yaml"
    path.write_text(json.dumps(config))
    return path
