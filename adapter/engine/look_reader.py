"""The night watch: reads the outcomes of the night's looks by time window, and compares them with the schedules (P12).

One reading serves all cases of a municipality, so the number of calls depends on pages and not on cases. In the
transaction that moves the cursor, changed looks are stored, and the cases that must tell of one are marked. Mails that
belong to no open case, or to all, are called for here: a look without a right, a look at a schedule that no case owns,
looks that nobody can follow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from adapter.domain.ledger import ActKind, Look, ScheduleRecord, Wanted, What
from adapter.domain.night_letters import look_key
from adapter.domain.night_watch import (
    CLOCK_CHANGE,
    REMEMBERED,
    SAME_LOOK,
    UNFOLLOWED,
    Followed,
    follow,
    found_late,
    is_news,
    known_after,
    leeway,
    night_end,
    night_of,
)
from adapter.domain.policy import Policy
from adapter.domain.wall_clock import local_minute, window_start
from adapter.engine import counting, write_back
from adapter.engine.feed_lease import hold, read_leased
from adapter.engine.new_orders import refuse_another_name
from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log
from adapter.ports import Changed, Supervision, Supervisions
from adapter.store import cases, due, feeds, look_log, outbox, schedules
from adapter.store.feeds import Feed

FEED = "looks"
UNOWNED = "looks:unowned"
SUBJECT = "looks"
"""The subject in the outbox for acts that concern no single case."""
OVERLAP = timedelta(minutes=30)
"""Readings begin so long before the oldest look that may still be open."""
MORNING = timedelta(hours=1)
"""So long after the last look can be open, the whole night is read once more, because devices report late (PA4)."""


@dataclass(frozen=True, slots=True)
class Span:
    """What must be read now. ``follows`` is when the night began, while its looks are followed; None afterwards."""

    start: datetime
    follows: datetime | None


def span(policy: Policy, cursor: datetime | None, now: datetime) -> Span | None:
    """Which looks must be read at ``now``: in a night, and until they were read when its last look couldn't be open any
    more, those since the cursor, with overlap; once in the morning the whole night. None: nothing."""
    cursor = min(cursor, now) if cursor else None  # a future one is from before the clock was set back
    longer = max(leeway(now, policy.zone), leeway(now - 2 * CLOCK_CHANGE, policy.zone))
    since = max(cursor or now, now - REMEMBERED) - OVERLAP - known_after(policy) - longer
    today = night_of(now, policy.window, policy.zone)
    for night in (today, today - timedelta(days=1)):
        begins, over = bounds(policy, night)
        last_is_unread = cursor is not None and cursor < over <= now < over + MORNING
        if begins <= now < over or last_is_unread:
            return Span(since, begins)
        if over + MORNING <= now:
            unread = cursor is not None and cursor < over + MORNING
            return Span(min(since, max(begins, now - REMEMBERED)), None) if unread else None
    return None


def bounds(policy: Policy, night: date) -> tuple[datetime, datetime]:
    """When (UTC) the night of an evening begins, and when its last look can't be open any more."""
    end = night_end(night, policy.window, policy.zone)
    return window_start(night, policy.window, policy.zone), end + known_after(policy)


def unfollowed(policy: Policy, read_at: datetime | None, now: datetime) -> timedelta:
    """For how long nobody has followed the looks of the night; zero if none are due."""
    todo = span(policy, read_at, now)
    if todo is None or todo.follows is None:
        return timedelta(0)
    return now - max(read_at or todo.follows, todo.follows)


