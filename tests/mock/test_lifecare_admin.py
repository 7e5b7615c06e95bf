"""The simulated Lifecare over a real socket, and its own paths for tests and demonstrations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from connectors.mock.lifecare.api import BASE, DEFAULT_DOMAIN, DEFAULT_KEY
from connectors.mock.serve import RunningSimulators, running_simulators

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACCESS = {"domain": DEFAULT_DOMAIN, "key": DEFAULT_KEY}
TF03 = "19900101TF03"


@pytest.fixture
async def simulators() -> AsyncIterator[RunningSimulators]:
    async with running_simulators(clock=lambda: NOW) as running:
        yield running


@pytest.fixture
async def client(simulators: RunningSimulators) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=simulators.lifecare_url) as opened:
        yield opened


async def test_a_case_is_made_by_admin_and_read_through_the_api(client: httpx.AsyncClient) -> None:
    async def act(name: str, **given: object) -> object:
        answer = await client.post(f"/admin/acts/{name}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    await act("seed_person", person_id=TF03)
    ordered = await act("order", person_id=TF03, decision_end="2026-06-30")
    assert isinstance(ordered, dict)
    execution = await act("start_execution", order_id=ordered["order_id"], start="2026-03-03")
    await act("note_as", who="alarm_team", execution_id=execution, heading="consent_signed", text="Undertecknat")
    await act("change", entity="ordered_services", entity_id=ordered["service_id"], EndDate="2026-05-31")

    read = await client.get(f"{BASE}/api/v1/executions/{execution}", params=ACCESS)
    assert read.json()["StartDate"][:10] == "2026-03-03"
    decision = await client.get(f"{BASE}/api/v1/sol_decisions/{ordered['decision_id']}", params=ACCESS)
    assert decision.json()["ToDate"][:10] == "2026-06-30"
    service = await client.get(
        f"{BASE}/api/v1/ordered_services", params={**ACCESS, "q": f"OrderId='{ordered['order_id']}'"}
    )
    assert service.json()[0]["EndDate"][:10] == "2026-05-31"


async def test_an_answer_carries_one_date_and_it_is_the_simulators(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{BASE}/api/v1/headlines", params=ACCESS)
    assert answer.headers.get_list("date") == ["Mon, 02 Mar 2026 12:00:00 GMT"]


async def test_settings_change_by_admin_and_reset_undoes_them(client: httpx.AsyncClient) -> None:
    settings = {"unlicensed": ["orders"], "read_back": {"5201": "S900"}}
    changed = await client.post("/admin/acts/set_settings", json={"settings": settings})
    assert (changed.status_code, changed.json()["result"]["read_back"]) == (200, {"5201": "S900"})
    assert (await client.get(f"{BASE}/api/v1/orders", params=ACCESS)).status_code == 401
    await client.post("/admin/reset")
    assert (await client.get("/admin/settings")).json()["unlicensed"] == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("acts/order", {"person_id": TF03, "service": "sauna"}, 400),
        ("acts/accept", {"order_id": "SB-1"}, 400),
        ("acts/change", {"entity": "order", "entity_id": 1}, 400),
        ("acts/__init__", {}, 404),
        ("acts/handle", {}, 404),
        ("acts/accept", {"order": "SB-1"}, 400),
        ("acts/set_settings", {"settings": {"empty_list": "perhaps"}}, 400),
    ],
)
async def test_admin_says_what_is_wrong(client: httpx.AsyncClient, path: str, body: object, status: int) -> None:
    answer = await client.post(f"/admin/{path}", json=body)
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)


async def test_admin_lists_the_acts_and_shows_written_notes(client: httpx.AsyncClient) -> None:
    acts = (await client.get("/admin/acts")).json()
    assert "order_id: 'str'" in acts["accept"]
    assert (await client.get("/admin/notes")).json() == []
