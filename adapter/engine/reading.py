"""Reading what is known of a case now: every resource, each by itself, and what is known once they were read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from adapter.domain.facts import Absence, AuthorityDecision, Execution, FactProblem, Note, Order, ServiceKind
from adapter.domain.looks import local_date
from adapter.engine.breaker import LIFECARE
from adapter.engine.runtime import Runtime, Tenant
from adapter.ports import Failure, PortError
from adapter.store.cases import Case, Links
from adapter.store.facts import StoredFact

Problems = tuple[FactProblem, ...]
Stored = Mapping[str, StoredFact]
Call = Callable[[], Awaitable[tuple[Any, Problems]]]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a case: its facts, what it is linked to, and what was declared of it."""

    facts: Stored
    links: Links
    declared: tuple[Note, ...]


READING = 0.4
"""How much of its lease a case may spend on each of its two rounds of reading. A case system that hangs would otherwise
keep every case from being decided, by what is known, for as long as it hangs."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading one resource: its value and problems, or the error."""

    value: Any
    problems: Problems
    error: PortError | None
    at: datetime


async def read_case(rt: Runtime, tenant: Tenant, case: Case, before: Stored) -> dict[str, Reading]:
    """Read every resource of the case; one that can't be read holds up no other. All count as read at the instant when
    the first was asked for."""
    person, source = case.person_id, tenant.source
    at = rt.clock.now()
    first: dict[str, Call] = {
        "orders": partial(source.orders, person),
        "executions": partial(source.executions, person),
        "client": partial(source.client, person),
        "absences": partial(source.absences, person),
    }
    got = await _read_all(rt, tenant, first, before, at)
    orders: tuple[Order, ...] = _latest(got["orders"], before.get("orders"))
    executions: tuple[Execution, ...] = _latest(got["executions"], before.get("executions"))
    decision_ids = frozenset(
        line.decision_id for o in orders for line in o.lines if line.kind is ServiceKind.CAMERA and line.decision_id
    )
    today = local_date(rt.clock.now(), tenant.policy.zone)
    places = frozenset(
        e.id for e in executions if not e.deleted and (e.last_day is None or e.last_day >= case.evidence_after)
    )
    second: dict[str, Call] = {
        "decisions": partial(source.decisions, person, decision_ids),
        "notes": partial(source.notes, places, min(case.evidence_after, today)),
    }
    got |= await _read_all(rt, tenant, second, before, at)
    if got["executions"].error is not None and got["notes"].error is None:
        got["notes"] = replace(got["notes"], error=got["executions"].error)
    return got


def _latest(reading: Reading, stored: StoredFact | None) -> Any:
    if reading.error is None:
        return reading.value
    return stored.value if stored is not None and stored.value is not None else ()


async def _read_all(
    rt: Runtime, tenant: Tenant, calls: Mapping[str, Call], before: Stored, at: datetime
) -> dict[str, Reading]:
    readings = await asyncio.gather(*(_read(rt, tenant, *call, before, at) for call in calls.items()))
    return dict(zip(calls, readings, strict=True))


async def _read(
    rt: Runtime,
    tenant: Tenant,
    name: str,
    call: Call,
    before: Stored,
    at: datetime,
) -> Reading:
    """Read one resource. Where something that was known is no longer shown, it is made sure first that the resource
    shows anything at all: "not found" can also mean that it is down (L10), and what is down isn't gone."""
    try:
        async with asyncio.timeout(rt.tuning.lease.total_seconds() * READING):
            value, problems = await call()
            for doubtful in vanished(name, before.get(name), value):
                await tenant.source.answers(doubtful)
    except PortError as e:
        return Reading(None, (), e, at)
    except TimeoutError:
        late = PortError(Failure.TRANSIENT, f"{name} could not be read within the case's lease", vendor=LIFECARE)
        rt.breakers.of(tenant.name, LIFECARE).failure(rt.clock.now(), late)
        return Reading(None, (), late, at)
    return Reading(value, problems, None, at)


def vanished(name: str, old: StoredFact | None, new: Any) -> tuple[str, ...]:
    """The resources that no longer show what was known of the case."""
    if old is None or old.value is None:
        return ()
    if name == "client":
        return (name,) if old.value.client_id is not None and new.client_id is None else ()
    known, shown = {row.id: row for row in old.value}, {row.id: row for row in new}
    lost = [row for row_id, row in known.items() if row_id not in shown and not getattr(row, "gone", False)]
    found: tuple[str, ...] = (name,) if lost else ()
    if name == "orders":
        decided = [o for o in shown.values() if not any(line.decision_id for line in o.lines) and o.id in known]
        if any(line.decision_id for o in decided for line in known[o.id].lines):
            found += ("services",)
    return found


def known_now(before: Stored, readings: Mapping[str, Reading]) -> dict[str, StoredFact]:
    """What is known of a case now: what was read, and what was known of the rest."""
    known = dict(before)
    for name, reading in readings.items():
        old = before.get(name)
        if reading.error is not None:
            known[name] = StoredFact.unread(name, old, reading.at, str(reading.error))
        else:
            value = _with_gone(name, old.value if old else None, reading)
            known[name] = StoredFact.read(name, value, reading.problems, reading.at)
    return known


def _with_gone(name: str, old: Any, reading: Reading) -> Any:
    """Keep what vanished without a word, marked as gone: only an explicit end is an end. A row that is there and can't
    be read isn't gone: it keeps its last value."""
    if name == "client" and old is not None and reading.value.client_id is None:
        return old if reading.problems else replace(reading.value, gone=old.gone or old.client_id is not None)
    if name not in ("orders", "decisions", "executions", "absences") or not old:
        return reading.value
    there = {row.id for row in reading.value}
    broken = {dict(p.params).get("id") for p in reading.problems}
    missing: list[Order | AuthorityDecision | Execution | Absence] = [
        row if str(row.id) in broken else replace(row, gone=True) for row in old if row.id not in there
    ]
    return (*reading.value, *missing)
