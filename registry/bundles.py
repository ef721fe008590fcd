"""A bundle as one MLflow model, and back.

The model is a scikit-learn one in skops format, so that MLflow and whoever serves its models can
use it. Beside the pipeline, in ``bundle/``, lie the schema and all small values (bundle.json),
the reference rows with the outputs on them (reference.parquet), the hashes of the rows seen
(seen.npy), what estimates its performance (estimator.skops, predictor.skops) and, where it has
them, its fallback models (hedges.skops), who speaks for the reference in its place, with what it
says itself (twins.skops), what watches it row by row (online.npz, ood.npz), and what draws the like
of rows that are not kept (replay.npz). How it is served, and the proof that it may be, is in
served.json (see ``registry.proofs``).

MLflow's own loader reads the list of trusted types from the model itself and refuses altogether
where ``MLFLOW_ALLOW_PICKLE_DESERIALIZATION`` is false; here the list is ours, so that a stored
model cannot widen it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import skops.io
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType
from mlflow.types import Schema as Columns

from factory.budget import AlarmBudget
from factory.bundle import Bundle
from factory.nouns import Column, Kind, Outputs, Schema
from factory.online.monitor import Monitor
from factory.ood.watch import Ood
from factory.replay.replay import Replay
from factory.twins import Twins
from registry.client import mlflow
from registry.files import changed, fetched, files_of
from registry.states import read_values, write_values

TRUSTED_TYPES = (
    "factory.adapt.convert.Convert",
    "factory.adapt.corrected.CorrectedClassifier",
    "factory.adapt.corrected.CorrectedRegressor",
    "factory.adapt.scaling.Scaling",
    "factory.transformers.Neutralise",
    "factory.calibrate.Calibrator",
    "factory.calibrate.Curve",
    "factory.confidence.ConfidenceModel",
    "factory.losses.LossModel",
    "factory.misses.Misses",
    "factory.neural.NetworkClassifier",
    "factory.neural.NetworkRegressor",
    "factory.pictures.Pictures",
    "factory.predictor.PerformancePredictor",
    "factory.reweight.Coder",
    "factory.texts.Terms",
    "factory.texts.Words",
    "factory.transformers.Budget",
    "factory.transformers.DateParts",
    "factory.transformers.Finite",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.feature_selection._mutual_info.mutual_info_classif",
    "sklearn.feature_selection._mutual_info.mutual_info_regression",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
)
"""Types beyond skops's own that a bundle's pipeline may hold; nothing else is loaded."""

REQUIREMENTS = ("drift-factory", "mlflow", "numpy", "pandas", "scikit-learn", "skops")
TYPES: Mapping[Kind, DataType] = {
    "number": DataType.double,
    "category": DataType.string,
    "date": DataType.datetime,
    "text": DataType.string,
    "image": DataType.string,
}
FILES = "bundle"
KEPT_APART = {
    "schema",
    "columns",
    "pipeline",
    "reference",
    "reference_outputs",
    "seen",
    "estimator",
    "predictor",
    "budget",
    "online",
    "ood",
    "hedges",
    "twins",
    "replay",
    "probe",
}
"""Fields of a bundle that are not plain values."""


def write_bundle(bundle: Bundle, folder: Path, *, model_id: str, run_id: str) -> None:
    """Write a bundle as an MLflow model into a folder that does not exist yet."""
    outputs = DataType.double if bundle.schema.task == "regression" else DataType.string
    inputs = [ColSpec(TYPES[c.kind], c.name, required=False) for c in bundle.schema.features]
    mlflow.sklearn.save_model(
        bundle.pipeline,
        folder,
        mlflow_model=Model(run_id=run_id, model_id=model_id),
        serialization_format="skops",
        skops_trusted_types=list(TRUSTED_TYPES),
        signature=ModelSignature(Columns(inputs), Columns([ColSpec(outputs)])),
        input_example=bundle.reference[list(bundle.schema.names)].head(3),
        pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
    )
    files = folder / FILES
    files.mkdir()
    values = {f.name: getattr(bundle, f.name) for f in fields(bundle) if f.name not in KEPT_APART}
    known = [asdict(column) for column in bundle.columns]
    told = {"schema": asdict(bundle.schema), "columns": known, **values}
    told["budget"] = asdict(bundle.budget)
    (files / "bundle.json").write_text(json.dumps(_plain(told), indent=1, allow_nan=False))
    np.save(files / "seen.npy", bundle.seen, allow_pickle=False)
    skops.io.dump(bundle.estimator, files / "estimator.skops")
    skops.io.dump(bundle.predictor, files / "predictor.skops")
    if bundle.hedges:
        told_apart = [[list(names), pipeline] for names, pipeline in bundle.hedges.items()]
        skops.io.dump(told_apart, files / "hedges.skops")
    if bundle.twins is not None:
        kept = {"pipelines": list(bundle.twins.pipelines), "speaks": bundle.twins.speaks}
        skops.io.dump({**kept, "probe": bundle.own_outputs}, files / "twins.skops")
    if bundle.online is not None:
        write_values(files / "online.npz", bundle.online.to_values())
    if bundle.ood is not None:
        write_values(files / "ood.npz", bundle.ood.to_values())
    if bundle.replay is not None:
        write_values(files / "replay.npz", bundle.replay.to_values())
    reference = pa.Table.from_pandas(bundle.reference, preserve_index=False)
    columns = np.asarray(bundle.reference_outputs, dtype=np.float64).reshape(len(reference), -1)
    for position in range(columns.shape[1]):
        name = f"output_{position}"
        while name in reference.column_names:
            name = f"_{name}"
        reference = reference.append_column(name, pa.array(columns[:, position]))
    pyarrow.parquet.write_table(reference, files / "reference.parquet")


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle from an MLflow model's folder; it may fail in any way if it is damaged."""
    files = folder / FILES
    told = _rich(json.loads((files / "bundle.json").read_text()))
    schema = _schema(told.pop("schema"))
    with pyarrow.parquet.ParquetFile(files / "reference.parquet") as file:
        table = file.read()
    width = max(1, len(schema.classes))
    names = table.column_names
    outputs = table.select(names[-width:]).to_pandas().to_numpy(dtype=np.float64)
    online, ood, hedges = (files / name for name in ("online.npz", "ood.npz", "hedges.skops"))
    replay = files / "replay.npz"
    twins, probe = _twins(files / "twins.skops")
    return Bundle(
        schema=schema,
        pipeline=skops.io.load(folder / "model.skops", trusted=list(TRUSTED_TYPES)),
        reference=table.select(names[:-width]).to_pandas(ignore_metadata=True),
        reference_outputs=outputs if schema.classes else outputs[:, 0],
        seen=np.load(files / "seen.npy", allow_pickle=False),
        columns=tuple(Column(**column) for column in told.pop("columns")),
        budget=AlarmBudget(**told.pop("budget")),
        estimator=skops.io.load(files / "estimator.skops", trusted=list(TRUSTED_TYPES)),
        predictor=skops.io.load(files / "predictor.skops", trusted=list(TRUSTED_TYPES)),
        online=Monitor.of(read_values(online)) if online.exists() else None,
        ood=Ood.of_values(read_values(ood)) if ood.exists() else None,
        hedges=_hedges(hedges) if hedges.exists() else {},
        twins=twins,
        replay=Replay.of(read_values(replay)) if replay.exists() else None,
        probe=probe,
        **told,
    )


