"""Carrying out acts: claim, commit, call, record what came of it. No transaction is open across a call.

An act that is claimed as SENDING is performed; one that is UNKNOWN is looked for until it is found, or until it was
looked for in vain often enough, ``settle`` apart, to be sent again (P4).
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from adapter.domain.ledger import ActKind, ActState
from adapter.engine import counting, write_back
from adapter.engine.circuit_breaker import VENDOR_OF_LANE, Breaker
from adapter.engine.retry_policy import CONFLICT_TRIES, RULES, SOUGHT_TWICE, Verdict, backoff
from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log, log_context
from adapter.ports import CaseContext, Effect, Executor, Failure, PortError
from adapter.store import claims, schedules
from adapter.store.claims import ClaimedAct
from adapter.store.errors import Overtaken, StoreError
from adapter.store.outbox import STOPS

OUTDATED = timedelta(hours=1)
"""How old the facts behind a message may be when it goes out."""


_OURS = "in the adapter itself"


async def carry_out(rt: Runtime, claimed: ClaimedAct) -> None:
    """Carry out one claimed act, or find out what became of it. Never raises for what is wrong with the act alone;
    raises ``StoreError`` when the store can't be used: then the act's lease runs out and it is looked for."""
    tenant = rt.tenants[claimed.tenant]
    with log_context(tenant=claimed.tenant, case=claimed.ref, correlation=claimed.correlation):
        try:
            turn = _Turn(rt, tenant, claimed)
            try:
                await turn.take()
            except (Overtaken, PortError):
                raise
            except Exception as e:  # P6: what our own code raises over one act stops at that act
                if isinstance(e, StoreError) and e.reason != "content":
                    raise
                await turn.poisoned(e)
        except Overtaken:
            log("lease_lost", lease=f"act {claimed.act.n:02d}", held_seconds=None)
        except StoreError as e:
            if e.reason != "contended":
                raise
            log("case_locked", error=e)


class _Turn:
    """One attempt at one act."""

    def __init__(self, rt: Runtime, tenant: Tenant, claimed: ClaimedAct) -> None:
        self.rt, self.tenant, self.claimed, self.act = rt, tenant, claimed, claimed.act
        self.executor: Executor = tenant.executor
        self.vendor, kind = self.executor.vendor(self.act), self.act.kind.value
        self.label: dict[str, Any] = {"act": f"{self.act.n:02d} {self.act.key}", "kind": kind, "vendor": self.vendor}
        self.breaker: Breaker = rt.breakers.of(claimed.tenant, VENDOR_OF_LANE[claimed.lane])
        self.began = rt.clock.now()
        self._taken_up = time.monotonic()

    async def take(self) -> None:
        context = self._context()
        if self.act.state is ActState.UNKNOWN:
            await self._look(context)
        elif self._outdated():
            await self._give_back()
        else:
            await self._perform(context)

    def _context(self) -> CaseContext:
        claimed = self.claimed
        return CaseContext(
            tenant=claimed.tenant,
            reference=claimed.ref,
            person_id=claimed.person_id,
            client_id=claimed.client.client_id if claimed.client else None,
            protected=claimed.client.protected if claimed.client else True,
            schedule_ids=claimed.schedule_ids,
            external_id=claimed.external_id,
            unit=claimed.unit,
            execution=claimed.execution,
            may_write=self._in_time,
        )

    def _in_time(self) -> bool:
        """Whether a write may still begin: in the first half of the lease, so that it has ended, or shows, before
        anybody else looks for it. A process that slept past its lease sends nothing when it wakes, nor does one whose
        clock was set back meanwhile."""
        half = self.rt.tuning.lease / 2
        held = time.monotonic() - self._taken_up
        return self.rt.clock.now() < self.claimed.lease_until - half and held < half.total_seconds()

    def _outdated(self) -> bool:
        """What opens supervision goes out on fresh facts only (P1). A message that waited long is judged anew first,
        for what it says may be so no more; on facts however old, for it mustn't wait for what can't be read. What
        pauses or ends waits for nobody."""
        if self.claimed.opens:
            facts_at = self.claimed.facts_at
            # From the future: the clock was set back, and nobody knows how old they are.
            return facts_at is None or abs(self.began - facts_at) > self.rt.tuning.fresh
        # The case couldn't be decided yet, and its only message says so: there are no newer facts to judge it by.
        decided_at = self.claimed.decided_at
        letters = self.claimed.lane in ("message", "mail")
        return letters and decided_at is not None and self.began - decided_at > OUTDATED

    @property
    def _ours(self) -> str | None:
        """What our own code raised over this act before: kept, so that its traceback is logged once."""
        said = self.act.error or ""
        return said if _OURS in said else None

    async def poisoned(self, error: Exception) -> None:
        """Our own code failed over this act: whether it had its effect is unknown. The traceback is logged once."""
        what = f"{type(error).__name__} {_OURS}"
        if what not in (self.act.error or ""):
            log("case_poisoned", error=error, retry_at=None)
        unexpected = PortError(Failure.AMBIGUOUS, what, vendor=self.vendor)
        await self._still_unknown(self.claimed.looks if self.act.state is ActState.UNKNOWN else 0, unexpected)

    async def _give_back(self) -> None:
        again = self.began + self.rt.tuning.retry_first
        await self.rt.db.run(
            lambda c: claims.give_back(c, self.claimed, now=self.began, retry_at=again, reason="facts_too_old")
        )
        log("act_given_back", reason="its facts are too old; they are read again first", **self.label)

    async def _perform(self, context: CaseContext) -> None:
        log("act_sent", attempt=self.act.attempts, **self.label)
        try:
            await self.rt.at(f"act {self.act.kind.value} about to be sent")
            effect = await self.executor.perform(self.act, context)
            await self.rt.at(f"act {self.act.kind.value} sent")
        except PortError as e:
            self._heard(e)
            await self._failed(e, context)
            return
        self._heard(None)
        await self._done(effect)

    def _heard(self, error: PortError | None) -> None:
        """Tell the vendor's breaker how a call ended; an act on the platform may fail over another vendor's answer."""
        now = self.rt.clock.now()
        if error is None:
            self.breaker.success(now)
        else:
            self.rt.breakers.of(self.claimed.tenant, error.vendor).failure(now, error)

    async def _done(self, effect: Effect) -> None:
        now = self.rt.clock.now()
        await self.rt.db.run(lambda c: counting.act_done(c, self.tenant, self.claimed, effect, now, "act_done"))
        await self.rt.at(f"act {self.act.kind.value} recorded")
        seconds = (now - self.began).total_seconds()
        log("act_done", attempts=self.act.attempts, seconds=seconds, **self.label)

    async def _look(self, context: CaseContext) -> None:
        found: Effect | None = None
        try:
            await self.rt.at(f"act {self.act.kind.value} about to be looked for")
            found = await self.executor.find(self.act, context)
        except PortError as e:
            self._heard(e)
            if e.failure is not Failure.NOT_FOUND:
                await self._not_looked(e)
                return
        now = self.rt.clock.now()
        looks = self.claimed.looks + 1
        if (effect := found) is not None:
            # Nothing found may be because nothing was asked: mail can't be looked for.
            self._heard(None)
            await self.rt.db.run(lambda c: counting.act_done(c, self.tenant, self.claimed, effect, now, "act_found"))
            log("act_found_done", looks=looks, **self.label)
        elif looks >= (2 if self.act.kind in SOUGHT_TWICE else 1):
            await self._had_no_effect(now)
        else:
            await self._still_unknown(looks, None)

    async def _not_looked(self, error: PortError) -> None:
        """It couldn't be looked for: later again, unless that needs a person first."""
        if RULES[error.failure].verdict is Verdict.PARK:
            await self._park(error, self.rt.clock.now())
        else:
            await self._still_unknown(self.claimed.looks, error)

    async def _had_no_effect(self, now: datetime) -> None:
        """Sent again at once after the first time, and after a growing delay if that happens again and again."""
        attempts = self.act.attempts
        wait = backoff(attempts - 1, self.rt.tuning, self.rt.rng) if attempts > 1 else timedelta(0)
        what = self._ours or "it had no effect; it is sent again if it is still called for"
        await self._stored(ActState.PENDING, what, now, retry_at=now + wait, reason="act_had_no_effect")

    async def _still_unknown(self, looks: int, error: PortError | None) -> None:
        now = self.rt.clock.now()
        wait = self.rt.tuning.settle
        if error is not None:
            wait = max(wait, self._backoff(self.act.attempts + self.claimed.looks, error))
        told = error.audit if error else {}
        text = str(error) if error else self._ours or "its answer was lost; it is looked for before it is sent again"
        await self._stored(ActState.UNKNOWN, text, now, retry_at=now + wait, looks=looks, told=told)
        log("act_unknown", error=error, look_at=now + wait, **self.label)

    async def _stored(self, state: ActState, error: str, now: datetime, **how: Any) -> None:
        """Store that it isn't known to have had its effect (``claims.failed``)."""
        await self.rt.db.run(lambda c: claims.failed(c, self.claimed, state, error=error, now=now, **how))

    def _backoff(self, attempts: int, error: PortError) -> timedelta:
        """A pause or an end doesn't wait long for a vendor's wish, nor does what a pause may be waiting for: an act on
        the schedule whose outcome is unknown."""
        act = self.act
        stop = act.kind in STOPS or (self.claimed.lane == "platform" and act.state is ActState.UNKNOWN)
        return backoff(attempts, self.rt.tuning, self.rt.rng, error, stop=stop)

    async def _failed(self, error: PortError, context: CaseContext) -> None:
        now = self.rt.clock.now()
        verdict = RULES[error.failure].verdict
        match verdict:
            case Verdict.UNKNOWN:
                await self._still_unknown(0, error)
            case Verdict.PARK:
                await self._park(error, now)
            case Verdict.RETRY:
                retry_at = now + self._backoff(self.act.attempts, error)
                await self._stored(ActState.PENDING, str(error), now, retry_at=retry_at, told=error.audit)
                self._tell_retry(error, retry_at)
            case Verdict.DECIDE_AGAIN:
                await self._decide_again(error, context, now)

    def _tell_retry(self, error: PortError, retry_at: datetime) -> None:
        told = {"failure": error.failure.value, "attempts": self.act.attempts, "retry_at": retry_at}
        log("act_retry", error=error, **told, **self.label)

    async def _park(self, error: PortError, now: datetime) -> None:
        if await self.rt.db.run(lambda c: self._parked(c, error, now)):
            self._tell_parked(error)

    def _parked(self, c: Connection, error: PortError, now: datetime) -> bool:
        """Park it; whether that is news: what holds up one look holds up those of the whole town."""
        how: dict[str, Any] = {"reason": "act_parked", "told": error.audit}
        claims.failed(c, self.claimed, ActState.PARKED, error=str(error), now=now, **how)
        return self.claimed.lane != "visit" or write_back.tell_held(c, self.claimed.tenant, error, now)

    def _tell_parked(self, error: PortError) -> None:
        log("act_parked", failure=error.failure.value, error=error, **self.label)

    async def _decide_again(self, error: PortError, context: CaseContext, now: datetime) -> None:
        """The schedule is in another state than was supposed: store it as it is, and let the case be decided again;
        the act stays called for only if that decision says so. A conflict that comes back although nothing has changed
        is parked."""
        claimed = self.claimed
        seen: Effect | None = None
        try:
            seen = await self.executor.observe(self.act, context)
        except PortError as e:
            error = e
        if seen is None and self.act.kind is ActKind.CREATE:
            await self._park(error, now)
            return
        retry_at = now + self._backoff(self.act.attempts, error)

        def again(c: Connection) -> tuple[bool, bool]:
            hopeless = self._hopeless(c, seen, error)
            before = schedules.newest(c, claimed.tenant, claimed.ref)
            if seen is not None and seen.schedule is not None:
                of = {"remote_id": seen.schedule_id, "etag": seen.etag}
                schedules.save(c, claimed.tenant, claimed.ref, seen.schedule, **of)
            news = hopeless and self._parked(c, error, now)
            if not hopeless:
                how: dict[str, Any] = {"retry_at": retry_at, "reason": "conflict", "told": error.audit}
                claims.failed(c, claimed, ActState.PENDING, error=str(error), now=now, **how)
            counting.schedule_seen(c, self.tenant, claimed.ref, before, now)
            return hopeless, news

        parked, news = await self.rt.db.run(again)
        if news:
            self._tell_parked(error)
        if not parked:
            self._tell_retry(error, retry_at)

    def _hopeless(self, c: Connection, seen: Effect | None, error: PortError) -> bool:
        """Whether a conflict has come back too often: with a schedule that hasn't changed since it was last seen, or
        that can't be seen at all. Where only its version has changed it may succeed yet, and is tried twice as often:
        that is still within the hour."""
        claimed = self.claimed
        if seen is None or seen.schedule is None or seen.schedule_id is None:
            return claimed.act.attempts >= CONFLICT_TRIES and not RULES[error.failure].vendor_fault
        known = schedules.by_remote_ids(c, claimed.tenant, [seen.schedule_id]).get(seen.schedule_id)
        if known is None or not known.shows(seen.schedule):
            return False
        same_version = (seen.schedule_id, seen.etag) in claimed.schedule_ids.values()
        return claimed.act.attempts >= (CONFLICT_TRIES if same_version else 2 * CONFLICT_TRIES)
