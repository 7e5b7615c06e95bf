"""The simulated Lifecare's own paths, for tests and demonstrations."""

from datetime import UTC, datetime

import httpx
import pytest

from connectors.mock.lifecare.simulator import SimulatedLifecare
from tests.mock.lifecare_client import TF03, get, rows


@pytest.fixture
def lifecare() -> SimulatedLifecare:
    return SimulatedLifecare(lambda: datetime(2026, 3, 2, 12, tzinfo=UTC))


def admin(lifecare: SimulatedLifecare, path: str, body: object = None) -> httpx.Response:
    """A POST below ``/admin/`` if there is a body, otherwise a GET."""
    method = "GET" if body is None else "POST"
    return lifecare.handle(httpx.Request(method, f"https://lifecare.test/admin/{path}", json=body))


def test_a_case_is_made_by_admin_and_read_through_the_api(lifecare: SimulatedLifecare) -> None:
    def act(name: str, **given: object) -> object:
        answer = admin(lifecare, f"acts/{name}", given)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    act("seed_person", person_id=TF03)
    ordered = act("order", person_id=TF03, decision_end="2026-06-30")
    assert isinstance(ordered, dict)
    execution = act("start_execution", order_id=ordered["order_id"], start="2026-03-03")
    act("note_as", who="alarm_team", execution_id=execution, heading="consent_signed", text="Undertecknat")
    act("change", entity="ordered_services", entity_id=ordered["service_id"], EndDate="2026-05-31")
    assert get(lifecare, f"executions/{execution}").json()["StartDate"][:10] == "2026-03-03"
    assert get(lifecare, f"sol_decisions/{ordered['decision_id']}").json()["ToDate"][:10] == "2026-06-30"
    (service,) = rows(get(lifecare, "ordered_services", q=f"OrderId='{ordered['order_id']}'"))
    assert service["EndDate"][:10] == "2026-05-31"


def test_settings_change_by_admin_and_reset_undoes_them(lifecare: SimulatedLifecare) -> None:
    settings = {"unlicensed": ["orders"], "read_back": {"5201": "S900"}}
    changed = admin(lifecare, "acts/set_settings", {"settings": settings})
    assert (changed.status_code, changed.json()["result"]["read_back"]) == (200, {"5201": "S900"})
    assert get(lifecare, "orders").status_code == 401
    admin(lifecare, "acts/reset", {})
    assert admin(lifecare, "settings").json()["unlicensed"] == []


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
def test_admin_says_what_is_wrong(lifecare: SimulatedLifecare, path: str, body: object, status: int) -> None:
    answer = admin(lifecare, path, body)
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)


def test_admin_lists_the_acts_and_shows_written_notes(lifecare: SimulatedLifecare) -> None:
    assert "order_id: str" in admin(lifecare, "acts").json()["accept"]
    assert admin(lifecare, "notes").json() == []
