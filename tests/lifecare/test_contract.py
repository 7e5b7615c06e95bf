"""Every request that the adapter sends in a whole case's life agrees with the vendor's own description.
``tests/mock/test_lifecare_contract.py`` tests the same of the simulated answers."""

import json
from typing import Any

import httpx
import pytest
from jsonschema import Draft4Validator

from adapter.domain.decision import Phase
from adapter.domain.facts import Signal
from connectors.mock.lifecare.simulator import BASE
from tests.contracts import needs_lifecare, searchable, swagger
from tests.world import ANNA, World

pytestmark = needs_lifecare


def operation(request: httpx.Request) -> dict[str, Any]:
    """The description of a request; fails if there is no such call."""
    path = request.url.path.removeprefix(BASE)
    paths = swagger()["paths"]
    if path not in paths:
        path = f"{path.rpartition('/')[0]}/{{id}}"
    assert path in paths, f"there is no {path}"
    found: dict[str, Any] = paths[path][request.method.lower()]
    return found


def hold_request(request: httpx.Request) -> None:
    about = operation(request)
    known = {p["name"]: p for p in about["parameters"] if p["in"] == "query"}
    given = dict(request.url.params)
    assert given.keys() <= known.keys()
    assert {name for name, p in known.items() if p.get("required")} <= given.keys()
    for name, value in given.items():
        if known[name]["type"] == "integer":
            assert value.isdecimal()
    if "q" in given:
        rows = about["responses"]["200"]["schema"]["items"]["$ref"]
        fields = {condition.partition("=")[0] for condition in given["q"].split(" and ")}
        assert fields <= searchable(rows).keys()
    for body in (p for p in about["parameters"] if p["in"] == "body"):
        definitions = {name: {**each, "additionalProperties": False} for name, each in swagger()["definitions"].items()}
        Draft4Validator({**body["schema"], "definitions": definitions}).validate(json.loads(request.content))


async def test_a_whole_life_is_spoken_as_the_vendor_describes(monkeypatch: pytest.MonkeyPatch) -> None:
    async with World(poll_seconds=3 * 3600, awaiting_minutes=120) as world:
        asked: list[httpx.Request] = []
        answer_of = world.lifecare.handle

        def heard(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return answer_of(request)

        monkeypatch.setattr(world.lifecare, "handle", heard)
        world.restart()
        order = await world.taken_in()
        execution = world.execute(order)
        world.prepare(execution)
        await world.pass_time(hours=3)
        assert (await world.case()).phase is Phase.ACTIVE
        world.note(execution, Signal.TIMES_CHANGED, "22:30 och 04:00")
        world.lifecare.absence(ANNA, world.today, world.today)
        await world.pass_time(hours=3)
        await world.service.tenants["exempel"].lifecare.access()
        await world.closes(order, execution)
        assert (await world.case()).phase is Phase.CLOSED
    for request in asked:
        hold_request(request)
    assert len({operation(request).get("operationId", request.url.path) for request in asked}) >= 12
