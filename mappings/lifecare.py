"""Lifecare's rows as canonical facts. Pure. What can't be used becomes a ``FactProblem`` with the id of row and field,
never a value (P8).

A row that can't be read is left out of the answer. Its problem has the row's ``id``, so it doesn't count as gone.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import date, datetime

from adapter.domain.facts import (
    Absence,
    AuthorityDecision,
    Client,
    Execution,
    FactProblem,
    Note,
    Order,
    OrderStatus,
    ServiceKind,
    ServiceLine,
    ServicePlan,
    Signal,
)
from adapter.domain.nights import Granted, Weekday
from adapter.domain.times_reading import day_named
from connectors.lifecare import wire
from mappings.mapping import MunicipalMapping
from mappings.rtf import has_unseen, is_rtf, visible_text

LONGEST_NOTE = 4_000
"""How many characters of a note's text are kept. One more is kept too, which shows that the text was cut."""

TIMES = frozenset({Signal.TIMES_AGREED, Signal.TIMES_CHANGED})
"""Only of these signals the text is kept."""
BOOKED = frozenset({Signal.INSTALLATION_BOOKED, Signal.PICKUP_BOOKED})
"""Of these signals the day that the text names is kept."""

_STATUS = {
    "Registered": OrderStatus.REGISTERED,
    "Sent": OrderStatus.SENT,
    "Accepted": OrderStatus.ACCEPTED,
    "WillNotBeExecuted": OrderStatus.WILL_NOT_BE_EXECUTED,
}
_CURRENT = (OrderStatus.SENT, OrderStatus.ACCEPTED)
_WEEKDAYS = dict(
    zip(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), Weekday, strict=True)
)
_DEREGISTERED = {"Emigrated": "emigrated", "Other": "other"}


def problem(code: str, resource: str, row_id: object, field: str | None = None) -> FactProblem:
    params = (("id", str(row_id)),) + ((("field", field),) if field else ())
    return FactProblem(code, resource, params)


# Orders


def order(
    row: wire.Order, services: Sequence[wire.OrderedService], mapping: MunicipalMapping
) -> tuple[Order | None, tuple[FactProblem, ...]]:
    """An order with its lines. An order of a camera category without lines is still a camera order, with no
    decision."""
    status = _STATUS.get(row.status or "")
    ordered_on = row.order_date or row.start_date or (row.update_time.date() if row.update_time else None)
    if status is None:
        return None, (problem("unknown_value", "orders", row.id, "Status"),)
    if ordered_on is None:
        return None, (problem("bad_row", "orders", row.id, "OrderDate"),)
    lines, problems = [], []
    for service in services:
        granted, unknown = _granted(service.details, mapping)
        kind = _kind(row.service_category_id, service.service_type.code if service.service_type else None, mapping)
        if unknown:
            problems.append(problem("unknown_value", "ordered_services", row.id, "Weekdays"))
        elif granted is None and kind is ServiceKind.CAMERA and status in _CURRENT:
            problems.append(FactProblem("grant_unknown", "ordered_services", (("order", row.id),)))
        lines.append(ServiceLine(kind, service.decision_id, service.start_date, service.end_date, granted))
    if not lines:
        lines.append(ServiceLine(_kind(row.service_category_id, None, mapping), None))
    unit = mapping.unit_of(row.provider.id if row.provider else None, row.company.id if row.company else None)
    canonical = Order(
        id=row.id,
        status=status,
        order_date=ordered_on,
        first_day=row.start_date,
        last_day=row.end_date,
        execution_id=row.execution_id,
        unit_id=unit,
        lines=tuple(lines),
    )
    return canonical, tuple(dict.fromkeys(problems))


def _kind(category: int | None, code: int | None, mapping: MunicipalMapping) -> ServiceKind:
    """The service type goes before the order's category, if both are mapped."""
    known = ((ServiceKind.CAMERA, mapping.services.camera), (ServiceKind.ALARM, mapping.services.alarm))
    by_type = next((kind for kind, service in known if code in service.types), None)
    return by_type or next((kind for kind, service in known if category in service.categories), ServiceKind.OTHER)


def _granted(details: Sequence[wire.OrderedServiceDetail], mapping: MunicipalMapping) -> tuple[Granted | None, bool]:
    """What was granted per night (LA6), and whether a weekday is unknown. None if it can't be checked: another rhythm
    than nightly, or several details, which may add up or replace each other."""
    if len(details) != 1:
        return None, False
    (detail,) = details
    if any(day not in _WEEKDAYS for day in detail.weekdays):
        return None, True
    nightly = detail.time_unit is None or detail.time_unit in mapping.services.nightly_units
    if not detail.frequency or detail.frequency < 0 or detail.periodicity != 1 or not nightly:
        return None, False
    nights = frozenset(_WEEKDAYS[day] for day in detail.weekdays)
    return Granted(detail.frequency, nights or None), False


# Decisions, executions, absences


def decision(row: wire.Decision) -> AuthorityDecision:
    return AuthorityDecision(row.id, row.from_date, row.to_date, deleted=row.deleted, decided=row.date)


def execution(row: wire.Execution) -> tuple[Execution, tuple[FactProblem, ...]]:
    unit = row.provider_unit.id if row.provider_unit else None
    canonical = Execution(row.id, row.start_date, row.end_date, unit, deleted=row.deleted)
    return canonical, _reversed("executions", row.id, row.start_date, row.end_date)


def absence(row: wire.ClientAbsence) -> tuple[Absence | None, tuple[FactProblem, ...]]:
    """None if it has no first day. A deleted absence may have little more than its id."""
    if row.deleted:
        return Absence(row.id, row.start_date or date.min, row.end_date, deleted=True), ()
    if row.start_date is None:
        return None, (problem("bad_row", "client_absences", row.id, "StartDate"),)
    return Absence(row.id, row.start_date, row.end_date), _reversed(
        "client_absences", row.id, row.start_date, row.end_date
    )


