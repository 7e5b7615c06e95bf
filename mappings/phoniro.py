"""Canonical acts as Phoniro's requests, and its schedules as canonical records. Pure."""

import json
from collections.abc import Iterable
from datetime import date, datetime, time
from functools import lru_cache
from typing import Final

from adapter.domain.ledger import LookOutcome, ScheduleRecord, ScheduleStatus, What
from adapter.domain.nights import CalendarRule, NightTimes, NightWindow, Weekday, calendar_rules, night_times_from_rules
from connectors.lifecare import wire as lifecare
from connectors.phoniro.wire import Customer, NewSchedule, PauseReason, Rule, Schedule, ScheduleChanges
from mappings.content import WrongContent, whole
from mappings.lifecare import contact, is_protected
from mappings.mapping import MunicipalMapping

_STATUS = {"paused": ScheduleStatus.PAUSED, "ended": ScheduleStatus.ENDED}
_PAUSE: Final[dict[str, PauseReason]] = {
    "absence": "absence",
    "absence_gone": "absence",
    "consent_withdrawn": "consent_withdrawn",
    "deceased": "deceased",
    "equipment_collected": "equipment",
}
_LONGEST_N = 6
_DAYS = {day.code: day for day in Weekday}


def external_reference(reference: str, n: int) -> str:
    """``TK-7F3K2M-1``: unique for ever. Each new start has its own."""
    return f"{reference}-{n}"


def number_of(reference: str) -> int:
    """The schedule's number in its external reference; 0 for a reference that isn't ours."""
    number = reference.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= _LONGEST_N else 0


def pause_reason(cause: str) -> PauseReason:
    """Phoniro's word for a cause of a pause, ``other`` if it has none."""
    return _PAUSE.get(cause, "other")


def customer(row: lifecare.Client | None, person_id: str, external_id: str, organisation: str) -> Customer:
    """What Phoniro may know of a person. If they are protected or can't be seen: only that."""
    if row is None or is_protected(row):
        return Customer(external_id=external_id, organisation_id=organisation, protected_identity=True)
    home, phone = contact(row)
    return Customer(
        external_id=external_id,
        organisation_id=organisation,
        protected_identity=False,
        personal_identity_number=person_id,
        first_name=row.first_name,
        last_name=row.last_name,
        street_address=home.street_address if home else None,
        postal_code=home.zip_code if home else None,
        city=home.city if home else None,
        phone=phone.phone_number if phone else None,
    )


def emptied(external_id: str, organisation: str, *, protected: bool) -> Customer:
    """A person whose last case is closed: nothing personal is left."""
    return Customer(external_id=external_id, organisation_id=organisation, protected_identity=protected)


def new_schedule(what: What, reference: str, customer_external_id: str, mapping: MunicipalMapping) -> NewSchedule:
    """From the content of a ``create`` act: ``n``, ``valid_from``, ``valid_to``, ``times``, ``unit``."""
    routine = mapping.routine
    patience = routine.tolerance_minutes, routine.retry_after_minutes
    tolerance, retry_after = mapping.patience_by_unit.get(whole(what, "unit") or 0, patience)
    return NewSchedule(
        external_reference=external_reference(reference, number(what)),
        customer_external_id=customer_external_id,
        organisation_id=mapping.organisation(whole(what, "unit")),
        time_zone=mapping.municipality.zone,
        valid_from=_day(what, "valid_from"),
        valid_to=_day_or_none(what, "valid_to"),
        rules=_rules(what, mapping.window),
        tolerance_minutes=tolerance,
        retry_after_minutes=retry_after,
    )


def changes(what: What, mapping: MunicipalMapping) -> ScheduleChanges:
    """From the content of a ``change`` act: either how long looks may take, or times and last day, and ``valid_from``
    if the act has it."""
    if "tolerance" in what:
        return ScheduleChanges(tolerance_minutes=what["tolerance"], retry_after_minutes=what["retry_after"])
    rules, valid_to = _rules(what, mapping.window), _day_or_none(what, "valid_to")
    if what.get("valid_from") is None:
        return ScheduleChanges(valid_to=valid_to, rules=rules)
    return ScheduleChanges(valid_from=_day(what, "valid_from"), valid_to=valid_to, rules=rules)


