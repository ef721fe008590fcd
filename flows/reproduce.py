"""Makes a version again from what was recorded of it, and compares what both predict."""

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from factory.bundle import pipeline_outputs
from factory.errors import BadData
from factory.exact import read
from factory.nouns import Outputs
from factory.remedies import Remedy, Retrain
from flows.candidates import plans_for
from flows.code import code_changes
from flows.finish import last_fit
from flows.inputs import Inputs
from flows.loop import examine
from flows.replay import past_case
from flows.workplace import Workplace, config_of
from registry.entries import VersionEntry
from registry.frames import load_frame
from training.family import family_named, loss_for
from training.fit import fit_pipeline
from training.labels import labelled
from training.split import split


@dataclass(frozen=True)
class Reproduced:
    """What came of making a version again.

    Attributes:
        model: its name.
        version: that was made again.
        made: what it was made by: train, or a remedy's kind.
        data_sha256: the rows that it was made from, or was chosen on.
        rows: reference rows that both predicted.
        difference: the largest of an output, 0 where all are the same.
        moved: how far the registered model's outputs are from those that it was registered with.
        changes: what is other code than it was then.
    """

    model: str
    version: int
    made: str
    data_sha256: str
    rows: int
    difference: float
    moved: float
    changes: tuple[str, ...]


def reproduce(name: str, version: int, place: Workplace) -> Reproduced:
    """Make a version again, and let both predict the reference rows that it came with.

    Raises:
        UnknownModel: there is no such model or version.
        BadData: how it was made is not recorded, or its rows are gone or were edited.
        Damaged: its files, or the ledger, were edited.
    """
    kept = place.models.load(name, version)
    entry = place.ledger.version(name, version)
    if entry is None or not entry.made:
        raise BadData(
            f"How version {version} of {name!r} was made is not recorded.",
            hint="factory models names versions that factory train or factory run made",
        )
    make = _trained if entry.made["by"] == "train" else _remedied
    data, again = make(entry, place)
    now = kept.outputs(kept.reference)
    return Reproduced(
        model=name,
        version=version,
        made=str(entry.made.get("remedy", {}).get("kind", entry.made["by"])),
        data_sha256=data,
        rows=len(kept.reference),
        difference=_largest(now, again),
        moved=_largest(now, kept.own_outputs),
        changes=tuple(code_changes(entry.made.get("code", {}))),
    )


def _trained(entry: VersionEntry, place: Workplace) -> tuple[str, Outputs]:
    """Fit the recorded recipe on the rows that trained it; the search is not needed again."""
    kept = place.models.load(entry.model, entry.version)
    config, data = config_of(kept.config, entry.model), str(entry.made["data_sha256"])
    schema = kept.schema
    rows = labelled(load_frame(place.home, data)[0], schema)
    learn = rows
    if kept.twins is None:
        learn = rows.iloc[split(rows, schema, config.split, config.seed).train]
    family = family_named(kept.family)
    loss = loss_for(family, schema.task, config.search.loss, kept.metric)
    recipe = (family.name, kept.params, loss, config.seed)
    pipeline = fit_pipeline(learn.reset_index(drop=True), schema, config.features, *recipe)
    return data, pipeline_outputs(pipeline, schema, kept.reference)


def _remedied(entry: VersionEntry, place: Workplace) -> tuple[str, Outputs]:
    """Prepare the recorded remedy again, for the window that called for it."""
    kept = place.models.load(entry.model, entry.version)
    decision = place.ledger.decision(str(entry.made["decision"]))
    if decision is None:
        raise BadData(
            f"The decision that made version {entry.version} of {entry.model!r} was never "
            "recorded: that run was interrupted.",
            hint="run the window again, and reproduce the version that comes of it",
        )
    inputs = read(Inputs, json.loads(decision.body)["inputs"])
    case = past_case(decision, inputs, place)
    examined = examine(case)
    remedy = _remedy_of(dict(entry.made["remedy"]))
    if isinstance(remedy, Retrain) and remedy.search:
        # What the search found is recorded, so that it is fitted without searching again.
        found = replace(case.champion, family=kept.family, params=kept.params)
        case, remedy = replace(case, champion=found), replace(remedy, search=False)
    bundle = plans_for([remedy], case, examined)[remedy]()
    if bundle is None:
        raise BadData(
            f"The remedy that made version {entry.version} does not apply any more.",
            hint=f"factory replay {decision.id} --deep",
        )
    pipeline = last_fit(bundle, remedy, examined)
    return decision.window_sha256, pipeline_outputs(pipeline, bundle.schema, kept.reference)


def _remedy_of(told: dict[str, Any]) -> Remedy:
    remedy: Remedy = read(Remedy, told)  # type: ignore[arg-type]
    return remedy


def _largest(one: Outputs, other: Outputs) -> float:
    """Return the largest difference of two outputs; NaN is equal to NaN."""
    if one.shape != other.shape:
        return float("inf")
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    return float(np.max(np.where(same, 0.0, np.abs(one - other)), initial=0.0))
