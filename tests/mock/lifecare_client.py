"""Calls to a simulated Lifecare in process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from connectors.mock.lifecare import BASE, DEFAULT_DOMAIN, DEFAULT_KEY, SimulatedLifecare, catalogue
from connectors.mock.routing import Answer, Request

TF03 = "19900101TF03"
TF04 = "19900101TF04"


def get(lifecare: SimulatedLifecare, path: str, **query: str) -> Answer:
    """A GET below ``api/v1/``, with its query percent-encoded."""
    return raw_get(lifecare, path, {name: quote(value, safe="") for name, value in query.items()})


def raw_get(
    lifecare: SimulatedLifecare,
    path: str,
    encoded: Mapping[str, str | None] | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """A GET whose query is sent as it is; None leaves a parameter out."""
    asked = {"domain": DEFAULT_DOMAIN, "key": quote(DEFAULT_KEY, safe=""), **(encoded or {})}
    raw = "&".join(f"{name}={value}" for name, value in asked.items() if value is not None)
    return lifecare.handle(Request.of("GET", f"{BASE}/api/v1/{path}", raw_query=raw, headers=headers))


def post_note(lifecare: SimulatedLifecare, body: Any, content_type: str = "application/json; charset=utf-8") -> Answer:
    """``POST provider_notes`` with a body in JSON, or as it is."""
    return send(lifecare, "POST", "v2/provider_notes", body, content_type)


def send(
    lifecare: SimulatedLifecare,
    method: str,
    path: str,
    body: Any = b"",
    content_type: str = "application/json; charset=utf-8",
    **query: str,
) -> Answer:
    """A write below ``api/``, its body in JSON, or as it is."""
    asked = {"domain": DEFAULT_DOMAIN, "key": DEFAULT_KEY, **query}
    raw_query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": content_type}
    return lifecare.handle(Request.of(method, f"{BASE}/api/{path}", raw_query=raw_query, headers=headers, body=raw))


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


def rows(answer: Answer) -> list[dict[str, Any]]:
    """A list's rows."""
    assert answer.status == 200, answer.body
    found = answer.json()
    assert isinstance(found, list)
    return found
