import threading

import pytest
from sqlalchemy import create_engine, text

from factory.errors import BadConfig, Unavailable
from factory.nouns import DataVersion
from registry.entries import Decision, Promotion, Refusal, WindowEntry
from registry.ledger import Ledger

WHY = {"who": "me", "why": "better", "at": "2025-01-01T00:00:00+00:00"}
ROWS = DataVersion("sha", 10, "2025-01-01", "2025-01-02")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.xdist_group("pg"))])
def url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    address = request.getfixturevalue("postgres_url")
    yield address
    with create_engine(address).begin() as connection:
        connection.execute(text("DROP SCHEMA IF EXISTS factory CASCADE"))


@pytest.fixture
def ledger(url):
    return Ledger(url)


def test_an_empty_ledger_says_so(ledger):
    assert ledger.champion("m") is ledger.previous("m") is ledger.decision("d") is None
    assert ledger.history("m") == ledger.decisions("m") == ledger.windows("m") == []
    assert ledger.models() == []


def test_promotions_follow_each_other(ledger):
    with ledger.transaction("m") as t:
        assert t.promote(1, **WHY)
        assert not t.promote(1, **WHY)
    with ledger.transaction("m") as t:
        assert t.promote(3, **WHY, decision="d")
        assert (t.champion(), t.previous()) == (3, 1)
    with ledger.transaction("other") as t:
        t.promote(7, **WHY)
    assert (ledger.champion("m"), ledger.previous("m")) == (3, 1)
    assert ledger.history("m") == [
        Promotion("m", 1, 1, None, *WHY.values(), None),
        Promotion("m", 2, 3, 1, *WHY.values(), "d"),
    ]
    assert ledger.models() == ["m", "other"]


def test_decisions_are_kept_once(ledger):
    told = {"window_sha256": "sha", "champion_before": 1, "champion_after": 2, "at": "now"}
    with ledger.transaction("m") as t:
        assert t.record_decision("d", **told, body='{"a": 1}')
        assert not t.record_decision("d", **told, body="{}")
        assert t.record_decision("e", **told, body="{}")
    kept = Decision("d", "m", 1, "sha", "now", 1, 2, '{"a": 1}')
    assert ledger.decision("d") == kept
    assert [d.id for d in ledger.decisions("m")] == ["d", "e"]


def test_a_persons_no_is_kept_once(ledger):
    told = {"champion": 1, "challenger": 2, "who": "me", "why": "not now", "at": "now"}
    with ledger.transaction("m") as t:
        assert t.refuse("d", **told)
        assert not t.refuse("d", **{**told, "why": "again"})
    assert ledger.refusals("m") == [Refusal("d", "m", 1, 1, 2, "me", "not now", "now")]
    assert ledger.champion("m") is None


def test_windows_are_kept_once_and_in_place(ledger):
    train = {"source": "train", "labelled": 10, "file": "f", "broken": None, "at": "now"}
    other = {"source": "window", "labelled": 4, "file": "f", "broken": "masks", "at": "later"}
    two = DataVersion("two", 5)
    with ledger.transaction("m") as t:
        assert t.record_window(ROWS, **train, quarantined=False)
        assert t.record_window(two, **other, quarantined=False)
        assert not t.record_window(ROWS, **train, quarantined=False)
        assert not t.record_window(ROWS, **other, quarantined=True)
        assert not t.record_window(two, **other, quarantined=True)
        assert not t.record_window(two, **other, quarantined=True)
        assert not t.record_window(two, **train, quarantined=True)
    assert ledger.windows("m") == [
        WindowEntry("m", 1, "sha", "train", 10, 10, "2025-01-01", "2025-01-02", "f", "masks",
                    quarantined=False, at="now"),
        WindowEntry("m", 2, "two", "window", 5, 4, None, None, "f", "masks",
                    quarantined=True, at="later"),
    ]  # fmt: skip
    assert [entry.kind for entry in ledger.chain("m")] == ["window", "window", "mark", "mark"]
    assert [w.quarantined for w in ledger.before(4).windows("m")] == [False, False]


def test_an_exception_leaves_everything_as_it_was(ledger):
    with ledger.transaction("m") as t:
        t.promote(1, **WHY)

    def fail():
        with ledger.transaction("m") as t:
            t.promote(2, **WHY)
            t.record_window(
                ROWS, source="window", labelled=1, quarantined=False, file="", broken="", at="now"
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert ledger.champion("m") == 1
    assert ledger.windows("m") == []


def test_a_second_writer_waits_for_the_first(ledger, url):
    order = []

    def second():
        with Ledger(url).transaction("m") as t:
            order.append("second")
            t.promote(2, **WHY)

    waiting = threading.Thread(target=second)
    with ledger.transaction("m") as t:
        waiting.start()
        waiting.join(timeout=0.3)
        order.append("first")
        assert t.champion() is None
        t.promote(1, **WHY)
    waiting.join()
    assert order == ["first", "second"]
    assert [(p.version, p.previous) for p in ledger.history("m")] == [(1, None), (2, 1)]


def test_readers_do_not_wait_for_a_writer(ledger):
    with ledger.transaction("m") as t:
        t.promote(1, **WHY)
        assert ledger.champion("m") is None
    assert ledger.champion("m") == 1


def test_many_may_create_the_tables_at_once(url):
    failed = []

    def create():
        try:
            Ledger(url)
        except Exception as error:  # noqa: BLE001 - reported below
            failed.append(error)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert Ledger(url).models() == []


def test_a_lock_that_stays_is_told(url, monkeypatch):
    monkeypatch.setattr("registry.engine.LOCK_SECONDS", 0.1)
    monkeypatch.setattr("registry.ledger.LOCK_SECONDS", 0.1)
    first, second = Ledger(url), Ledger(url)
    with (
        first.transaction("m"),
        pytest.raises(Unavailable, match="Another process has held"),
        second.transaction("m"),
    ):
        pass


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("nonsense", BadConfig, "malformed"),
        ("mysql://me:secret@host/x", BadConfig, "'mysql'"),
        ("postgresql+none://host/x", BadConfig, r"'postgresql\+none'"),
        ("postgresql://me:secret@127.0.0.1:9/x", Unavailable, r"me:\*\*\*@127.0.0.1:9"),
        ("sqlite:////proc/none/ledger.db", Unavailable, "unable to open"),
    ],
)
def test_what_is_no_ledger_is_refused(url, kind, words):
    with pytest.raises(kind, match=words) as refused:
        Ledger(url)
    assert type(refused.value) is kind
    assert "secret" not in str(refused.value)


def test_a_corrupt_ledger_is_refused(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"no database" * 500)
    with pytest.raises(Unavailable, match="not a database") as refused:
        Ledger(f"sqlite:///{tmp_path}/ledger.db")
    assert "backup" in refused.value.hint
