"""Whatever is edited of what was recorded is found, and named."""

import sqlite3
from contextlib import closing, contextmanager

import numpy as np
import pytest
from made import files_of, make_bundle, make_frame, make_schema
from sqlalchemy import create_engine, text

from factory.errors import Damaged, UnknownModel
from registry.bundles import kept_bundle
from registry.chain import Head, entry_hash
from registry.client import connect
from registry.files import changed
from registry.frames import save_frame
from registry.ledger import Ledger
from registry.models import Models
from registry.verify import verify_all, verify_model
from registry.versions import data_version

WHY = {"who": "me", "why": "better", "at": "2025-01-01T00:00:00+00:00"}


@pytest.fixture
def recorded(home, models, keep):
    """A model with two versions, promotions, two windows and a decision."""
    bundle = make_bundle()
    keep(bundle)
    models.promote("m", 1, expected=None, **WHY)
    keep(bundle)
    frame = make_frame(rows=30)
    rows = data_version(frame, make_schema())
    kept = save_frame(home, frame, rows, {"a": np.arange(30) < 3})

    def record(t):
        span = {"labelled": 30, "at": "now", "file": kept.file, "broken": kept.broken}
        t.record_window(rows, source="window", quarantined=False, **span)
        t.record_decision(
            "d1", window_sha256=rows.sha256, champion_before=1, champion_after=2,
            body='{"a": "some words"}', at="now",
        )  # fmt: skip
        t.record_window(rows, source="window", quarantined=True, **span)

    models.promote("m", 2, expected=1, decision="d1", record=record, **WHY)
    return models


def rows_of(home):
    with closing(sqlite3.connect(home.path / "ledger.db")) as connection:
        return connection.execute("SELECT * FROM entries ORDER BY sequence").fetchall()


@contextmanager
def altered(path, change):
    content = path.read_bytes()
    path.write_bytes(change(bytearray(content)))
    yield
    path.write_bytes(content)


def execute(home, statement, **values):
    with closing(sqlite3.connect(home.path / "ledger.db")) as connection:
        connection.execute(statement, values)
        connection.commit()


def flipped(position):
    def change(content):
        content[position] ^= 0x01
        return content

    return change


def test_what_is_whole_is_told_so(home, recorded):
    proof = verify_model(recorded, "m")
    kinds = [row[2] for row in rows_of(home)]
    assert kinds == ["version", "promotion", "version", "window", "decision", "mark", "promotion"]
    assert (proof.entries, proof.frames, proof.versions, proof.damage) == (7, 1, 2, None)
    assert verify_all(recorded) == [proof]
    with pytest.raises(UnknownModel, match="did you mean 'm'"):
        verify_model(recorded, "M")


def test_an_edited_entry_is_named(home, recorded):
    columns = ("model", "sequence", "kind", "key", "at", "body", "previous", "hash")
    for row in rows_of(home):
        for column, value in list(zip(columns, row, strict=True))[2:]:
            with altered(home.path / "ledger.db", lambda content: content):
                other = value[:-1] + ("~" if value else "x")
                execute(home, f"UPDATE entries SET {column} = :v WHERE sequence = :s",  # noqa: S608
                        v=other, s=row[1])  # fmt: skip
                damage = verify_model(recorded, "m").damage
                assert f"entry {row[1]} of 'm'" in damage
                assert "was edited" in damage


def test_whoever_reads_an_edited_entry_is_told(home, recorded):
    execute(home, "UPDATE entries SET body = replace(body, 'better', 'butter') WHERE sequence = 7")
    for read in (
        lambda: recorded.champion("m"),
        lambda: recorded.ledger.history("m"),
        lambda: recorded.promote("m", 1, expected=2, **WHY),
    ):
        with pytest.raises(Damaged, match="entry 7 of 'm'") as refused:
            read()
        assert "factory verify m" in refused.value.hint
    assert recorded.repair() == []


def test_a_tail_that_was_cut_off_is_missed(home, recorded):
    execute(home, "DELETE FROM entries WHERE sequence = 7")
    assert recorded.ledger.champion("m") == 1
    assert "entry 7, which MLflow was shown, is gone" in verify_model(recorded, "m").damage
    recorded.repair()
    for use in (
        lambda: recorded.champion("m"),
        lambda: recorded.promote("m", 2, expected=1, **WHY),
    ):
        with pytest.raises(Damaged, match="its tail was cut off") as refused:
            use()
        assert "factory.head" in refused.value.hint
    connect(home).delete_registered_model_tag("m", "factory.head")
    assert "its tag is gone" in verify_model(recorded, "m").damage
    recorded.repair()
    assert recorded.champion("m") == 1
    assert verify_model(recorded, "m").damage is None