async def follow_looks(rt: Runtime, tenant: Tenant) -> None:
    """Read the looks of a municipality, if it is time. If they can't be read, that is told after a while, and they are
    read later. Raises ``StoreError``."""
    now = rt.clock.now()
    known = await rt.db.run(lambda c: feeds.feed(c, tenant.name, FEED))
    todo = span(tenant.policy, known.cursor if known else None, now)
    if todo is None:
        return

    async def read(feed: Feed) -> tuple[int, None]:
        if feed.cursor is None:
            await refuse_another_name(rt, tenant)
        held, seen = await hold(rt, feed, tenant.platform.supervisions(todo.start - SAME_LOOK, now + SAME_LOOK))
        await rt.at("looks read")
        await rt.db.run(lambda c: _take_in(c, tenant, held, todo, seen, now))
        await rt.at("looks taken in")
        return len(seen.rows), None

    def failed(c: Connection, feed: Feed, error: str) -> None:
        if since := _want_unfollowed(c, tenant, feed, todo, rt.clock.now()):
            log("looks_not_followed", since=since, reason=error)

    await read_leased(rt, tenant, FEED, rt.tuning.watch, read, failed=failed)


def _tell(seen: Supervisions, news: News) -> None:
    if seen.broken:
        log("looks_broken", rows=len(seen.broken), reason=seen.broken[0])
    for ref, look in news.missed:
        log("look_missed", case=ref, schedule=f"{ref}-{look.n}", due=look.due_at, outcome=look.outcome.value)
    for ref, look in news.unentitled:
        log("look_unentitled", case=ref, schedule=f"{ref}-{look.n}", due=look.due_at, outcome=look.outcome.value)
    for schedule_id in news.unowned:
        log("look_unowned", schedule=schedule_id)
    for ref in sorted(news.untold):
        log("looks_not_followed", case=ref, since=None, reason="the case, or its stored schedule, can't be used")


@dataclass(slots=True)
class News:
    """What a reading brought: looks newly known as not done, looks without a right, schedules that no case owns, cases
    whose stored schedule can't be read (``unread``). ``untold``: those, and cases with a look that isn't done that they
    can't tell of, because they can't be decided."""

    missed: list[tuple[str, Look]] = field(default_factory=list)
    unentitled: list[tuple[str, Look]] = field(default_factory=list)
    unowned: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    untold: set[str] = field(default_factory=set)


def _take_in(c: Connection, tenant: Tenant, feed: Feed, todo: Span, seen: Supervisions, now: datetime) -> None:
    """Store the changed looks, mark their cases, call for mails, and move the cursor: all of it or nothing."""
    policy, news = tenant.policy, News()
    # A listed look may be known already under a slightly earlier instant.
    known = look_log.since(c, tenant.name, todo.start - SAME_LOOK - leeway(todo.start, policy.zone))
    followed, listed = _followed(c, tenant, todo.start, now, news), _listed(c, tenant, seen.rows, news)
    for ref in news.unread:  # it is set aside whole: what isn't known of a schedule may not be told of its looks
        known.pop(ref, None)
        followed.pop(ref, None)
        listed.pop(ref, None)
    for ref, rows in listed.items():
        for record, _ in rows:
            if record.n not in (its := followed.setdefault(ref, {})):
                its[record.n] = Followed.between(todo.start, now, record, (), policy)
    changed: list[tuple[str, Look]] = []
    for ref in sorted({*known, *followed, *listed}):
        found = [look for _, some in listed.get(ref, ()) for look in some]
        changed += [(ref, look) for look in follow(known.get(ref, ()), followed.get(ref, {}), found, now, policy)]
    look_log.save(c, tenant.name, changed)
    before = () if todo.follows else _pairs(known)
    write_back.call_for(c, tenant, (*before, *changed), now, again=todo.follows is None)
    latest = {(ref, look.n, look.due_at): look for some in (_pairs(known), changed) for ref, look in some}
    not_done = {ref for (ref, _, _), look in latest.items() if look.not_done}
    news.untold = news.unread | cases.failing(c, tenant.name, not_done)
    _mark(c, tenant, changed, known, news, todo.start, now)
    for ref, look in news.unentitled:
        _want_unentitled(c, tenant, ref, look, now)
    _want_unowned(c, tenant, news, now)
    _want_untold(c, tenant, news, todo, now)
    late = [(ref, look) for ref, look in news.missed if found_late(look, known_after(policy), policy.zone)]
    _want_late(c, tenant, late, now)
    feeds.finish(c, feed, cursor=now, now=now)
    counting.looks(c, tenant, changed, known)
    _tell(seen, news)


