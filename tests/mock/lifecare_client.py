"""Calls to a simulated Lifecare in process."""

import json
from typing import Any

import httpx

from connectors.mock.lifecare import catalogue
from connectors.mock.lifecare.simulator import BASE, DEFAULT_DOMAIN, DEFAULT_KEY, SimulatedLifecare

API = f"https://lifecare.test{BASE}/api"
ACCESS = {"domain": DEFAULT_DOMAIN, "key": DEFAULT_KEY}
TF03 = "19900101TF03"
TF04 = "19900101TF04"


def get(lifecare: SimulatedLifecare, path: str, **query: str) -> httpx.Response:
    """A GET below ``api/v1/``."""
    return lifecare.handle(httpx.Request("GET", f"{API}/v1/{path}", params={**ACCESS, **query}))


def send(
    lifecare: SimulatedLifecare,
    method: str,
    path: str,
    body: Any = b"",
    content_type: str = "application/json; charset=utf-8",
    **query: str,
) -> httpx.Response:
    """A write below ``api/``, with a JSON body, or with a body as it is."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers, params = {"Content-Type": content_type}, {**ACCESS, **query}
    return lifecare.handle(httpx.Request(method, f"{API}/{path}", params=params, headers=headers, content=raw))


def post_note(lifecare: SimulatedLifecare, body: Any, content_type: str = "application/json") -> httpx.Response:
    """``POST provider_notes`` with a JSON body, or with a body as it is."""
    return send(lifecare, "POST", "v2/provider_notes", body, content_type)


def note(client_id: int, **changes: Any) -> dict[str, Any]:
    """A note of the adapter's to the coordinator; ``...`` leaves a field out."""
    fields = {
        "occurrenceTimeUtc": "2026-03-02T11:59:00",
        "text": "Hej",
        "clientId": client_id,
        "providerUnitId": catalogue.COORDINATOR_UNIT.id,
        "headlineId": catalogue.HEADINGS["to_coordinator"].provider_headline_id,
        "createdPersonnelId": catalogue.ADAPTER.id,
        "createdPersonnelTitle": catalogue.ADAPTER.title,
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not ...}


def visit(execution_id: int, **changes: Any) -> dict[str, Any]:
    """A reported visit of TF03's; ``...`` leaves a field out."""
    staff, camera = catalogue.PERSONNEL["night_staff"], catalogue.CAMERA
    service = {"ServiceType": {"Code": camera.code}, "ServiceCategory": {"Code": camera.category_id}}
    fields = {
        "ExternalId": "look-1",
        "ClientPersonId": TF03,
        "PersonnelPersonId": staff.person_id,
        "PersonnelUserId": staff.signature,
        "ExecutionId": execution_id,
        "ProviderUnitId": catalogue.COORDINATOR_UNIT.id,
        "StartTime": "2026-03-02T21:30:00Z",
        "EndTime": "2026-03-02T21:32:00Z",
        "Status": "Completed",
        "IsDoubleManning": False,
        "StartQuittanceType": "None",
        "EndQuittanceType": "None",
        "ReportingSystem": "TK",
        "Services": [{**service, "ExecutionId": execution_id, "Status": "Done", "Quantity": 1}],
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not ...}


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    """A list's rows."""
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert isinstance(found, list)
    return found
