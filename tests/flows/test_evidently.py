"""Evidently's report: what it is handed, and what is said where it is not installed."""

import ast
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.pipeline import make_pipeline
from small import command, world, write_config

from factory.bundle import Bundle
from factory.nouns import Column, Schema
from flows.samples import sides

ROOT = Path(__file__).parents[2]
LATER = {"start": "2025-03-01", "first": 10_000}
absent = pytest.mark.skipif(find_spec("evidently") is not None, reason="Evidently is installed")


def bundle(frame, kinds, classes=()):
    schema = Schema(
        tuple(Column(n, k) for n, k in kinds.items()), "y", "binary" if classes else "regression",
        classes=classes,
    )  # fmt: skip
    model = DummyClassifier(strategy="uniform") if classes else DummyRegressor()
    pipeline = make_pipeline(model).fit(frame[list(kinds)], frame["y"])
    outputs = np.full((len(frame), 2), 0.5) if classes else np.arange(len(frame), dtype=float)
    return Bundle(
        schema=schema, pipeline=pipeline, family="", params={}, metric="accuracy", reference=frame,
        reference_outputs=outputs, reference_score=1.0, importance={}, neutral={},
        seen=np.array([], dtype=np.uint64),
    )  # fmt: skip


def table(rows):
    return pd.DataFrame({"a": np.arange(float(rows)), "y": np.ones(rows)})


def test_rows_are_drawn_by_seed_and_stay_in_order():
    champion = bundle(table(2_000), {"a": "number"})
    frame, outputs = table(50), np.arange(50.0)
    first, again, other = (
        sides(champion, frame, outputs, rows=300, seed=s) for s in (1, 1, 2)
    )  # fmt: skip
    assert (len(first.reference), len(first.window)) == (300, 50)
    pd.testing.assert_frame_equal(first.reference, again.reference)
    assert not first.reference.equals(other.reference)
    assert first.reference["a"].is_monotonic_increasing
    # What the model said stays with its row.
    assert (first.reference["prediction"] == first.reference["a"]).all()
    assert first.numbers == ("a", "y", "prediction")


def test_names_and_values_cannot_end_a_script():
    bad, good = "</script><b>", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"
    frame = pd.DataFrame({bad: [1.0, np.inf], "c": [bad, None], "y": [0.0, 1.0]})
    handed = sides(
        bundle(frame, {bad: "number", "c": "category"}), frame, np.zeros(2), rows=9, seed=0
    )
    for side in (handed.reference, handed.window):
        text = side.to_csv()
        assert "<" not in text
        assert good in text
        assert side["c"].tolist()[1] is None
        assert np.isnan(side.iloc[1, 0])


def test_names_stay_different():
    twin = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"
    frame = pd.DataFrame({"<": [1.0], twin: [2.0], "prediction": [3.0], "y": [0.0]})
    champion = bundle(frame, dict.fromkeys(["<", twin, "prediction"], "number"))
    handed = sides(champion, frame, np.zeros(1), rows=9, seed=0)
    assert handed.numbers == (twin, f"{twin}_", "prediction", "y", "prediction_")


def test_what_cannot_be_compared_is_left_out_and_named():
    frame = pd.DataFrame(
        {
            "a": [np.nan, np.nan],
            "when": pd.to_datetime(["2020-01-01", "2020-01-02"]),
            "c": ["x", "y"],
            "y": ["no", "yes"],
        }
    )
    kinds = {"a": "number", "when": "date", "c": "category"}
    champion = bundle(frame, kinds, classes=("no", "yes"))
    handed = sides(champion, frame.drop(columns="y"), np.eye(2), rows=9, seed=0)
    assert handed.left_out == {
        "a": "it has no value on one side",
        "when": "it is a date",
        "y": "it has no value on one side",
    }
    assert (handed.numbers, handed.categories) == ((), ("c", "prediction"))
    assert handed.window["prediction"].tolist() == ["no", "yes"]


def test_an_empty_window_has_nothing_to_compare():
    champion = bundle(table(5), {"a": "number"})
    handed = sides(champion, table(0), np.zeros(0), rows=9, seed=0)
    assert handed.window.shape == (0, 0)
    assert set(handed.left_out) == {"a", "y", "prediction"}


def test_one_module_imports_evidently():
    found = [
        path.relative_to(ROOT).as_posix()
        for layer in ("factory", "training", "registry", "serving", "flows")
        for path in (ROOT / layer).rglob("*.py")
        if any(_imports(node) for node in ast.walk(ast.parse(path.read_text())))
    ]
    assert found == ["flows/evidently.py"]


def _imports(node):
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] == "evidently" for alias in node.names)
    return isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "evidently"


@absent
def test_a_missing_install_is_one_clear_error(shop, window, tmp_path, capsys):
    from flows.cli import main  # noqa: PLC0415 - people's output, without --json

    rows, folder = window(world(60, seed=2, **LATER)), tmp_path / "evidently"
    arguments = ["check", "small", "--window", rows, "--evidently", str(folder)]
    assert main([*arguments, "--home", str(shop / "home")]) == 2
    said = capsys.readouterr().err
    assert "fix: pip install 'drift-factory[evidently]'" in said
    assert "Traceback" not in said
    assert not folder.exists()


@absent
@pytest.mark.parametrize("when", ["incidents", "always"])
def test_a_run_that_would_need_it_stops_before_it_acts(shop, window, capsys, when):
    config = write_config(shop, check={"evidently": when})
    rows = window(world(1500, seed=3, slope=-3.0, **LATER))
    code, _ = command("run", str(config), "--window", rows, home=shop / "home", capsys=capsys)
    assert code == 2
    _, told = command("decisions", "small", home=shop / "home", capsys=capsys)
    assert told["decisions"] == []