def _pairs(looks: Mapping[str, Sequence[Look]]) -> list[tuple[str, Look]]:
    return [(ref, look) for ref, some in looks.items() for look in some]


def _followed(
    c: Connection, tenant: Tenant, start: datetime, now: datetime, news: News
) -> dict[str, dict[int, Followed]]:
    """The schedules to follow, by case and number. Cases with one that can't be read go to the news."""
    found: dict[str, dict[int, Followed]] = {}
    for ref, n, record, acts in schedules.followed(c, tenant.name, start):
        if record is None:
            news.unread.add(ref)
        else:
            found.setdefault(ref, {})[n] = Followed.between(start, now, record, acts, tenant.policy)
    return found


def _listed(
    c: Connection, tenant: Tenant, rows: Iterable[Supervision], news: News
) -> dict[str, list[tuple[ScheduleRecord, list[Look]]]]:
    """The listed looks by case and schedule. Looks at schedules that no case owns, and cases with a schedule that can't
    be read, go to the news."""
    by_schedule: dict[str, list[Supervision]] = {}
    for row in rows:
        by_schedule.setdefault(row.schedule_id, []).append(row)
    owned = schedules.by_remote_ids(c, tenant.name, by_schedule)
    found: dict[str, list[tuple[ScheduleRecord, list[Look]]]] = {}
    for schedule_id, some in by_schedule.items():
        owner = owned.get(schedule_id)
        if owner is None:
            news.unowned.append(schedule_id)
            continue
        record = schedules.readable(owner.stored)
        if record is None:
            news.unread.add(owner.ref)
            continue
        looks = [Look(record.n, s.due_at, s.outcome, begun_at=s.begun_at, ended_at=s.ended_at, id=s.id) for s in some]
        found.setdefault(owner.ref, []).append((record, looks))
    return found


def _mark(
    c: Connection,
    tenant: Tenant,
    changed: Sequence[tuple[str, Look]],
    known: Mapping[str, Sequence[Look]],
    news: News,
    start: datetime,
    now: datetime,
) -> None:
    """Mark the cases that must tell of a look, and note what is told here."""
    refs = sorted({ref for ref, _ in changed})
    earlier = look_log.last_before(c, tenant.name, refs, start)
    marked = set()
    for ref, look in changed:
        before = next((k for k in known.get(ref, ()) if (k.n, k.due_at) == (look.n, look.due_at)), None)
        if not look.entitled:
            news.unentitled.append((ref, look))
            continue
        if look.not_done and not (before and before.not_done):
            news.missed.append((ref, look))
        last = max((k for k in known.get(ref, ()) if k.entitled and k.due_at < look.due_at), key=_due, default=None)
        if is_news(look, before, last or earlier.get(ref)):
            marked.add(ref)
    due.mark_looked(c, tenant.name, marked, now)


def _due(look: Look) -> datetime:
    return look.due_at


def _want_unentitled(c: Connection, tenant: Tenant, ref: str, look: Look, now: datetime) -> None:
    what: What = {"case": ref, "n": look.n, "due": _local(tenant, look.due_at), "outcome": look.outcome.value}
    for to in ("authority", "it"):
        key = f"{ref}:{look_key(look.n, look.due_at)}:{to}"
        _want(c, tenant, key, {"mail": "look_unentitled", "to": to, **what}, now)


def _want_late(c: Connection, tenant: Tenant, late: Sequence[tuple[str, Look]], now: datetime) -> None:
    """One mail to each unit's night mailbox (or the coordinator's, if it has none) for all looks of an outage."""
    readers = _readers(c, tenant, {ref for ref, _ in late})
    of_reader: dict[tuple[str, int | None], list[list[str]]] = {}
    for ref, look in sorted(late, key=lambda one: (one[1].due_at, one[0])):
        of_reader.setdefault(readers[ref], []).append([_local(tenant, look.due_at), ref])
    for (to, unit), rows in of_reader.items():
        what: What = {"mail": "looks_late", "to": to, "unit": unit, "looks": json.dumps(rows)}
        _want(c, tenant, f"outage:{int(now.timestamp())}:{unit or ''}", what, now)


