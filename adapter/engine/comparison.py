"""The full comparison: every schedule at the camera platform is compared with what the cases know (drift).

The list only says where to look. A schedule that seems to differ is read by its id, which never lags, and compared
again. If it still differs, somebody else has changed it. It is stored as it is, and the case is decided again, which
puts it right. Schedules that aren't ours are left alone. A schedule with our reference that no case owns is reported,
and ended if the settings say so.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from adapter.domain.ledger import Act, ActKind, ActState, ScheduleRecord, ScheduleStatus, What
from adapter.engine import counting
from adapter.engine.feed_lease import hold, read_leased
from adapter.engine.new_orders import refuse_another_name
from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log, log_context
from adapter.ports import BrokenSchedule, CaseContext, Failure, PlatformSchedule, PortError
from adapter.store import cases, due, events, feeds, schedules
from adapter.store.errors import StoreError
from adapter.store.feeds import Feed

UNREAD_TOLD = 20
OURS = re.compile(r"(TK-[2-9A-HJ-NP-Z]{6})-[1-9][0-9]*")
FEED = "comparison"
LOOK_EVERY = timedelta(minutes=10)
"""How often it is looked whether it is due."""
BATCH = 2000
LAG = timedelta(minutes=5)
"""If we saw a schedule less than this before the comparison began, the list may show an older state."""
OF_ALL = frozenset({Failure.TRANSIENT, Failure.UNAUTHORISED, Failure.NOT_SENT})
"""Failures of the whole platform. Any other failure concerns one schedule, which is set aside (P6)."""


@dataclass(slots=True)
class Comparison:
    """The result. The lists have case references with the schedule's number. ``ended``: those of ``unowned`` that were
    ended at once. ``left_out``: those that differ in the list, but that we saw less than ``LAG`` ago, or since they
    were read. ``unread``: those that couldn't be read (if they aren't ours, by Phoniro's id)."""

    listed: int = 0
    others: int = 0
    same: int = 0
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unowned: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    why_unread: str = ""

    def set_aside(self, label: str, why: object) -> None:
        self.unread.append(label)
        self.why_unread = self.why_unread or str(why)


async def compare(rt: Runtime, tenant: Tenant) -> Comparison:
    """Compare all schedules of a municipality. Raises ``PortError`` if they couldn't all be listed, or may belong to
    another municipality's cases. What was found until then is stored; the rest is found next time."""
    comparer = _Comparer(rt, tenant)
    found = comparer.found
    with log_context(tenant=tenant.name):
        await refuse_another_name(rt, tenant)
        async with aclosing(tenant.platform.schedules()) as pages:
            async for page in pages:
                await comparer.compare_page(page)
        await comparer.find_missing()
        _report(found, (rt.clock.now() - comparer.began).total_seconds())
        data: events.Data = {
            "listed": found.listed,
            "others": found.others,
            "changed": ", ".join(found.changed),
            "missing": ", ".join(found.missing),
            "mended": rt.tuning.mend_drift,
            "unowned": ", ".join(label for label in found.unowned if label not in found.ended),
            "left_out": ", ".join(found.left_out),
            "unread": ", ".join(found.unread[:UNREAD_TOLD]),
        }
        await rt.db.run(lambda c: events.record(c, tenant.name, None, "comparison", data, now=rt.clock.now()))
    return found


async def compare_when_due(rt: Runtime, tenant: Tenant) -> None:
    """Compare, if the last comparison is older than ``compare_every``. The first process does it, with a lease like a
    feed's. A failure is logged, and the comparison is tried again at the next check. Raises ``StoreError``."""
    now = rt.clock.now()
    known = await rt.db.run(lambda c: feeds.feed(c, tenant.name, FEED))
    if known and known.read_at and known.read_at <= now < known.read_at + rt.tuning.compare_every:
        return

    async def read(feed: Feed) -> tuple[int, None]:
        held, found = await hold(rt, feed, compare(rt, tenant))
        await rt.db.run(lambda c: feeds.finish(c, held, cursor=None, now=now))
        return found.listed, None

    await read_leased(rt, tenant, FEED, LOOK_EVERY, read)