def _reversed(resource: str, row_id: int, first: date | None, last: date | None) -> tuple[FactProblem, ...]:
    upside_down = first is not None and last is not None and last < first
    return (problem("ends_before_start", resource, row_id),) if upside_down else ()


def plan(row: wire.ServicePlan, mapping: MunicipalMapping) -> ServicePlan | None:
    """None for a plan without supervision by camera. If it has several such services, the one that lasts longest
    counts."""
    types = mapping.plans.camera_types if mapping.plans else ()
    camera = [s for s in row.services if s.service_type and s.service_type.code in types]
    if not camera:
        return None
    service = max(camera, key=lambda s: (s.end_date or date.max, s.start_date or date.min))
    since = max((d for d in (row.established_date, service.start_date) if d), default=None)
    last = min((d for d in (row.end_date, service.end_date) if d), default=None)
    return ServicePlan(row.id, since, last, row.follow_up_date)


# The person


def is_protected(row: wire.Client) -> bool:
    """Whether the person is protected in one of four ways. The fifth, that the key can't see the client at all, has no
    row."""
    protected_contact = any(a.protected for a in row.addresses) or any(p.protected for p in row.phones)
    return row.protected_registration or row.is_confidential or protected_contact


def client(row: wire.Client, person_id: str, key: bytes) -> tuple[Client, tuple[FactProblem, ...]]:
    """The person as the routine knows them. ``key`` is the secret of the fingerprint."""
    gone = row.deregistration
    reason = gone.reason if gone else None
    told = reason is not None or (gone is not None and gone.date is not None)
    deceased = reason == "Decease"
    problems = []
    if told and not deceased and reason not in _DEREGISTERED:
        problems.append(problem("unknown_value", "clients", row.id, "Deregistration.Reason"))
    if not checksum_holds(person_id):
        problems.append(FactProblem("checksum", "clients"))
    canonical = Client(
        client_id=row.id,
        protected=is_protected(row),
        deceased=deceased,
        deregistered=_DEREGISTERED.get(reason or "", "other") if told and not deceased else None,
        active=row.active is not False and not row.deleted,
        details=fingerprint(row, person_id, key),
    )
    return canonical, tuple(problems)


def invisible_client(person_id: str, key: bytes) -> Client:
    """A client that the key can't see (LA9): protected, and without an id to write notes by."""
    return Client(client_id=None, protected=True, details=fingerprint(None, person_id, key))


def contact(row: wire.Client) -> tuple[wire.Address | None, wire.Phone | None]:
    """The address and the phone that count: the one at home, and a mobile before others."""
    home = next((a for a in row.addresses if a.type == "Home"), row.addresses[0] if row.addresses else None)
    order = {"Mobile": 0, "Home": 1}
    phone = min((p for p in row.phones if p.phone_number), key=lambda p: order.get(p.type or "", 2), default=None)
    return home, phone


def fingerprint(row: wire.Client | None, person_id: str, key: bytes) -> str:
    """A keyed digest (HMAC-SHA256) of what the camera platform is told. It shows that this changed, never what it is.
    For a protected person it holds only the protection."""
    told: list[str | bool | None] = [True]
    if row is not None and not is_protected(row):
        home, phone = contact(row)
        told = [False, person_id, row.first_name, row.last_name]
        told += [home.street_address, home.zip_code, home.city] if home else [None]
        told += [phone.phone_number if phone else None]
    return keyed_hash(json.dumps(told, ensure_ascii=False), key)


def keyed_hash(text: str, key: bytes) -> str:
    """HMAC-SHA256, 32 hex digits."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def checksum_holds(person_id: str) -> bool:
    """Luhn over the last ten digits. True for numbers with letters (test persons, L13), which have no checksum."""
    digits = person_id[2:]
    if not digits.isdecimal():
        return True
    doubled = (int(d) * (2 - n % 2) for n, d in enumerate(digits))
    return sum(d // 10 + d % 10 for d in doubled) % 10 == 0


# Notes


def counts(row: wire.Documentation) -> bool:
    """Whether a note is valid: current, neither error-marked nor replaced."""
    return row.status == "Current" and not row.error_marked and not row.next_history_id


def note(
    row: wire.Documentation, mapping: MunicipalMapping, since: date
) -> tuple[Note | None, tuple[FactProblem, ...]]:
    """The note, if it is a signal that counts and was created on or after ``since`` (a calendar date in the
    municipality)."""
    signal = mapping.signal_of(row.headline_id or "")
    if signal is None or not counts(row):
        return None, ()
    at = _written_at(row)
    if at is None:
        return None, (problem("bad_row", "documentations", row.id, "CreatedTime"),)
    written = at.astimezone(mapping.zone).date()
    if written < since:
        return None, ()
    text = note_text(row) if signal in TIMES | BOOKED else ""
    day = day_named(text, written) if signal in BOOKED else None
    return Note(row.id, signal, at, row.execution_id, text if signal in TIMES else "", day=day), ()


def _written_at(row: wire.Documentation) -> datetime | None:
    return row.created_time or row.signed_time or row.occurrence_time


def note_text(row: wire.Documentation) -> str:
    """The plain text. The RTF is read if there is no plain text, or if the plain text hides that words are struck
    out."""
    text = row.plain_text or row.text or ""
    if row.text and is_rtf(row.text) and has_unseen(row.text):
        text = row.text
    return visible_text(text)[: LONGEST_NOTE + 1]
