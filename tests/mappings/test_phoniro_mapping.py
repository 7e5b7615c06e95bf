"""Acts as Phoniro's requests, and schedules as records."""

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from adapter.domain.ledger import ScheduleStatus, What
from adapter.domain.nights import NightTimes, Weekday
from connectors.lifecare import wire
from connectors.phoniro.wire import Schedule
from mappings import phoniro
from mappings.content import WrongContent
from mappings.mapping import load_mapping
from tests.connectors.phoniro_examples import SCHEDULE
from tests.domain.drawn_nights import every_night, night_times

MAPPING = load_mapping(Path(__file__).parents[2] / "mappings" / "example.toml")
TIMES = every_night("22:30", "02:15")
SEEN = datetime(2026, 3, 9, 12, tzinfo=UTC)
PERSON = "19900101TF03"


def what(**fields: str | int | None) -> What:
    base: dict[str, str | int | None] = {
        "n": 1,
        "valid_from": "2026-03-09",
        "valid_to": "2026-12-31",
        "times": json.dumps(TIMES.to_json()),
        "unit": 7102,
        "orders": '["SB-1"]',
    }
    return {**base, **fields}


def schedule(**fields: Any) -> Schedule:
    return Schedule.model_validate(SCHEDULE | fields)


def record(found: Schedule) -> Any:
    return phoniro.record(found, MAPPING.window, SEEN, n=1, what=what())


def test_a_new_schedule_is_written_by_calendar_day_and_unit() -> None:
    new = phoniro.new_schedule(what(), "TK-7F3K2M", "p-1", MAPPING)
    assert (new.external_reference, new.organisation_id) == ("TK-7F3K2M-1", "hemtjanst-soder")
    assert (new.valid_from, new.valid_to) == (date(2026, 3, 9), date(2026, 12, 31))
    assert [(set(r.weekdays), set(r.times)) for r in new.rules] == [
        ({"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, {time(2, 15), time(22, 30)})
    ]


def test_after_midnight_is_the_next_calendar_day() -> None:
    monday = json.dumps({"mon": ["22:30", "02:15"]})
    new = phoniro.new_schedule(what(times=monday), "TK-7F3K2M", "p-1", MAPPING)
    assert {day: rule.times for rule in new.rules for day in rule.weekdays} == {
        "mon": (time(22, 30),),
        "tue": (time(2, 15),),
    }


def test_a_change_opens_the_end_with_null_and_leaves_out_what_is_not_said() -> None:
    sent = phoniro.changes(what(valid_to=None, valid_from=None), MAPPING).to_json()
    assert sent["validTo"] is None
    assert set(sent) == {"validTo", "rules"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"n": None}, "n is no number"),
        ({"valid_from": None}, "valid_from is missing"),
        ({"valid_to": "sometime"}, "valid_to is no date"),
        ({"times": "22:30"}, "times are no night times"),
    ],
)
def test_content_that_can_not_be_used_is_told_by_key(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(WrongContent, match=told):
        phoniro.new_schedule(what(**fields), "TK-7F3K2M", "p-1", MAPPING)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("planned", ScheduleStatus.OPEN),
        ("active", ScheduleStatus.OPEN),
        ("paused", ScheduleStatus.PAUSED),
        ("ended", ScheduleStatus.ENDED),
        ("a word to come", ScheduleStatus.OPEN),
    ],
)
def test_a_status_is_told_in_our_words_and_an_unknown_one_can_still_be_ended(word: str, status: ScheduleStatus) -> None:
    assert record(schedule(status=word)).status is status


def test_a_schedule_is_read_back_by_night() -> None:
    assert record(schedule()).times == NightTimes.of({Weekday.MON: (time(2, 15),)})


def test_rules_that_are_no_night_times_are_none() -> None:
    assert record(schedule(rules=[{"weekdays": ["tue", "xyz"], "times": ["02:15"]}])).times is None


@given(night_times.filter(lambda times: times.max_per_night > 0))
def test_what_is_written_is_what_is_read_back(times: NightTimes) -> None:
    content = what(times=json.dumps(times.to_json()))
    new = phoniro.new_schedule(content, "TK-7F3K2M", "p-1", MAPPING)
    back = record(schedule(rules=new.to_json()["rules"], validFrom="2026-03-09", validTo="2026-12-31"))
    assert back.times == times
    assert phoniro.shows(back, content)
    assert not phoniro.shows(back, {**content, "valid_to": None})


def test_orders_of_the_act_are_those_that_the_schedule_rests_on() -> None:
    assert record(schedule()).orders == frozenset({"SB-1"})
    assert phoniro.record(schedule(), MAPPING.window, SEEN, n=1, what={"n": 1}).orders == frozenset()


@pytest.mark.parametrize(("reference", "n"), [("TK-7F3K2M-12", 12), ("TK-7F3K2M", 0), ("by hand", 0), ("", 0)])
def test_the_number_is_read_out_of_our_own_references(reference: str, n: int) -> None:
    assert phoniro.number_of(reference) == n


CLIENT = wire.Client.model_validate(
    {
        "Id": 1,
        "PersonId": PERSON,
        "FirstName": "Test",
        "LastName": "Person",
        "Addresses": [
            {"StreetAddress": "Annan väg 9", "Type": "Other"},
            {"StreetAddress": "Provgatan 1", "ZipCode": "12345", "City": "Provstad", "Type": "Home"},
        ],
        "Phones": [{"PhoneNumber": "08-000", "Type": "Home"}, {"PhoneNumber": "070-000", "Type": "Mobile"}],
    }
)


def test_a_customer_has_the_home_address_and_the_mobile_phone() -> None:
    customer = phoniro.customer(CLIENT, PERSON, "p-1", "hemtjanst-norr")
    assert (customer.street_address, customer.city, customer.phone) == ("Provgatan 1", "Provstad", "070-000")
    assert customer.personal_identity_number == PERSON
    assert customer.unsendable() is None


@pytest.mark.parametrize(
    ("cause", "word"), [("absence", "absence"), ("equipment_collected", "equipment"), ("order_gone", "other")]
)
def test_each_cause_of_a_pause_has_a_word_that_phoniro_knows(cause: str, word: str) -> None:
    assert phoniro.pause_reason(cause) == word