class _Comparer:
    """One comparison. ``listed``: the platform's ids of the schedules listed so far."""

    def __init__(self, rt: Runtime, tenant: Tenant) -> None:
        self.rt, self.tenant, self.began = rt, tenant, rt.clock.now()
        self.found, self.listed = Comparison(), set[str]()

    async def compare_page(self, page: Sequence[PlatformSchedule | BrokenSchedule]) -> None:
        ids = [row.id for row in page if row.id]
        known = await self.rt.db.run(lambda c: schedules.by_remote_ids(c, self.tenant.name, ids))
        self.found.listed += len(page)
        self.listed.update(ids)
        for row in page:
            ours = known.get(row.id or "")
            with self._set_aside(f"{ours.ref}-{ours.n}" if ours else row.id or "?"):
                await self._compare(row, ours)

    @contextmanager
    def _set_aside(self, label: str) -> Iterator[None]:
        """A fault of this schedule alone doesn't stop the others."""
        try:
            yield
        except PortError as error:
            if error.failure in OF_ALL:
                raise
            self.found.set_aside(label, error)
        except StoreError as error:
            if error.reason != "content":
                raise
            self.found.set_aside(label, error)

    async def _compare(self, row: PlatformSchedule | BrokenSchedule, ours: schedules.Owned | None) -> None:
        if isinstance(row, BrokenSchedule):
            if ours is None:
                self.found.set_aside(row.id or "?", row.problem)
            else:  # it may be readable by its id
                await self._take_over(ours.ref, ours.record, row.id or "")
        elif ours is None:
            await self._nobodys(row)
        elif row.record.status is not ScheduleStatus.ENDED and not ours.open:
            await self._unowned(row, ours.ref, may_end=True)
        elif ours.shows(row.record):
            self.found.same += 1
        else:
            await self._look_closer(ours, row)

    async def _look_closer(self, ours: schedules.Owned, row: PlatformSchedule) -> None:
        known, seen = ours.record, row.record
        if same(known, seen):
            self.found.same += 1
            if known.patience is None and seen.patience is not None:
                # Stored before ``patience`` was kept. Now it is, and the next decision brings it in line with the
                # mapping.
                learnt = replace(known, patience=seen.patience)
                await self.rt.db.run(lambda c: schedules.replace_stored(c, self.tenant.name, ours, learnt))
        elif known.seen_at < self.began - LAG:
            await self._take_over(ours.ref, known, row.id)
        else:
            self.found.left_out.append(f"{ours.ref}-{known.n}")

    async def _take_over(self, ref: str, known: ScheduleRecord, schedule_id: str) -> None:
        """Read the schedule by its id, store it as it is, and have the case decided again."""
        now_there = await self.tenant.platform.schedule(schedule_id)
        if now_there is None or same(known, now_there.record):
            return
        seen = replace(now_there.record, n=known.n, orders=known.orders)

        label = f"{ref}-{known.n}"

        def store(c: Connection) -> bool:
            now, before = self.rt.clock.now(), schedules.newest(c, self.tenant.name, ref)
            if before is not None and before.n == seen.n and before.seen_at > seen.seen_at:
                return False  # an act on it was stored since it was read
            schedules.save(c, self.tenant.name, ref, seen, remote_id=schedule_id, etag=now_there.etag)
            due.mark_due(c, self.tenant.name, [ref], now, "comparison")
            counting.schedule_seen(c, self.tenant, ref, before, now)
            return True

        if self.rt.tuning.mend_drift and not await self.rt.db.run(store):
            self.found.left_out.append(label)
            return
        self.found.changed.append(label)
        log("schedule_changed", case=ref, schedule=label, status=seen.status.value, mended=self.rt.tuning.mend_drift)

    async def _nobodys(self, row: PlatformSchedule) -> None:
        """A schedule that no case knows: somebody else's, or one with our reference."""
        ours = OURS.fullmatch(row.reference)
        if ours is None:
            self.found.others += 1
            return
        if row.record.status is ScheduleStatus.ENDED:
            self.found.same += 1
            return
        ref = ours.group(1)
        case = await self.rt.db.run(lambda c: cases.case(c, self.tenant.name, ref))
        if case is not None and case.open:
            # Its creation may be under way, or its answer was lost. The case finds that out by itself.
            await self.rt.db.run(lambda c: due.mark_due(c, self.tenant.name, [ref], self.rt.clock.now(), "comparison"))
        await self._unowned(row, ref, may_end=case is None or not case.open)

    async def _unowned(self, row: PlatformSchedule, ref: str, *, may_end: bool) -> None:
        """Report it, and end it if the settings say so. That isn't the default: after a backup was put back, the cases
        may be missing and the schedules right, and persons rely on them."""
        self.found.unowned.append(row.reference)
        ended = may_end and self.rt.tuning.end_unowned and not self.rt.dry_run
        if ended:
            now = self.rt.clock.now()
            what: What = {"n": row.record.n, "reason": "other"}
            act = Act(0, f"unowned:{row.reference}", ActKind.END, ActState.SENDING, what, now)
            ids = {row.record.n: (row.id, row.etag)}
            await self.tenant.executor.perform(act, CaseContext(self.tenant.name, ref, "", None, True, ids))
            self.found.ended.append(row.reference)
        log("schedule_unowned", case=ref, schedule=row.reference, status=row.record.status.value, ended=ended)

    async def find_missing(self) -> None:
        """Find the schedules that should run and that the list didn't show."""
        after = ("", 0)
        while True:
            page = await self.rt.db.run(partial(schedules.running, tenant=self.tenant.name, after=after, limit=BATCH))
            if not page:
                return
            after = page[-1][:2]
            for ref, n, remote_id in page:
                if remote_id in self.listed:
                    continue
                with self._set_aside(f"{ref}-{n}"):
                    if await self.tenant.platform.schedule(remote_id) is None:
                        self.found.missing.append(f"{ref}-{n}")
                        log("schedule_missing", case=ref, schedule=f"{ref}-{n}")


def same(known: ScheduleRecord, seen: ScheduleRecord) -> bool:
    """Whether a schedule is as we left it. ``patience`` is compared only if it was ever seen."""
    patient = known.patience is None or known.patience == seen.patience
    return patient and (known.status, known.valid_from, known.valid_to, known.times) == (
        seen.status,
        seen.valid_from,
        seen.valid_to,
        seen.times,
    )


def _report(found: Comparison, seconds: float) -> None:
    if found.unread:
        log("schedules_broken", rows=len(found.unread), reason=found.why_unread)
    log(
        "comparison_done",
        listed=found.listed,
        others=found.others,
        same=found.same,
        changed=len(found.changed),
        missing=len(found.missing),
        unowned=len(found.unowned),
        left_out=len(found.left_out),
        unread=len(found.unread),
        seconds=seconds,
    )
