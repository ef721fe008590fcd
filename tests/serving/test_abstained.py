"""Rows that the model leaves to a person: in every answer, in the log, and in what waits."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from served_world import ROW, bundle, world

from factory.compiled.rows import Layout
from factory.ood.config import OodConfig
from factory.ood.watch import Ood
from registry.inference.labels import add_labels
from registry.inference.waiting import waiting_rows
from serving.batch import Scorer, score_table

AT = 1_750_000_000_000_000_000
FAR = {**ROW, "a": 900.0, "b": -900.0}


@pytest.fixture(scope="module")
def careful():
    """A model that abstains from strange rows, and from those that it is unsure of."""
    made = bundle("binary")
    config = {**made.config, "ood": {"score": "knn"}, "abstain": {"strange": True, "cost": 0.2}}
    told = {"learnt": world("binary"), "held": made.reference, "seed": 0}
    found = Ood.fit(OodConfig(score="knn"), made.pipeline, made.schema, **told)
    return replace(made, config=config, ood=found)


def test_every_form_of_an_answer_says_why_it_is_left_to_a_person(ask, promote, service, careful):
    promote(careful)
    app = service("m")
    rows = [ROW, FAR, {**ROW, "a": "much"}]
    tensors = [
        {"name": name, "shape": [2], "datatype": kind, "data": [ROW[name], FAR[name]]}
        for name, kind in (("a", "FP64"), ("b", "FP64"), ("c", "BYTES"), ("d", "BYTES"))
    ]

    async def act(client):
        arrow = {"accept": "application/vnd.apache.arrow.stream"}
        return (
            await client.post("/invocations", json={"instances": rows}),
            await client.post("/v2/models/m/infer", json={"inputs": tensors}),
            await client.post("/invocations", json={"instances": rows}, headers=arrow),
            await client.get("/metrics"),
        )

    plain, v2, bulk, metrics = ask(app, act)
    told = plain.json()
    assert told["abstained"] == [None, "strange", None]
    assert told["predictions"][1] in {"no", "yes"}
    [output] = [o for o in v2.json()["outputs"] if o["name"] == "abstained"]
    assert (output["shape"], output["data"]) == ([2], [None, "strange"])
    table = pa.ipc.open_stream(io.BytesIO(bulk.content)).read_all()
    assert table.column("abstained").to_pylist() == [None, "strange", None]
    assert 'factory_abstained_rows_total{model="m",reason="strange"} 3.0' in metrics.text
    assert 'factory_abstained_rows_total{model="m",reason="unsure"} 0.0' in metrics.text
    assert [batch.abstained for batch in app.routes.log.batches] == [[None, "strange"]] * 3


def test_a_model_that_never_abstains_says_nothing_of_it(ask, promote, service):
    promote(bundle("binary"))
    app = service("m")

    async def act(client):
        return await client.post("/invocations", json={"instances": [ROW, FAR]})

    assert "abstained" not in ask(app, act).json()
    assert app.routes.log.batches[0].abstained is None


def test_what_waits_for_a_person_is_listed_until_it_is_labelled(home, careful, tmp_path):
    rows = world("binary", rows=40, seed=3).drop(columns="y")
    rows.loc[[5, 7], "a"] = 900.0
    source, output = str(tmp_path / "rows.parquet"), tmp_path / "scored.csv"
    rows.to_parquet(source)
    schema = careful.schema
    assert len(waiting_rows(home, "m", schema)) == 0

    def outputs(read):
        return careful.outputs(read.frame(Layout(schema.features)))

    score_table(Scorer(home, "m", 3, careful, outputs), source, Path(output), at=AT)
    scored = pd.read_csv(output)
    left = scored["abstained"].notna()
    assert scored.loc[[5, 7], "abstained"].tolist() == ["strange"] * 2
    unsure = scored["abstained"] == "unsure"
    surest = scored[["probability_no", "probability_yes"]].max(axis=1)
    assert (surest[unsure] < 0.8).all()
    assert (surest[~left] >= 0.8).all()
    waiting = waiting_rows(home, "m", schema)
    assert waiting["row"].tolist() == rows.loc[left, "row"].tolist()
    assert waiting["prediction_id"].tolist() == scored.loc[left, "prediction_id"].tolist()
    np.testing.assert_array_equal(waiting["a"], rows.loc[left, "a"])
    told = waiting.head(2).assign(label="yes")
    add_labels(home, "m", schema, told, at=AT + 10**9)
    assert waiting_rows(home, "m", schema)["row"].tolist() == waiting["row"].tolist()[2:]
