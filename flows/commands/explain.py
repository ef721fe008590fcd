"""``factory explain``: one prediction of the log, and which features make its row an odd one."""

from argparse import Namespace
from datetime import datetime
from typing import Any

import numpy as np

from factory.errors import BadData
from flows.console import answers, print_json, print_table
from flows.workplace import Workplace, open_workplace, resolve
from registry.inference.columns import features_of, outputs_of
from registry.inference.labels import labels_of
from registry.inference.table import address, found
from serving.beside import Beside

SHOWN = 20
"""Features in the table, those that are farthest out."""


def run(args: Namespace) -> int:
    """Look a prediction up by its id, or by the row's own."""
    place = open_workplace(args.home)
    name, _ = resolve(args.name)
    told = [_told(place, name, row) for row in _rows(place, name, args.id)]
    if args.json:
        print_json({"model": name, "predictions": told})
    else:
        for one in told:
            tell(name, one)
    return 0


def _rows(place: Workplace, name: str, asked: str) -> list[Any]:
    where = address(place.home, "predictions", name)
    rows = found(where, "prediction_id", asked) or found(where, "row_id", asked)
    if rows:
        return rows
    raise BadData(
        f"No prediction {asked!r} is in the inference log of {name!r}.",
        hint="give an id that an answer told; the newest are there after some seconds",
    )


def _told(place: Workplace, name: str, row: Any) -> dict[str, Any]:
    version = row.column("version")[0].as_py()
    watched = Beside(place.models.load).watched(name, version)
    schema = watched.bundle.schema
    features = features_of(row, schema.features).reindex(columns=list(schema.names))
    plain = {c: row.column(c)[0].as_py() for c in row.column_names}
    said: dict[str, Any] = {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in plain.items()
        if key in {"prediction_id", "row_id", "row_time", "at", "version", "role", "prediction"}
    }
    keys = [said["row_id"]] if "row_id" in said else None
    label = labels_of(place.home, name, schema, [said["prediction_id"]], keys)[0]
    outputs = outputs_of(row, schema)[0]
    said |= {
        "outputs": np.atleast_1d(outputs).tolist(),
        "label": None if label is None or label != label else label,  # noqa: PLR0124 - NaN
        "features": {name: str(features[name].iloc[0]) for name in schema.names},
        "outlier_score": None,
        "parts": {},
        "ood_score": None,
    }
    if watched.outliers is not None:
        parts = watched.outliers.parts(features)
        order = sorted(parts, key=lambda feature: -float(parts[feature][0]))
        said["outlier_score"] = float(watched.outliers.scores(features)[0])
        said["parts"] = {feature: float(parts[feature][0]) for feature in order}
    strangeness = watched.bundle.strangeness(features)
    ood = watched.bundle.ood
    if ood is not None and strangeness is not None:
        limits = {"score": ood.score, "threshold": ood.threshold}
        said |= {"ood_score": float(strangeness[0][0]), "ood": limits}
    return said


def tell(name: str, told: dict[str, Any]) -> None:
    """Print a prediction for people."""
    answers.print(
        f"[bold]{told['prediction_id']}[/bold]: {name} version {told['version']} ({told['role']}) "
        f"said {told['prediction']} at {told['at']}"
    )
    answers.print(f"label: {'not known' if told['label'] is None else told['label']}")
    if told["outlier_score"] is not None:
        place = "out of place" if told["outlier_score"] >= 1 else "in place"
        answers.print(f"{place}: {told['outlier_score']:.3g}, where 1 and beyond is an outlier")
        rows = [
            (feature, told["features"][feature], f"{part:.3g}")
            for feature, part in list(told["parts"].items())[:SHOWN]
        ]
        print_table("what makes it so", ("feature", "value", "part"), rows)
    if told["ood_score"] is not None:
        place = "strange" if told["ood_score"] > told["ood"]["threshold"] else "known"
        answers.print(
            f"{place} to the model: {told['ood']['score']} {told['ood_score']:.3g}, "
            f"where more than {told['ood']['threshold']:.3g} is strange"
        )