def fetched_bundle(location: str, tracking_uri: str, content: str = "") -> Bundle:
    """Read a bundle from where MLflow keeps it.

    Args:
        location: of the MLflow model.
        tracking_uri: of MLflow.
        content: what its files must be, as canonical JSON of ``files_of``; empty asks nothing.

    Raises:
        ValueError: its files are others. What is damaged else may fail in any way.
    """
    with fetched(location, tracking_uri) as folder:
        edited = changed(files_of(folder), json.loads(content)) if content else None
        if edited is not None:
            raise ValueError(edited)
        return read_bundle(folder)


kept_bundle = lru_cache(maxsize=16)(fetched_bundle)
"""The same, with the last few kept in memory: what lies at a location never changes."""


def _hedges(file: Path) -> dict[tuple[str, ...], Any]:
    loaded = skops.io.load(file, trusted=list(TRUSTED_TYPES))
    return {tuple(names): pipeline for names, pipeline in loaded}


def _twins(file: Path) -> tuple[Twins | None, Outputs | None]:
    if not file.exists():
        return None, None
    told = skops.io.load(file, trusted=list(TRUSTED_TYPES))
    return Twins(tuple(told["pipelines"]), told["speaks"]), told["probe"]


def _schema(told: dict[str, Any]) -> Schema:
    features, beside = (
        tuple(Column(**column) for column in told.pop(name, ())) for name in ("features", "beside")
    )
    return Schema(features=features, beside=beside, **told)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what JSON lacks stands under a name of its own."""
    if isinstance(value, np.datetime64):
        return {"$date": str(value)}
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return {"$float": str(value)}
    if isinstance(value, tuple):
        return {"$tuple": [_plain(item) for item in value]}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def _rich(value: Any) -> Any:
    if isinstance(value, list):
        return [_rich(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"$date": str(text)}:
            return np.datetime64(text, "ns")
        case {"$float": str(text)}:
            return float(text)
        case {"$tuple": list(items)}:
            return tuple(_rich(item) for item in items)
    return {key: _rich(item) for key, item in value.items()}
