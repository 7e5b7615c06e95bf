"""Lifecare's rows as facts, by example."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.facts import FactProblem, Order, OrderStatus, ServiceKind, Signal
from adapter.domain.nights import Granted, Weekday
from connectors.lifecare import wire
from mappings import lifecare
from mappings.mapping import MunicipalMapping, load_mapping

MAPPING = load_mapping(Path(__file__).parents[2] / "mappings" / "example.toml")
PERSON = "19900101TF03"
KEY = b"secret"


def order(**fields: Any) -> wire.Order:
    base = {
        "Id": "SB-1",
        "PersonId": PERSON,
        "ServiceCategoryId": 40,
        "OrderDate": "2026-03-02",
        "StartDate": "2026-03-09",
        "EndDate": "9999-12-31T00:00:00",
        "Status": "Sent",
        "Provider": {"Id": "UTFSODER"},
        "Company": {"Id": 72},
    }
    return wire.Order.model_validate({**base, **fields})


def service(code: int = 4010, **detail: Any) -> wire.OrderedService:
    return wire.OrderedService.model_validate(
        {
            "OrderId": "SB-1",
            "DecisionId": 7,
            "ServiceType": {"Code": code},
            "StartDate": "2026-03-09",
            "Details": [{"Frequency": 3, "Periodicity": 1, "TimeUnit": 4, **detail}],
        }
    )


def read_order(
    row: wire.Order, *services: wire.OrderedService, mapping: MunicipalMapping = MAPPING
) -> tuple[Order, tuple[FactProblem, ...]]:
    found, problems = lifecare.order(row, services, mapping)
    assert found is not None
    return found, problems


def test_an_order_is_read_with_its_lines_and_its_unit() -> None:
    found, problems = read_order(order(), service())
    assert problems == ()
    assert (found.id, found.status, found.unit_id) == ("SB-1", OrderStatus.SENT, 7102)
    assert (found.order_date, found.first_day, found.last_day) == (date(2026, 3, 2), date(2026, 3, 9), None)
    (line,) = found.lines
    assert (line.kind, line.decision_id, line.granted) == (ServiceKind.CAMERA, 7, Granted(3))
    assert found.is_camera


@pytest.mark.parametrize(
    ("category", "code", "kind"),
    [
        (40, 4010, ServiceKind.CAMERA),
        (40, 9999, ServiceKind.CAMERA),
        (40, 4110, ServiceKind.ALARM),
        (41, 9999, ServiceKind.ALARM),
        (42, 4210, ServiceKind.OTHER),
    ],
)
def test_a_service_is_told_by_its_type_before_its_orders_category(category: int, code: int, kind: ServiceKind) -> None:
    found, _ = read_order(order(ServiceCategoryId=category), service(code))
    assert found.lines[0].kind is kind


def test_camera_services_in_a_shared_category_are_told_by_type_alone() -> None:
    camera = MAPPING.services.camera.model_copy(update={"categories": (), "types": (4010,)})
    mapping = MAPPING.model_copy(update={"services": MAPPING.services.model_copy(update={"camera": camera})})
    found, _ = read_order(order(ServiceCategoryId=42), service(4010), service(4210), mapping=mapping)
    assert [line.kind for line in found.lines] == [ServiceKind.CAMERA, ServiceKind.OTHER]
    assert mapping.maybe_camera(42)
    assert not MAPPING.maybe_camera(42)


def test_a_camera_order_without_services_is_still_a_camera_order() -> None:
    found, _ = read_order(order())
    assert found.is_camera
    assert found.lines[0].decision_id is None


@pytest.mark.parametrize(
    ("detail", "granted"),
    [
        ({}, Granted(3)),
        ({"TimeUnit": 1}, Granted(3)),
        ({"TimeUnit": None}, Granted(3)),
        ({"Weekdays": ["Friday", "Saturday"]}, Granted(3, frozenset({Weekday.FRI, Weekday.SAT}))),
        ({"TimeUnit": 2}, None),
        ({"Periodicity": 2}, None),
        ({"Periodicity": None}, None),
        ({"Frequency": None}, None),
        ({"Frequency": 0}, None),
    ],
)
def test_what_was_granted_per_night_is_known_only_where_it_can_be_checked(
    detail: dict[str, Any], granted: Granted | None
) -> None:
    found, problems = read_order(order(), service(**detail))
    assert found.lines[0].granted == granted
    assert [(p.code, dict(p.params)) for p in problems] == ([] if granted else [("grant_unknown", {"order": "SB-1"})])


def test_an_unknown_weekday_is_told_and_nothing_is_guessed() -> None:
    found, problems = read_order(order(), service(Weekdays=["Fredag"]))
    assert found.lines[0].granted is None
    assert [(p.code, p.resource) for p in problems] == [("unknown_value", "ordered_services")]


def test_two_details_can_not_be_checked() -> None:
    two = service().model_copy(update={"details": service().details * 2})
    assert read_order(order(), two)[0].lines[0].granted is None


def test_an_unknown_status_is_told_by_order_and_field() -> None:
    found, problems = lifecare.order(order(Status="OnHold"), [service()], MAPPING)
    assert found is None
    assert problems[0].code == "unknown_value"
    assert dict(problems[0].params) == {"id": "SB-1", "field": "Status"}


def person(**fields: Any) -> wire.Client:
    base = {
        "Id": 30001,
        "PersonId": PERSON,
        "FirstName": "Test",
        "LastName": "Person",
        "Active": True,
        "Addresses": [{"StreetAddress": "Provgatan 1", "ZipCode": "12345", "City": "Provstad", "Type": "Home"}],
        "Phones": [{"PhoneNumber": "070-0000000", "Type": "Mobile"}],
    }
    return wire.Client.model_validate({**base, **fields})


@pytest.mark.parametrize(
    ("gone", "deceased", "deregistered"),
    [
        (None, False, None),
        ({}, False, None),
        ({"Reason": "Decease"}, True, None),
        ({"Reason": "Emigrated"}, False, "emigrated"),
        ({"Reason": "Other"}, False, "other"),
        ({"Date": "2026-03-01"}, False, "other"),
    ],
)
def test_deregistration_is_told_by_its_reason(gone: Any, deceased: bool, deregistered: str | None) -> None:
    found, _ = lifecare.client(person(Deregistration=gone, Active=gone is None), PERSON, KEY)
    assert (found.deceased, found.deregistered, found.active) == (deceased, deregistered, gone is None)


def test_the_fingerprint_tells_that_details_changed_and_never_what_they_are() -> None:
    before, _ = lifecare.client(person(), PERSON, KEY)
    moved, _ = lifecare.client(person(Addresses=[{"StreetAddress": "Provgatan 2", "Type": "Home"}]), PERSON, KEY)
    same, _ = lifecare.client(person(UpdateTime="2026-03-03T10:00:00Z"), PERSON, KEY)
    assert before.details == same.details != moved.details
    assert before.details != lifecare.client(person(), PERSON, b"another")[0].details
    assert len(before.details) == 32


def test_nothing_personal_is_in_a_protected_persons_fingerprint() -> None:
    one, _ = lifecare.client(person(ProtectedRegistration=True), PERSON, KEY)
    other, _ = lifecare.client(person(ProtectedRegistration=True, FirstName="X"), "19900101TF04", KEY)
    assert one.details == other.details == lifecare.invisible_client(PERSON, KEY).details


@pytest.mark.parametrize(("number", "holds"), [("19900101TF03", True), ("000000000000", True), ("000000000001", False)])
def test_a_wrong_checksum_is_told_and_test_numbers_have_none(number: str, holds: bool) -> None:
    _, problems = lifecare.client(person(), number, KEY)
    assert [p.code for p in problems] == ([] if holds else ["checksum"])
    assert all(number not in str(p) for p in problems)


@given(st.from_regex(r"[0-9]{11}", fullmatch=True))
def test_exactly_one_last_digit_makes_a_checksum_hold(digits: str) -> None:
    assert sum(lifecare.checksum_holds(digits + str(last)) for last in range(10)) == 1


def note(**fields: Any) -> wire.Documentation:
    base = {
        "Id": "700001",
        "HeadlineId": "S101",
        "Status": "Current",
        "PlainText": "22:30",
        "CreatedTime": "2026-03-02T23:30:00Z",
        "ExecutionId": 1,
    }
    return wire.Documentation.model_validate({**base, **fields})


def read(row: wire.Documentation, since: date = date(2026, 3, 1)) -> Any:
    found, problems = lifecare.note(row, MAPPING, since)
    return (found,) if found else (), problems


def test_a_signal_is_read_with_its_text_where_it_is_about_times() -> None:
    ((found,), problems) = read(note())
    assert (found.signal, found.text, found.execution_id) == (Signal.TIMES_AGREED, "22:30", 1)
    assert found.at == datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert problems == ()
    ((other,), _) = read(note(HeadlineId="S105"))
    assert (other.signal, other.text) == (Signal.CONSENT_SIGNED, "")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Bokad 14 april kl 10.00, Anna tar emot", date(2026, 4, 14)),
        ("Installation 2026-04-14, åter 2026-04-14 vid förhinder", date(2026, 4, 14)),
        ("den 14/4 eller 15/4", None),
        ("Bokad, de ringer", None),
    ],
)
def test_the_booked_day_is_read_where_one_is_named_plainly_and_the_text_is_not_kept(
    text: str, day: date | None
) -> None:
    ((found,), _) = read(note(HeadlineId="S102", PlainText=text))
    assert (found.day, found.text) == (day, "")


NO_SIGNAL = [{"Status": "History"}, {"Status": "Deleted"}, {"ErrorMarked": True}, {"NextHistoryId": "700002"}]
NO_SIGNAL += [{"HeadlineId": heading} for heading in ("S901", "S201", None)]


@pytest.mark.parametrize("fields", NO_SIGNAL)
def test_a_note_that_does_not_count_is_no_signal(fields: dict[str, Any]) -> None:
    assert read(note(**fields)) == ((), ())


@pytest.mark.parametrize(("since", "count"), [(date(2026, 3, 3), 1), (date(2026, 3, 4), 0)])
def test_notes_count_from_the_local_calendar_day(since: date, count: int) -> None:
    """23:30 UTC on 2 March is 3 March in Stockholm."""
    assert len(read(note(), since)[0]) == count


@pytest.mark.parametrize(
    ("plain", "rtf", "text"),
    [
        (None, r"{\rtf1\ansi Varje natt 22:30\par 05:00}", "Varje natt 22:30\n05:00"),
        ("22:30 23:00", r"{\rtf1\ansi {\strike 22:30} 23:00}", "23:00"),
    ],
    ids=["no plain text", "plain text hides what is struck out"],
)
def test_text_comes_from_rtf_where_there_is_any(plain: str | None, rtf: str, text: str) -> None:
    ((found,), _) = read(note(PlainText=plain, Text=rtf))
    assert found.text == text


def test_a_text_too_long_is_cut_and_still_seen_to_be_too_long() -> None:
    from adapter.domain.nights import TimesProblem
    from adapter.domain.times_reading import read_times

    ((found,), _) = read(note(PlainText="22:30 " * 2_000))
    assert len(found.text) == lifecare.LONGEST_NOTE + 1
    refused = read_times(found.text, MAPPING.window, found.at.date())
    assert isinstance(refused, TimesProblem)
    assert refused.code == "too_long"


def test_a_note_without_a_time_is_told() -> None:
    assert [p.code for p in read(note(CreatedTime=None))[1]] == ["bad_row"]


def test_a_deleted_absence_is_known_as_such_and_one_without_a_start_is_told() -> None:
    deleted, problems = lifecare.absence(wire.ClientAbsence.model_validate({"Id": 1, "Deleted": True}))
    assert deleted is not None
    assert (deleted.id, deleted.deleted, problems) == (1, True, ())
    none, problems = lifecare.absence(wire.ClientAbsence.model_validate({"Id": 1, "PersonId": PERSON}))
    assert none is None
    assert [p.code for p in problems] == ["bad_row"]