def _readers(c: Connection, tenant: Tenant, refs: Iterable[str]) -> dict[str, tuple[str, int | None]]:
    """By case: the mailbox of those who see to its looks at night, and its unit."""
    units = {ref: unit for ref, (unit, _) in cases.units_of(c, tenant.name, refs).items()}
    night = tenant.policy.has_night_mailbox
    return {ref: ("night" if night(unit) else "coordinator", unit) for ref, unit in units.items()}


def _want_unowned(c: Connection, tenant: Tenant, news: News, now: datetime) -> None:
    """Tell of each schedule once, the new ones together. While the outcome of a creation is unknown, a schedule that
    seems to belong to nobody may be ours."""
    if news.unowned and schedules.being_made(c, tenant.name):
        news.unowned = []
    shown = [Changed(schedule_id, None, "") for schedule_id in news.unowned]
    news.unowned = sorted(row.id for row in feeds.changed(c, tenant.name, UNOWNED, shown, now))
    if news.unowned:
        what: What = {"count": len(news.unowned), "schedule": news.unowned[0]}
        _want(c, tenant, f"unowned:{news.unowned[0]}", {"mail": "looks_unowned", "to": "it", **what}, now)


def _want_untold(c: Connection, tenant: Tenant, news: News, todo: Span, now: datetime) -> None:
    """Tell once a night that nobody is told of the looks of these cases: each unit's night mailbox, and the people who
    run the adapter. The cases are marked, so that their error is shown. By day nobody is told."""
    if not news.untold or todo.follows is None:
        news.untold = set()
        return
    of_reader: dict[tuple[str, int | None], list[str]] = {("it", None): sorted(news.untold)}
    for ref, reader in sorted(_readers(c, tenant, news.untold).items()):
        of_reader.setdefault(reader, []).append(ref)
    told = set()
    for (to, unit), refs in of_reader.items():
        listed = ", ".join(refs)
        which = hashlib.sha256(listed.encode()).hexdigest()[:8]
        key = f"unread:{int(todo.follows.timestamp())}:{to}:{unit or ''}:{which}"
        if _want(c, tenant, key, {"mail": "looks_unread", "to": to, "unit": unit, "refs": listed}, now):
            told.update(refs)
    due.mark_looked(c, tenant.name, told, now)
    news.untold = told


def _want_unfollowed(c: Connection, tenant: Tenant, feed: Feed, todo: Span, now: datetime) -> datetime | None:
    """If nobody has followed the looks for a while: one mail for each outage to each night mailbox, and one to the
    people who run the adapter. Returns since when, the first time."""
    since = max(feed.read_at, todo.follows) if feed.read_at and todo.follows else todo.follows
    if since is None or now < since + UNFOLLOWED or not schedules.running(c, tenant.name, ("", 0), 1):
        return None
    readers: list[tuple[str, int | None]] = [("night", unit) for unit in sorted(tenant.policy.night_units, key=str)]
    told = False
    for to, unit in (*readers, ("it", None)):
        key = f"unfollowed:{int(since.timestamp())}:{to}:{unit or ''}"
        what: What = {"mail": "looks_unfollowed", "to": to, "unit": unit, "since": _local(tenant, since)}
        told = _want(c, tenant, key, what, now) or told
    return since if told else None


def _want(c: Connection, tenant: Tenant, key: str, what: What, now: datetime) -> bool:
    return outbox.want(c, tenant.name, SUBJECT, Wanted(key, ActKind.MAIL, what, why=str(what["mail"])), now=now)


def _local(tenant: Tenant, at: datetime) -> str:
    return local_minute(at, tenant.policy.zone)
