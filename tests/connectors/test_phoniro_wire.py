"""The models of requests to Phoniro and of its answers."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.phoniro.wire import Customer, Rule, Schedule, ScheduleChanges, Supervision
from tests.connectors.phoniro_examples import SCHEDULE, new_schedule


def test_times_and_dates_are_sent_as_the_contract_writes_them() -> None:
    sent = new_schedule(valid_to=date(2026, 12, 31)).to_json()
    assert sent["rules"] == [{"weekdays": ["mon", "tue"], "times": ["22:30"]}]
    assert (sent["validFrom"], sent["validTo"]) == ("2026-03-02", "2026-12-31")
    assert (sent["toleranceMinutes"], sent["retryAfterMinutes"], sent["type"]) == (30, 15, "camera_night")


def test_an_answer_is_read_into_dates_times_and_utc_instants() -> None:
    midnight = {"rules": [{"weekdays": ["tue"], "times": ["02:15", "00:00"]}]}
    schedule = Schedule.model_validate(SCHEDULE | midnight)
    assert (schedule.valid_from, schedule.valid_to) == (date(2026, 3, 2), None)
    assert schedule.rules[0].times == (time(2, 15), time(0, 0))
    ended = Schedule.model_validate(SCHEDULE | {"endedAt": "2026-03-01T09:00:00+01:00"}).ended_at
    assert ended == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert ended.tzinfo is UTC


def test_new_words_and_new_fields_in_an_answer_are_kept_or_ignored_and_break_nothing() -> None:
    odd = SCHEDULE | {
        "status": "suspended",
        "type": "camera_day",
        "rules": [{"weekdays": ["holiday"], "times": ["02:15"]}],
        "colour": "blue",
    }
    schedule = Schedule.model_validate(odd)
    assert (schedule.status, schedule.rules[0].weekdays) == ("suspended", ("holiday",))
    due = {"id": "1", "scheduleId": "s", "dueAt": "2026-03-02T01:15:00Z", "outcome": "person_waved"}
    assert Supervision.model_validate(due).outcome == "person_waved"


@pytest.mark.parametrize(
    "broken",
    [
        {"rules": [{"weekdays": ["tue"], "times": [1350]}]},
        {"rules": [{"weekdays": ["tue"], "times": ["24:00"]}]},
        {"rules": [{"weekdays": ["tue"], "times": ["7:05"]}]},
        {"validFrom": 1772409600},
        {"validFrom": "2026-02-30"},
        {"endedAt": "2026-03-01T09:00:00"},
        {"endedAt": 1772409600},
    ],
)
def test_a_date_or_time_is_never_guessed(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Schedule.model_validate(SCHEDULE | broken)


@pytest.mark.parametrize(
    "broken",
    [
        {"external_reference": "x" * 101},
        {"external_reference": ""},
        {"type": "camera_day"},
        {"rules": ()},
        {"rules": (Rule(weekdays=("holiday",), times=(time(1),)),)},
        {"rules": (Rule(weekdays=(), times=(time(1),)),)},
        {"rules": (Rule(weekdays=("mon",), times=()),)},
        {"rules": (Rule(weekdays=("mon",), times=tuple(time(1, minute) for minute in range(13))),)},
        {"rules": (Rule(weekdays=("mon",), times=(time(1), time(1))),)},
        {"rules": (Rule(weekdays=("mon",), times=(time(1),)), Rule(weekdays=("mon",), times=(time(2),)))},
        {"tolerance_minutes": 121},
        {"retry_after_minutes": 0},
    ],
)
def test_what_phoniro_would_refuse_is_not_made(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        new_schedule(**broken)


def test_changes_hold_what_is_given_and_nothing_else() -> None:
    assert ScheduleChanges(valid_to=None).to_json() == {"validTo": None}
    assert ScheduleChanges(valid_from=date(2026, 4, 1)).to_json() == {"validFrom": "2026-04-01"}
    with pytest.raises(ValidationError, match="nothing to change"):
        ScheduleChanges()
    with pytest.raises(ValidationError):
        ScheduleChanges(rules=())


PERSON = {
    "personal_identity_number": "19900101TF03",
    "first_name": "Test",
    "last_name": "Testsson",
    "street_address": "Provgatan 1",
    "postal_code": "14785",
    "city": "Tumba",
    "phone": "08-000 00 00",
}


def _customer(**changes: Any) -> Customer:
    fields: dict[str, Any] = {"external_id": "c-1", "organisation_id": "o-1", "protected_identity": False}
    return Customer(**(fields | changes))


@pytest.mark.parametrize("field", PERSON)
def test_not_one_personal_field_of_a_protected_person_can_be_sent(field: str) -> None:
    fault = _customer(protected_identity=True, **{field: PERSON[field]}).unsendable()
    assert fault is not None
    assert "protected" in fault
    assert PERSON[field] not in fault
    assert _customer(**{field: PERSON[field]}).unsendable() is None


@pytest.mark.parametrize(
    "broken",
    [
        {"external_id": "19900101TF03"},
        {"external_id": "19900101-TF03"},
        {"external_id": "900101-TF03"},
        {"external_id": "x" * 65},
        {"external_id": ""},
        {"personal_identity_number": "19900101-TF03"},
    ],
)
def test_an_unfit_number_is_named_by_its_field_and_not_repeated(broken: dict[str, str]) -> None:
    fault = _customer(**broken).unsendable()
    assert fault is not None
    assert "TF03" not in fault


def test_personal_data_shows_neither_in_repr_nor_in_a_validation_error() -> None:
    shown = repr(_customer(**PERSON))
    with pytest.raises(ValidationError) as caught:
        Customer.model_validate({"firstName": ["Testsson"], "phone": 4711})
    shown += str(caught.value)
    assert not [value for value in (*PERSON.values(), "4711") if value in shown]


def test_a_protected_person_with_every_personal_field_empty_can_be_sent() -> None:
    assert _customer(protected_identity=True, **dict.fromkeys(PERSON)).unsendable() is None
