"""Parts of single predictions against scikit-learn, and against shap where it is the judge."""

import numpy as np
import pytest
from served_world import ROW, bundle, world

from serving.anchors import explain as anchored
from serving.contributions import explain

CASES = [
    ("regression", "linear"),
    ("regression", "forest"),
    ("binary", "forest"),
    ("multiclass", "forest"),
]


@pytest.mark.parametrize(("task", "family"), CASES)
def test_parts_add_up_to_what_the_prediction_is_above_the_mean(task, family):
    made, rows = bundle(task, family), world(task, rows=30, seed=7)
    told = explain(made, rows)
    assert all(one["exact"] for one in told)
    outputs = made.outputs(rows).reshape(len(rows), -1)
    if outputs.shape[1] == 2:
        outputs = outputs[:, 1:]
    parts = np.array([np.sum(list(one["values"].values()), axis=0) for one in told])
    bases = outputs - parts
    assert np.allclose(bases, bases[0], atol=1e-6)
    assert list(told[0]["values"]) == ["a", "b", "c", "d"]
    assert len(told[0]["outputs"]) == outputs.shape[1]
    assert told[0]["unit"] == ("target" if task == "regression" else "probability")


def test_the_feature_that_decides_has_the_largest_part():
    rows = world(rows=60, seed=8)
    told = explain(bundle(), rows)
    large = rows["a"].abs() > 1.5
    assert large.sum() > 3
    for one in (told[i] for i in np.flatnonzero(large)):
        sizes = {name: abs(part[0]) for name, part in one["values"].items()}
        assert max(sizes, key=sizes.get) == "a"


def test_explanations_come_from_a_process_of_their_own(ask, app):
    async def act(client):
        good = await client.post("/explain", json={"instances": [ROW]}, timeout=120)
        bad = await client.post("/explain", json={"instances": [{**ROW, "a": "x"}]})
        rule = await client.post("/explain", json={"instances": [ROW], "method": "anchors"})
        unknown = [
            await client.post("/explain", json={"instances": [ROW], "method": method})
            for method in ("tea", ["shap"], None)
        ]
        return good, bad, rule, unknown

    good, bad, rule, unknown = ask(app, act)
    assert good.json()["explanations"][0]["exact"]
    assert (good.json()["version"], bad.status_code) == (1, 422)
    assert [answer.status_code for answer in unknown] == [400] * 3
    assert bad.json()["errors"][0]["column"] == "a"
    assert rule.json()["method"] == "anchors"
    assert set(rule.json()["explanations"][0]) >= {"terms", "precision", "coverage", "holds"}


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_an_anchor_names_what_the_model_goes_by(task):
    made = bundle(task)
    rows = world(task, rows=40, seed=7).dropna().nlargest(2, "a").reset_index(drop=True)
    for told, outputs in zip(anchored(made, rows), made.outputs(rows), strict=True):
        assert told["holds"] == (told["low"] >= 0.95)
        assert any(term.startswith("a > ") for term in told["terms"])
        assert told["low"] <= told["precision"] <= 1
        assert 0 < told["coverage"] < 1
        if task == "binary":
            assert told["says"] == made.schema.classes[outputs.argmax()]
        else:
            assert told["says"][0] < outputs
