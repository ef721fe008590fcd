"""Who may ask, and what is answered before there is a champion."""

import httpx
import pytest
from served_world import ROW, bundle

from factory.errors import UnknownModel
from registry.unlogged import Unlogged
from serving.app import Service
from serving.explain import Explainer
from serving.guard import PROBES, Guard
from serving.shelf import Shelf
from serving.tracing import Tracer

NAME, PASSWORD = "ann", "correct horse"


def statuses(ask, app, *requests):
    async def act(client):
        return [(await client.request(*told, **more)).status_code for told, more in requests]

    return ask(app, act)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Basic"},
        {"authorization": "Basic \xe9"},
        {"authorization": "Bearer ann"},
        {"authorization": "Bearer ann:correct horse "},
        {"authorization": f"basic {NAME}:{PASSWORD}"},
    ],
)
def test_strangers_are_turned_away_from_all_but_probes(headers, ask, app):
    app = Guard(app, NAME, PASSWORD)
    raw = {k: v.encode("latin-1") for k, v in headers.items()}
    asked = [
        (("GET", path), {"headers": raw})
        for path in ("/", "/metrics", "/openapi.json", "/v2/models/m", "/nowhere")
    ]
    asked += [(("POST", "/invocations"), {"headers": raw, "json": {"instances": [ROW]}})]
    assert set(statuses(ask, app, *asked)) == {401}
    assert set(statuses(ask, app, *[(("GET", path), {}) for path in PROBES])) == {200}


def test_who_knows_the_password_is_answered(ask, app):
    guarded = Guard(app, NAME, PASSWORD)
    basic = {"auth": httpx.BasicAuth(NAME, PASSWORD)}
    bearer = {"headers": {"authorization": f"Bearer {NAME}:{PASSWORD}"}}
    for known in (basic, bearer):
        asked = (("POST", "/invocations"), {**known, "json": {"instances": [ROW]}})
        assert statuses(ask, guarded, asked, (("GET", "/metrics"), known)) == [200, 200]


def test_a_model_without_a_champion_is_served_as_soon_as_it_has_one(ask, models, home, promote):
    shelf = Shelf(models, {"m": None, "later": None})
    with pytest.raises(UnknownModel):
        shelf.open()
    shelf.open(wait=True)
    service = Service(shelf, Unlogged(), Explainer(home), Tracer())
    asked = (
        (("GET", "/v2/health/live"), {}),
        (("GET", "/v2/health/ready"), {}),
        (("GET", "/v2/models/m/ready"), {}),
        (("GET", "/v2/models/m"), {}),
        (("POST", "/invocations"), {"json": {"instances": [ROW]}}),
        (("GET", "/metrics"), {}),
        (("GET", "/openapi.json"), {}),
    )
    assert statuses(ask, service, *asked) == [200, 503, 503, 503, 503, 200, 200]
    assert shelf.follow() == []
    promote(bundle())
    assert shelf.follow() == ["m"]
    service = Service(shelf, Unlogged(), Explainer(home), Tracer())
    assert statuses(ask, service, *asked) == [200, 503, 200, 200, 200, 200, 200]
