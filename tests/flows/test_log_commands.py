"""Labels, explanations and windows of the log, by the commands."""

import pandas as pd
import pytest
from small import command, world, write_config


@pytest.fixture
def scored(shop, tmp_path, capsys):
    """A shop that has scored 400 rows; ids and true values."""
    rows = world(400, seed=8, start="2025-03-01", first=50_000)
    rows.drop(columns="y").to_csv(tmp_path / "rows.csv", index=False)
    output = tmp_path / "out.csv"
    told = ["--input", str(tmp_path / "rows.csv"), "--output", str(output)]
    config = write_config(shop, log={"rows": 400, "wait": 0})
    code, _ = command("predict", str(config), *told, home=shop / "home", capsys=capsys)
    assert code == 0
    return shop, config, pd.read_csv(output).assign(y=rows["y"])


def test_labels_change_what_the_newest_window_says(scored, tmp_path, capsys):
    shop, config, told = scored
    home = shop / "home"
    _, first = command("run", str(config), home=home, capsys=capsys)
    assert first["check"]["labelled"] == 0
    assert first["window"]["rows"] == 400
    _, again = command("run", str(config), home=home, capsys=capsys)
    assert again["repeated"]
    told[["prediction_id", "y"]].to_csv(tmp_path / "labels.csv", index=False)
    code, said = command("label", "small", str(tmp_path / "labels.csv"), home=home, capsys=capsys)
    assert code == 0
    assert (said["rows"], said["unknown"], said["corrected"]) == (400, 0, 0)
    (shown,) = said["performance"]
    assert (shown["version"], shown["role"], shown["labelled"]) == (1, "champion", 400)
    _, restated = command("run", str(config), home=home, capsys=capsys)
    assert not restated["repeated"]
    assert restated["check"]["labelled"] == 400
    assert restated["window"]["start"] == first["window"]["start"]
    realised = restated["check"]["performance"]["realised"]["value"]
    assert realised == pytest.approx(shown["value"])
    _, checked = command("check", "small", "--window", restated["source"], home=home, capsys=capsys)
    assert checked["window"]["sha256"] == restated["window"]["sha256"]


def test_a_prediction_is_explained_by_its_id_or_its_rows(scored, capsys):
    shop, _, told = scored
    home = shop / "home"
    for asked in (told["prediction_id"][7], told["row"][7]):
        code, said = command("explain", "small", str(asked), home=home, capsys=capsys)
        assert code == 0
        (one,) = said["predictions"]
        assert one["prediction"] == pytest.approx(told["prediction"][7])
        assert set(one["parts"]) == {"a", "b", "c"}
        assert one["label"] is None
    assert command("explain", "small", "nobody", home=home)[0] == 2


def test_what_cannot_be_is_one_clear_error(shop, tmp_path):
    (tmp_path / "labels.csv").write_text("prediction_id,other\na,1\n")
    home = shop / "home"
    assert command("label", "small", str(tmp_path / "labels.csv"), home=home)[0] == 2
    assert command("label", "small", str(tmp_path / "none.csv"), home=home)[0] == 2
    assert command("run", "small", home=home)[0] == 2
    assert command("run", "small", "--window", "log:small/x", home=home)[0] == 2


def test_what_a_model_leaves_to_a_person_is_written_out(shop, tmp_path, capsys):
    home, waiting = shop / "home", tmp_path / "waiting.csv"
    config = write_config(shop, ood={"score": "knn"}, abstain={"strange": True})
    assert command("train", str(config), home=home, capsys=capsys)[0] == 0
    command("promote", "small", "2", home=home, capsys=capsys)
    rows = world(60, seed=8, start="2025-03-01", first=50_000).drop(columns="y")
    rows.loc[3, "a"] = 500.0
    rows.to_csv(tmp_path / "rows.csv", index=False)
    told = ["--input", str(tmp_path / "rows.csv"), "--output", str(tmp_path / "out.csv")]
    assert command("predict", "small", *told, home=home, capsys=capsys)[0] == 0
    asked = ("label", "small", "--waiting", str(waiting))
    code, said = command(*asked, home=home, capsys=capsys)
    listed = pd.read_csv(waiting)
    assert (code, said["waiting"]) == (0, len(listed))
    assert "r50003" in set(listed["row"])
    assert set(listed["abstained"]) == {"strange"}
    listed.assign(label=1.5).to_csv(waiting, index=False)
    code, said = command("label", "small", str(waiting), *asked[2:], home=home, capsys=capsys)
    assert (code, said["rows"], said["waiting"]) == (0, len(listed), 0)
    assert command("label", "small", home=home)[0] == 2
