"""Promotions, rollbacks and challengers under traffic."""

import asyncio
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pandas as pd
import pytest
from served_world import ROW, bundle

from factory.config import ServeConfig

AT = "2025-01-01T00:00:00+00:00"
REQUESTS, MOVES = 1_200, 12


@pytest.fixture
def two(promote, models):
    """Two versions that tell themselves apart by what they say; the second serves."""
    said = {}
    for shift in (0.0, 100.0):
        made = bundle(family="linear", shift=shift)
        said[promote(made)] = made
    return said


async def traffic(client, replies, count, done=None):
    """Ask so often, and on until something else is done."""
    while count > 0 or (done is not None and not done.is_set()):
        count -= 1
        reply = await client.post("/invocations", json={"instances": [ROW]})
        assert reply.status_code == 200, reply.text
        replies.append(reply.json())
        await asyncio.sleep(0)


def test_no_request_fails_while_champions_come_and_go(ask, models, service, two):
    serving = service("m", poll_seconds=0.02)

    async def act(client):
        replies = []

        def move(number):
            """Roll back to the version before, and promote it again, in turn."""
            if number % 2 == 0:
                return models.roll_back("m", who="t", why="t", at=AT)
            models.promote("m", 2, expected=1, who="t", why="t", at=AT)
            return 2

        async def moves():
            for number in range(MOVES):
                version = await asyncio.to_thread(move, number)
                while serving.routes.shelf.lines["m"].champion.version != version:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            moved.set()

        moved = asyncio.Event()
        asked = [traffic(client, replies, REQUESTS // 4, moved) for _ in range(4)]
        await asyncio.gather(moves(), *asked)
        return replies

    replies = ask(serving, act)
    assert len(replies) >= REQUESTS
    assert {reply["version"] for reply in replies} == {1, 2}
    row = pd.DataFrame([ROW]).assign(d=pd.to_datetime(ROW["d"]))
    own = {version: made.outputs(row[list(made.schema.names)])[0] for version, made in two.items()}
    assert abs(own[2] - own[1] - 100) < 1
    assert all(abs(r["predictions"][0] - own[r["version"]]) < 1e-9 for r in replies)
    assert set(serving.routes.shelf.lines["m"].warm) == {1, 2}


def test_a_rollback_is_followed_and_the_previous_version_answers_at_once(service, models, two):
    serving = service("m")
    assert serving.routes.shelf.follow() == []
    models.roll_back("m", who="t", why="t", at=AT)
    assert serving.routes.shelf.follow() == ["m"]
    assert serving.routes.shelf.lines["m"].champion.version == 1


def test_a_version_that_does_not_load_leaves_the_old_one_serving(ask, service, models, keep, two):
    serving = service("m")
    version = keep(bundle(family="linear"))
    models.promote("m", version, expected=2, who="t", why="t", at=AT)
    source = models._version("m", version).source  # noqa: SLF001 - where MLflow keeps it
    (Path(urlparse(source).path) / "bundle" / "bundle.json").unlink()
    assert serving.routes.shelf.follow() == []
    line = serving.routes.shelf.lines["m"]
    assert line.champion.version == 2
    assert "damaged" in line.behind

    async def act(client):
        return (await client.get("/metrics")).text

    assert 'factory_model_behind{model="m"} 1.0' in ask(serving, act)
    models.promote("m", 1, expected=version, who="t", why="t", at=AT)
    assert serving.routes.shelf.follow() == ["m"]
    assert serving.routes.shelf.lines["m"].behind == ""


def tried(models, service, keep, challenger, mode, share=0.5):
    """A service whose champion has a challenger beside it."""
    models.challenge("m", keep(challenger))
    serving = service("m")
    serving.routes.shelf.configs["m"] = ServeConfig(challenger=mode, share=share)
    line = serving.routes.shelf.lines["m"]
    serving.routes.shelf.lines["m"] = replace(line, config=serving.routes.shelf.configs["m"])
    serving.routes.shelf.follow()
    return serving


def many(ask, serving, count=60):
    async def act(client):
        replies = []
        await traffic(client, replies, count)
        return replies

    return ask(serving, act)


def test_a_shadow_is_scored_on_its_share_and_never_given(ask, models, service, keep, promote):
    promote(bundle(family="linear"))
    serving = tried(models, service, keep, bundle(family="linear", shift=9.0), "shadow")
    replies = many(ask, serving)
    assert {reply["version"] for reply in replies} == {1}
    shadows = [b for b in serving.routes.log.batches if b.role == "shadow"]
    assert 10 < len(shadows) < 50
    assert {b.version for b in shadows} == {2}
    by_id = {b.ids[0]: b.outputs[0] for b in serving.routes.log.batches if b.role == "champion"}
    assert len(by_id) == 60
    assert np.allclose([b.outputs[0] - by_id[b.ids[0]] for b in shadows], 9, atol=0.5)


def test_a_canary_answers_its_share_and_the_champion_is_scored_beside(
    ask, models, service, keep, promote
):
    promote(bundle(family="linear"))
    serving = tried(models, service, keep, bundle(family="linear", shift=9.0), "canary")
    replies = many(ask, serving)
    answered = {r["ids"][0]: r["version"] for r in replies}
    assert 10 < sum(version == 2 for version in answered.values()) < 50
    for batch in serving.routes.log.batches:
        assert (answered[batch.ids[0]] == batch.version) == (batch.role != "shadow")
    by_challenger = [b for b in serving.routes.log.batches if b.version == 2]
    assert all(b.role == "canary" for b in by_challenger)


def test_a_challenger_that_fails_is_stopped_and_nobody_notices(ask, models, service, keep, promote):
    made = bundle(family="linear")
    promote(made)
    serving = tried(models, service, keep, made, "canary", share=0.9)
    line = serving.routes.shelf.lines["m"]
    silent = replace(
        line.challenger.compiled, final=lambda X: np.full(len(X), np.nan), form="compiled"
    )
    serving.routes.shelf.lines["m"] = replace(
        line, challenger=replace(line.challenger, compiled=silent)
    )
    replies = many(ask, serving)
    assert {reply["version"] for reply in replies} == {1}
    assert serving.routes.shelf.lines["m"].challenger is None
    assert serving.routes.shelf.stopped == {"m": {2}}
    serving.routes.shelf.follow()
    assert serving.routes.shelf.lines["m"].challenger is None


def test_an_answer_is_given_where_only_what_was_asked_beside_it_finds_no_place(
    ask, models, service, keep, promote
):
    promote(bundle(family="linear"))
    serving = tried(models, service, keep, bundle(family="linear", shift=9.0), "shadow", share=0.9)
    take = serving.routes.log.append
    serving.routes.log.append = lambda batch: batch.role != "shadow" and take(batch)
    replies = many(ask, serving)
    assert len(serving.routes.log.batches) == len(replies) == 60
    counted = serving.routes.metrics.challenged["m", "unlogged"]._value.get()  # noqa: SLF001
    assert 30 < counted <= 60
