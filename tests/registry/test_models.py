from dataclasses import replace

import pytest
from made import broken_twin, files_of, make_bundle

from factory.errors import Conflict, NoChampion, Unavailable, UnknownModel
from registry.client import connect
from registry.ledger import Ledger
from registry.models import Models

WHY = {"who": "me", "why": "better", "at": "2025-01-01T00:00:00+00:00"}


def mlflow_aliases(home, name="m"):
    return {a: int(v) for a, v in connect(home).get_registered_model(name).aliases.items()}


def test_unknown_names_and_versions_are_told(models, keep):
    with pytest.raises(UnknownModel, match="factory train m"):
        models.champion("m")
    keep(make_bundle(), name="sales")
    with pytest.raises(UnknownModel, match="did you mean 'sales'"):
        models.champion("sale")
    with pytest.raises(UnknownModel, match="did you mean 'sales'"):
        models.load("sale", 1)
    with pytest.raises(UnknownModel, match="its versions: 1"):
        models.load("sales", 2)
    with pytest.raises(UnknownModel, match="its versions: 1"):
        models.promote("sales", 99, expected=None, **WHY)
    with pytest.raises(UnknownModel, match="No model"):
        models.versions("it's")
    with pytest.raises(NoChampion):
        models.champion("sales")
    assert models.names() == ["sales"]


def test_a_promotion_moves_ledger_and_aliases_together(home, models, keep):
    bundle = make_bundle()
    first, second = keep(bundle), keep(bundle)
    models.challenge("m", first)
    assert mlflow_aliases(home) == {"challenger": first}
    assert models.promote("m", first, expected=None, **WHY)
    assert mlflow_aliases(home) == {"champion": first}
    models.challenge("m", second)
    assert models.promote("m", second, expected=first, decision="d", **WHY)
    assert mlflow_aliases(home) == {"champion": second, "previous": first}
    assert models.champion("m") == second
    assert models.ledger.history("m")[-1].decision == "d"
    assert [told["aliases"] for told in models.versions("m")] == [["previous"], ["champion"]]
    assert models.link("m", 2) == "http://127.0.0.1:5000/#/models/m/versions/2"


def test_a_repeated_promotion_changes_nothing(home, models, keep):
    bundle = make_bundle()
    first, second = keep(bundle), keep(bundle)
    models.promote("m", first, expected=None, **WHY)
    recorded = []
    assert models.promote("m", second, expected=first, record=recorded.append, **WHY)
    assert not models.promote("m", second, expected=first, record=recorded.append, **WHY)
    assert len(recorded) == 1
    assert mlflow_aliases(home) == {"champion": second, "previous": first}
    assert len(models.ledger.history("m")) == 2


def test_a_champion_that_moved_is_a_conflict(home, models, keep):
    bundle = make_bundle()
    versions = [keep(bundle) for _ in range(3)]
    models.promote("m", versions[0], expected=None, **WHY)
    models.promote("m", versions[1], expected=versions[0], **WHY)
    recorded = []
    with pytest.raises(Conflict, match="is version 2, not version 1"):
        models.promote("m", versions[2], expected=versions[0], record=recorded.append, **WHY)
    with pytest.raises(Conflict, match="is version 2, not none"):
        models.unchanged("m", expected=None, record=recorded.append)
    assert recorded == []
    models.unchanged("m", expected=2, record=recorded.append)
    assert len(recorded) == 1
    assert mlflow_aliases(home) == {"champion": 2, "previous": 1}


def test_what_fails_inside_moves_nothing(home, models, keep):
    bundle = make_bundle()
    first, second = keep(bundle), keep(bundle)
    models.promote("m", first, expected=None, **WHY)

    def record(t):
        t.record_decision(
            "d", window_sha256="s", champion_before=1, champion_after=2, body="", at="now"
        )
        raise RuntimeError

    with pytest.raises(RuntimeError):
        models.promote("m", second, expected=first, record=record, **WHY)
    assert models.champion("m") == first
    assert models.ledger.decisions("m") == []
    assert mlflow_aliases(home) == {"champion": first}


def test_rolling_back(home, models, keep):
    bundle = make_bundle()
    versions = [keep(bundle) for _ in range(3)]
    with pytest.raises(NoChampion):
        models.roll_back("m", **WHY)
    models.promote("m", 1, expected=None, **WHY)
    with pytest.raises(UnknownModel, match="no champion before version 1"):
        models.roll_back("m", **WHY)
    for version in versions[1:]:
        models.promote("m", version, expected=version - 1, **WHY)
    assert models.roll_back("m", **WHY) == 2
    assert mlflow_aliases(home) == {"champion": 2, "previous": 3}
    assert models.roll_back("m", 1, expected=2, **WHY) == 1
    assert mlflow_aliases(home) == {"champion": 1, "previous": 2}
    with pytest.raises(UnknownModel, match="no version 9"):
        models.roll_back("m", 9, **WHY)
    with pytest.raises(Conflict):
        models.roll_back("m", 3, expected=2, **WHY)
    assert models.champion("m") == 1


def test_a_version_that_fails_its_proof_is_not_rolled_back_to(home, models, keep):
    bundle = make_bundle()
    good, wrong, lost = keep(bundle), keep(broken_twin(bundle)), keep(bundle)
    models.promote("m", good, expected=None, **WHY)
    (files_of(models, lost) / "model.skops").unlink()
    for version, words in ((wrong, "predicts other values"), (lost, "is damaged")):
        with pytest.raises(Unavailable, match=words):
            models.roll_back("m", version, **WHY)
    odd = keep(replace(bundle, schema=replace(bundle.schema, features=bundle.schema.features[:1])))
    with pytest.raises(Unavailable, match="is damaged"):
        models.verify("m", odd)
    assert models.champion("m") == good
    assert mlflow_aliases(home) == {"champion": good}


def test_aliases_are_mended_by_the_ledger(home, models, keep):
    bundle = make_bundle()
    versions = [keep(bundle) for _ in range(3)]
    keep(bundle, name="other")
    for version in versions[:2]:
        models.promote("m", version, expected=models.ledger.champion("m"), **WHY)
    assert models.repair() == []
    client = connect(home)
    client.set_registered_model_alias("m", "champion", "3")
    client.delete_registered_model_alias("m", "previous")
    client.set_registered_model_alias("other", "champion", "1")
    assert models.repair() == [
        "m: champion was 3, is 2", "m: previous was None, is 1", "other: champion was 1, is None",
    ]  # fmt: skip
    assert mlflow_aliases(home) == {"champion": 2, "previous": 1}
    assert mlflow_aliases(home, "other") == {}
    assert models.repair() == []


def test_a_champion_that_is_gone_from_mlflow_is_told(home, models, keep):
    bundle = make_bundle()
    for version in (keep(bundle), keep(bundle)):
        models.promote("m", version, expected=models.ledger.champion("m"), **WHY)
    connect(home).delete_model_version("m", "2")
    assert models.repair() == ["m: champion is 2, which is gone from MLflow"]
    assert models.roll_back("m", **WHY) == 1
    assert mlflow_aliases(home) == {"champion": 1}


def test_models_of_others_are_left_alone(home, models, keep):
    client = connect(home)
    client.create_registered_model("theirs")
    keep(make_bundle())
    assert models.names() == ["m"]
    assert models.repair() == []


def test_a_store_that_does_not_answer_is_told(home):
    with pytest.raises(Unavailable, match="cannot be used"):
        Models(replace(home, tracking_uri="http://127.0.0.1:9"), Ledger(home.ledger_url))
