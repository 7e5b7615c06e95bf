"""Reported visits in the simulated Lifecare: as described, found by ``ExternalId``, never twice (LA12)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from connectors.mock.lifecare.simulator import SimulatedLifecare
from tests.mock.lifecare_client import TF03, TF04, get, rows, send, visit

NOW = datetime(2026, 3, 2, 22, tzinfo=UTC)


class Office:
    """One person with an execution."""

    def __init__(self) -> None:
        self.lifecare = SimulatedLifecare(lambda: NOW)
        self.lifecare.seed_person(TF03)
        self.execution = self.lifecare.start_execution(self.lifecare.order(TF03).order_id)

    def post(self, **changes: Any) -> httpx.Response:
        return send(self.lifecare, "POST", "v1/reported_visits", visit(self.execution, **changes))

    def delete(self, **query: str) -> int:
        return send(self.lifecare, "DELETE", "v1/reported_visits", **query).status_code

    def found(self, q: str = "ExternalId='look-1'") -> list[dict[str, Any]]:
        answer = get(self.lifecare, "reported_visits", q=q)
        return [] if answer.status_code == 404 else rows(answer)


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_visit_is_found_again_by_its_external_id_and_a_second_of_the_same_id_is_refused(office: Office) -> None:
    visit_id = office.post().json()
    assert [row["Id"] for row in office.found()] == [visit_id]
    assert office.post().status_code == 400
    assert office.post(ReportingSystem="another").status_code == 200, "another system's ids are its own"
    assert office.found("ExternalId='look-2'") == []


def test_a_visit_is_changed_by_its_id_and_deleted_by_its_external_id_and_system(office: Office) -> None:
    visit_id = office.post().json()
    assert office.post(Id=visit_id + 1).status_code == 400
    assert office.post(Id=visit_id, EndTime="2026-03-02T21:40:00Z").json() == visit_id
    (row,) = office.found()
    assert datetime.fromisoformat(row["EndTime"]) == datetime(2026, 3, 2, 21, 40, tzinfo=UTC)
    named = {"externalId": "look-1", "reportingSystem": "TK"}
    assert office.delete(externalId="look-1") == 400
    assert [office.delete(**named), office.delete(**named)] == [204, 404]
    assert (office.found(), office.lifecare.visits()) == ([], [])
    assert [v.what for v in office.lifecare.visits_written()] == ["created", "updated", "deleted"]
    assert office.post().status_code == 200, "it may be reported anew"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ExternalId": ...},
        {"Status": "Done"},
        {"Services": [{}]},
        {"StartTime": "2026-03-02T21:30"},
        {"EndTime": "2026-03-02T21:00:00Z"},
        {"StartQuittanceType": None},
        {"Unheard": 1},
        {"ClientPersonId": TF04},
        {"ExecutionId": 1},
        {"ProviderUnitId": 1},
        {"PersonnelUserId": "NOBODY"},
        {"PersonnelPersonId": "19800101TF99"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_visit_that_is_not_as_described_or_of_nobody_known_is_refused(office: Office, wrong: dict[str, Any]) -> None:
    assert office.post(**wrong).status_code == 400
    assert office.lifecare.visits() == []


def test_l12_visits_need_a_licence_and_other_methods_are_not_supported(office: Office) -> None:
    assert send(office.lifecare, "PATCH", "v1/reported_visits", {}).status_code == 405
    assert send(office.lifecare, "POST", "v1/reported_visits", b"{}", "text/plain").status_code == 415
    office.lifecare.settings.unlicensed.add("reported_visits")
    assert office.post().status_code == 401