def test_a_chain_that_was_built_anew_is_another(home, recorded):
    previous = ""
    for model, sequence, kind, key, at, body, _, _ in rows_of(home):
        told = (model, sequence, kind, key, at, body.replace("better", "butter"), previous)
        previous = entry_hash(*told)
        execute(
            home,
            "UPDATE entries SET body = :b, previous = :p, hash = :h WHERE sequence = :s",
            b=told[5], p=told[6], h=previous, s=sequence,
        )  # fmt: skip
    assert "it was built anew" in verify_model(recorded, "m").damage
    with pytest.raises(Damaged, match="built anew"):
        recorded.champion("m")


def test_a_name_that_nobody_could_lock_is_told(home, recorded):
    execute(home, "UPDATE models SET name = 'n'")
    assert "table of models" in {p.model: p.damage for p in verify_all(recorded)}["m"]


def test_a_head_that_lags_behind_is_mended(home, recorded):
    entry = recorded.ledger.entry("m", 5)
    client = connect(home)
    client.set_registered_model_tag("m", "factory.head", str(Head(5, entry.hash)))
    assert verify_model(recorded, "m").damage is None
    recorded.repair()
    shown = client.get_registered_model("m").tags["factory.head"]
    assert shown == str(recorded.ledger.head("m"))


def test_an_edited_byte_of_rows_masks_or_model_files_is_found(home, recorded):
    draw = np.random.default_rng(0)
    window = recorded.ledger.windows("m")[0]
    paths = [home.data / f"{window.sha256}.parquet", home.data / f"{window.broken}.json"]
    models = sorted(p for p in files_of(recorded, 1).rglob("*") if p.is_file())
    for path in [*paths * 8, *models, *models]:
        position = int(draw.integers(path.stat().st_size))
        with altered(path, flipped(position)):
            damage = verify_model(recorded, "m").damage
            assert damage is not None, (path, position)
            assert path.name in damage
            if path in models:
                kept_bundle.cache_clear()
                with pytest.raises(Damaged, match=path.name):
                    recorded.load("m", 1)
    assert verify_model(recorded, "m").damage is None
    paths[1].unlink()
    assert paths[1].name in verify_model(recorded, "m").damage


def test_an_edited_byte_of_the_ledger_s_file_is_found_wherever_it_means_anything(home, recorded):
    path, draw, found = home.path / "ledger.db", np.random.default_rng(0), 0
    before = rows_of(home)
    while found < 25:
        position = int(draw.integers(4096, path.stat().st_size))
        with altered(path, flipped(position)):
            try:
                same = rows_of(home) == before and Ledger(home.ledger_url).file_damage() is None
            except (sqlite3.Error, Damaged):
                same = False
            damage = verify_all(Models(home, recorded.ledger))
            assert same == all(proof.damage is None for proof in damage), position
            found += not same


def test_a_version_that_is_gone_is_missed_where_it_served(home, recorded, keep):
    keep(make_bundle())
    client = connect(home)
    client.delete_model_version("m", "3")
    proof = verify_model(recorded, "m")
    assert (proof.damage, proof.gone, proof.versions) == (None, (3,), 2)
    client.delete_model_version("m", "1")
    assert "version 1 of 'm': it is gone" in verify_model(recorded, "m").damage


def test_files_are_compared_by_name():
    kept = {"a": "1", "b": "2"}
    assert changed(kept, kept) is None
    assert changed({**kept, "c": "3"}, kept) == "'c' was not there when it was saved"


def test_the_past_is_what_it_was_and_stays_so(recorded):
    past = recorded.ledger.before(5)
    assert (past.champion("m"), past.previous("m"), past.decisions("m")) == (1, None, [])
    assert [w.quarantined for w in past.windows("m")] == [False]
    assert recorded.ledger.windows("m")[0].quarantined
    with pytest.raises(ValueError, match="past"), past.transaction("m"):
        pass


@pytest.mark.xdist_group("pg")
def test_postgresql_keeps_the_same_chain(postgres_url):
    ledger = Ledger(postgres_url)
    name = "chained"
    with ledger.transaction(name) as t:
        t.promote(1, **WHY)
        t.promote(2, **WHY)
    chain = ledger.chain(name)
    assert [entry.intact for entry in chain] == [True, True]
    assert chain[1].previous == chain[0].hash
    assert ledger.file_damage() is None
    with create_engine(postgres_url).begin() as connection:
        connection.execute(
            text("UPDATE factory.entries SET at = 'then' WHERE model = :m AND sequence = 1"),
            {"m": name},
        )
    assert ledger.champion(name) == 2
    with pytest.raises(Damaged, match="entry 1 of 'chained'"):
        ledger.history(name)


def test_lost_rows_are_missed(home, recorded):
    window = recorded.ledger.windows("m")[0]
    (home.data / f"{window.sha256}.parquet").unlink()
    assert "are not kept" in verify_model(recorded, "m").damage