def record(schedule: Schedule, window: NightWindow, seen_at: datetime, *, n: int, what: What) -> ScheduleRecord:
    """A schedule as it was seen. ``times`` is None if its rules are no night times. An unknown status counts as open,
    so that the schedule is still paused and ended. ``orders`` are those of the act's content.

    Once the instant of its end has passed by our own clock the schedule is ended, whatever its status says. If
    Phoniro's clock is behind ours, it would otherwise be ended again and again, each time a little later.
    """
    ended = schedule.ended_at is not None and schedule.ended_at <= seen_at
    status = ScheduleStatus.ENDED if ended else _STATUS.get(schedule.status, ScheduleStatus.OPEN)
    return ScheduleRecord(
        n=n,
        status=status,
        valid_from=schedule.valid_from,
        valid_to=schedule.valid_to,
        times=_times(schedule.rules, window),
        patience=_patience(schedule),
        seen_at=seen_at,
        orders=orders(what),
    )


def _patience(schedule: Schedule) -> tuple[int, int] | None:
    tolerance, retry_after = schedule.tolerance_minutes, schedule.retry_after_minutes
    return None if tolerance is None or retry_after is None else (tolerance, retry_after)


def shows(seen: ScheduleRecord, what: What) -> bool:
    """Whether a schedule is as a ``change`` act wants it."""
    if "tolerance" in what:
        return seen.patience == (what["tolerance"], what["retry_after"])
    starts = what.get("valid_from")
    return (
        (starts is None or seen.valid_from == _day(what, "valid_from"))
        and seen.valid_to == _day_or_none(what, "valid_to")
        and seen.times == _night_times(what)
    )


def look_outcome(word: str) -> LookOutcome | None:
    """What came of a supervision. None for a word that we don't know (yet)."""
    known = next((outcome for outcome in LookOutcome if outcome.value == word), None)
    return None if known is LookOutcome.ABSENT else known


def number(what: What) -> int:
    n = whole(what, "n")
    if n is None:
        raise WrongContent("n is no number")
    return n


def orders(what: What) -> frozenset[str]:
    if not what.get("orders"):
        return frozenset()
    try:
        return frozenset(str(order) for order in json.loads(str(what["orders"])))
    except (TypeError, ValueError):
        raise WrongContent("orders is no JSON list") from None


def _rules(what: What, window: NightWindow) -> tuple[Rule, ...]:
    rules = calendar_rules(_night_times(what), window)
    return tuple(Rule(weekdays=tuple(d.code for d in rule.weekdays), times=rule.times) for rule in rules)


def _times(rules: Iterable[Rule], window: NightWindow) -> NightTimes | None:
    return _times_of(tuple([(rule.weekdays, rule.times) for rule in rules]), window)


@lru_cache(maxsize=4096)
def _times_of(rules: tuple[tuple[tuple[str, ...], tuple[time, ...]], ...], window: NightWindow) -> NightTimes | None:
    """Cached: a list of all schedules has the same times over and over."""
    try:
        calendar = [CalendarRule(tuple(_DAYS[day] for day in days), times) for days, times in rules]
        return night_times_from_rules(calendar, window)
    except (KeyError, ValueError):
        return None


def _night_times(what: What) -> NightTimes:
    try:
        return NightTimes.from_text(what.get("times"))
    except ValueError:
        raise WrongContent("times are no night times") from None


def _day(what: What, key: str) -> date:
    day = _day_or_none(what, key)
    if day is None:
        raise WrongContent(f"{key} is missing")
    return day


def _day_or_none(what: What, key: str) -> date | None:
    value = what.get(key)
    try:
        return None if value is None else date.fromisoformat(str(value))
    except ValueError:
        raise WrongContent(f"{key} is no date") from None
