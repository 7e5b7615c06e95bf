"""Writes to the simulated Lifecare. Notes: by the adapter (LA3, LA4), by people, changed afterwards (LA7). Reported
visits: found by ``ExternalId``, never twice (LA12)."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from connectors.mock.lifecare import catalogue
from connectors.mock.lifecare.simulator import SimulatedLifecare
from tests.mock.lifecare_client import TF03, TF04, get, note, post_note, rows, send, visit

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TEXT = "Beställning mottagen.\n\nTre tillsyner per natt {21–07}  [TK-7F3K2M/02] \n"


class Office:
    """One person with an execution, and the calls that the adapter makes."""

    def __init__(self) -> None:
        self.lifecare = SimulatedLifecare(lambda: NOW)
        self.client_id = self.lifecare.seed_person(TF03)
        self.order = self.lifecare.order(TF03)
        self.execution_id = self.lifecare.start_execution(self.order.order_id)

    def note(self, **changes: Any) -> dict[str, Any]:
        return note(self.client_id, **{"text": TEXT, "executionId": self.execution_id, **changes})

    def post(self, body: Any) -> httpx.Response:
        return post_note(self.lifecare, body)

    def notes(self, q: str) -> list[dict[str, Any]]:
        answer = get(self.lifecare, "documentations", q=q)
        found: list[dict[str, Any]] = answer.json() if answer.status_code == 200 else []
        return found

    def under(self, heading: str) -> list[dict[str, Any]]:
        return self.notes(f"HeadlineId='{catalogue.HEADINGS[heading].headline_id}'")

    def visit(self, **changes: Any) -> httpx.Response:
        return send(self.lifecare, "POST", "v1/reported_visits", visit(self.execution_id, **changes))

    def delete_visit(self, **query: str) -> int:
        return send(self.lifecare, "DELETE", "v1/reported_visits", **query).status_code

    def visits(self, q: str = "ExternalId='look-1'") -> list[dict[str, Any]]:
        answer = get(self.lifecare, "reported_visits", q=q)
        return [] if answer.status_code == 404 else rows(answer)


@pytest.fixture
def office() -> Office:
    return Office()


def test_la4_a_note_is_read_back_under_its_reading_heading_with_its_exact_text_and_author(office: Office) -> None:
    answer = office.post(office.note())
    assert answer.status_code == 200
    assert (answer.json()["text"], answer.json()["clientPersonId"]) == (TEXT, TF03)
    [read] = office.notes(f"ExecutionId='{office.execution_id}' and HeadlineId='S201'")
    assert read["PlainText"] == TEXT
    assert read["CreatedSignature"] == catalogue.ADAPTER.signature
    assert read["Id"] != str(answer.json()["id"])


def test_la4_a_note_without_execution_is_read_back_without_one(office: Office) -> None:
    office.post(office.note(executionId=...))
    [read] = office.under("to_coordinator")
    assert read.get("ExecutionId") is None
    assert office.notes(f"ExecutionId='{office.execution_id}'") == []


def test_la4_there_is_no_idempotency(office: Office) -> None:
    first, second = (office.post(office.note()).json()["id"] for _ in range(2))
    assert first != second
    assert len(office.under("to_coordinator")) == 2


def test_la4_where_a_heading_is_not_read_back_the_note_is_written_all_the_same(office: Office) -> None:
    office.lifecare.settings.read_back.clear()
    assert office.post(office.note()).status_code == 200
    assert office.under("to_coordinator") == []
    [written] = office.lifecare.notes_written()
    assert (written.heading, written.unit_id, written.execution_id, written.text, written.documentation_id) == (
        "to_coordinator",
        catalogue.COORDINATOR_UNIT.id,
        office.execution_id,
        TEXT,
        None,
    )


@pytest.mark.parametrize("field", [name for name in Office().note() if name != "executionId"])
@pytest.mark.parametrize("value", [..., None, [1]])
def test_a_note_with_a_required_field_missing_or_malformed_is_refused_by_name(
    office: Office, field: str, value: Any
) -> None:
    answer = office.post(office.note(**{field: value}))
    assert answer.status_code == 400
    assert list(answer.json()["ModelState"]) == [f"createRequest.{field}"]
    assert office.lifecare.notes_written() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"clientId": 1},
        {"providerUnitId": 1},
        {"providerUnitId": catalogue.INACTIVE_UNIT.id},
        {"headlineId": 1},
        {"headlineId": catalogue.INACTIVE_HEADING.provider_headline_id},
        {"createdPersonnelId": 1},
        {"executionId": 1},
        {"occurrenceTimeUtc": "2026-03-02T11:59"},
        {"createdDateTimeUtc": "2026-03-02"},
        {"text": ""},
        {"isSigned": "yes"},
    ],
)
def test_a_note_to_nobody_known_or_at_no_time_is_refused(office: Office, wrong: dict[str, Any]) -> None:
    assert office.post(office.note(**wrong)).status_code == 400
    assert office.lifecare.notes_written() == []


def test_a_note_on_another_persons_execution_or_to_a_client_whom_the_key_cannot_see_is_refused(office: Office) -> None:
    other = office.lifecare.seed_person(TF04)
    assert office.post(office.note(clientId=other)).status_code == 400
    office.lifecare.protect(TF03, "invisible")  # LA9
    assert office.post(office.note()).status_code == 400


@pytest.mark.parametrize("body", [b"not json", b"\xff\xfe", b"[]", b"null"])
def test_a_body_that_is_no_note_is_refused(office: Office, body: bytes) -> None:
    assert office.post(body).status_code == 400
    assert post_note(office.lifecare, office.note(), "text/plain").status_code == 415


def test_a_person_writes_a_note_with_a_role_of_their_own(office: Office) -> None:
    created = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    note = office.lifecare.note_as("alarm_team", office.execution_id, "ready_for_start", "Klart.", created=created)
    [read] = office.under("ready_for_start")
    assert (read["Id"], read["CreatedRoleId"], read["PlainText"]) == (note, "LARM", "Klart.")
    assert datetime.fromisoformat(read["CreatedTime"]) == created


def test_text_is_rtf_or_plain_while_plain_text_is_plain(office: Office) -> None:
    for _ in range(2):
        office.lifecare.note_as("coordinator", office.execution_id, "times_agreed", "Tider: 22:30 och två till")
    texts = {read["Text"][:5] for read in office.under("times_agreed")}
    assert texts == {"Tider", "{\\rtf"}
    assert {read["PlainText"] for read in office.under("times_agreed")} == {"Tider: 22:30 och två till"}


def test_an_error_marked_note_stays_readable_and_says_so(office: Office) -> None:
    note = office.lifecare.note_as("alarm_team", office.execution_id, "consent_signed", "Ja")
    office.lifecare.error_mark(note)
    [read] = office.under("consent_signed")
    assert (read["ErrorMarked"], read["Status"], read["ErrorMarkedSignature"]) == (True, "Current", "KOTEST")


def test_a_replaced_note_becomes_history_and_the_two_name_each_other(office: Office) -> None:
    first = office.lifecare.note_as("coordinator", office.execution_id, "times_agreed", "22:30")
    second = office.lifecare.replace_note(first, "23:00")
    third = office.lifecare.replace_note(second, "23:30")
    old, middle, new = office.under("times_agreed")
    assert (old["Status"], old["NextHistoryId"], old["PlainText"]) == ("History", second, "22:30")
    assert (middle["Status"], middle["PreviousHistoryId"], middle["NextHistoryId"]) == ("History", first, third)
    assert (new["Status"], new["PreviousHistoryId"], new["OriginId"]) == ("Current", second, first)
    assert [read["Id"] for read in office.notes("HeadlineId='S101' and Status='Current'")] == [third]


def test_a_deleted_note_is_marked_or_gone(office: Office) -> None:
    marked = office.lifecare.note_as("alarm_team", office.execution_id, "consent_signed", "Ja")
    gone = office.lifecare.note_as("alarm_team", office.execution_id, "consent_signed", "Ja")
    office.lifecare.delete_note(marked)
    office.lifecare.delete_note(gone, vanished=True)
    assert [(read["Id"], read["Status"]) for read in office.under("consent_signed")] == [(marked, "Deleted")]


# Reported visits


def test_a_visit_is_found_again_by_its_external_id_and_a_second_of_the_same_id_is_refused(office: Office) -> None:
    visit_id = office.visit().json()
    assert [row["Id"] for row in office.visits()] == [visit_id]
    assert office.visit().status_code == 400
    assert office.visit(ReportingSystem="another").status_code == 200, "another system's ids are its own"
    assert office.visits("ExternalId='look-2'") == []


def test_a_visit_is_changed_by_its_id_and_deleted_by_its_external_id_and_system(office: Office) -> None:
    visit_id = office.visit().json()
    assert office.visit(Id=visit_id + 1).status_code == 400
    assert office.visit(Id=visit_id, EndTime="2026-03-02T21:40:00Z").json() == visit_id
    (row,) = office.visits()
    assert datetime.fromisoformat(row["EndTime"]) == datetime(2026, 3, 2, 21, 40, tzinfo=UTC)
    named = {"externalId": "look-1", "reportingSystem": "TK"}
    assert office.delete_visit(externalId="look-1") == 400
    assert [office.delete_visit(**named), office.delete_visit(**named)] == [204, 404]
    assert (office.visits(), office.lifecare.visits()) == ([], [])
    assert [v.what for v in office.lifecare.visits_written()] == ["created", "updated", "deleted"]
    assert office.visit().status_code == 200, "it may be reported anew"


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
    assert office.visit(**wrong).status_code == 400
    assert office.lifecare.visits() == []


def test_l12_visits_need_a_licence_and_other_methods_are_not_supported(office: Office) -> None:
    assert send(office.lifecare, "PATCH", "v1/reported_visits", {}).status_code == 405
    assert send(office.lifecare, "POST", "v1/reported_visits", b"{}", "text/plain").status_code == 415
    office.lifecare.settings.unlicensed.add("reported_visits")
    assert office.visit().status_code == 401
