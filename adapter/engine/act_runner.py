"""Carrying out acts: claim, commit, call, store the outcome. No transaction is open across a call.

An act that is claimed as SENDING is performed. One that is UNKNOWN is looked up until it is found, or until it wasn't
found often enough, ``settle`` apart, to be sent again (P4).
"""

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
"""How old a case's decision may be when one of its messages or mails goes out."""


_OURS = "in the adapter itself"


async def carry_out(rt: Runtime, claimed: ClaimedAct) -> None:
    """Carry out one claimed act, or look it up. A fault of this act alone raises nothing. Raises ``StoreError`` if the
    store can't be used; then the act's lease runs out, and it is looked up."""
    tenant = rt.tenants[claimed.tenant]
    with log_context(tenant=claimed.tenant, case=claimed.ref, correlation=claimed.correlation):
        try:
            turn = _Turn(rt, tenant, claimed)
            try:
                await turn.take()
            except (Overtaken, PortError):
                raise
            except Exception as e:  # P6: an exception of our own code for one act concerns only that act
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
        """Whether a write may still begin. It may in the first half of the lease, so that it has ended, or can be
        found, before another process looks for it. A process that slept past its lease sends nothing when it wakes. The
        same holds if the clock was set back meanwhile."""
        half = self.rt.tuning.lease / 2
        worked = time.monotonic() - self._taken_up
        return self.rt.clock.now() < self.claimed.lease_until - half and worked < half.total_seconds()

    def _outdated(self) -> bool:
        """Whether the case must be decided again before this act is sent. An act that opens supervision needs fresh
        facts (P1). A message or mail that waited long may not be true any more, so it needs a new decision, but not
        fresh facts, because it mustn't wait for what can't be read. A pause or an end waits for nothing."""
        if self.claimed.opens:
            facts_at = self.claimed.facts_at
            # If they are from the future, the clock was set back, and nobody knows how old they are.
            return facts_at is None or abs(self.began - facts_at) > self.rt.tuning.fresh
        # If the case was never decided, its only message says so, and no newer decision can change it.
        decided_at = self.claimed.decided_at
        letters = self.claimed.lane in ("message", "mail")
        return letters and decided_at is not None and self.began - decided_at > OUTDATED

    @property
    def _ours(self) -> str | None:
        """The error that our own code raised for this act before. It is kept, so that its traceback is logged once."""
        said = self.act.error or ""
        return said if _OURS in said else None

    async def poisoned(self, error: Exception) -> None:
        """Our own code failed for this act. Nobody knows whether it had its effect. The traceback is logged once."""
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
        """Tell the vendor's breaker how a call ended. An act on the platform may fail because of another vendor."""
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
            # Only here: "not found" may mean that nobody was asked, because a mail can't be looked up.
            self._heard(None)
            await self.rt.db.run(lambda c: counting.act_done(c, self.tenant, self.claimed, effect, now, "act_found"))
            log("act_found_done", looks=looks, **self.label)
        elif looks >= (2 if self.act.kind in SOUGHT_TWICE else 1):
            await self._had_no_effect(now)
        else:
            await self._still_unknown(looks, None)

    async def _not_looked(self, error: PortError) -> None:
        """The look-up failed. It is tried again later, unless a person must do something first."""
        if RULES[error.failure].verdict is Verdict.PARK:
            await self._park(error, self.rt.clock.now())
        else:
            await self._still_unknown(self.claimed.looks, error)

    async def _had_no_effect(self, now: datetime) -> None:
        """The act is sent again: at once the first time, and then after a growing delay."""
        attempts = self.act.attempts
        wait = backoff(attempts - 1, self.rt.tuning, self.rt.rng) if attempts > 1 else timedelta(0)
        what = self._ours or "it had no effect. It is sent again if it is still called for"
        await self._stored(ActState.PENDING, what, now, retry_at=now + wait, reason="act_had_no_effect")

    async def _still_unknown(self, looks: int, error: PortError | None) -> None:
        now = self.rt.clock.now()
        wait = self.rt.tuning.settle
        if error is not None:
            wait = max(wait, self._backoff(self.act.attempts + self.claimed.looks, error))
        audit = error.audit if error else {}
        text = str(error) if error else self._ours or "its answer was lost. It is looked up before it is sent again"
        await self._stored(ActState.UNKNOWN, text, now, retry_at=now + wait, looks=looks, audit=audit)
        log("act_unknown", error=error, look_at=now + wait, **self.label)

    async def _stored(self, state: ActState, error: str, now: datetime, **how: Any) -> None:
        """Store that the act isn't known to have had its effect (``claims.failed``)."""
        await self.rt.db.run(lambda c: claims.failed(c, self.claimed, state, error=error, now=now, **how))

    def _backoff(self, attempts: int, error: PortError) -> timedelta:
        """A pause or an end doesn't wait long, even if the vendor asks for it. Neither does an act on the schedule with
        an unknown outcome, because a pause may be waiting for it."""
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
                await self._stored(ActState.PENDING, str(error), now, retry_at=retry_at, audit=error.audit)
                self._tell_retry(error, retry_at)
            case Verdict.DECIDE_AGAIN:
                await self._decide_again(error, context, now)

    def _tell_retry(self, error: PortError, retry_at: datetime) -> None:
        details = {"failure": error.failure.value, "attempts": self.act.attempts, "retry_at": retry_at}
        log("act_retry", error=error, **details, **self.label)

    async def _park(self, error: PortError, now: datetime) -> None:
        await self.rt.db.run(lambda c: self._parked(c, error, now))

    def _parked(self, c: Connection, error: PortError, now: datetime) -> None:
        """Park the act. It is logged if it is news: a cause that holds back one look holds back those of the whole
        town."""
        how: dict[str, Any] = {"reason": "act_parked", "audit": error.audit}
        claims.failed(c, self.claimed, ActState.PARKED, error=str(error), now=now, **how)
        if self.claimed.lane != "visit" or write_back.tell_held(c, self.claimed.tenant, error, now):
            log("act_parked", failure=error.failure.value, error=error, **self.label)

    async def _decide_again(self, error: PortError, context: CaseContext, now: datetime) -> None:
        """The schedule is in another state than expected. Store it as it is, and have the case decided again. Only that
        decision says whether the act is still called for. If the conflict comes back although nothing has changed, the
        act is parked."""
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

        def again(c: Connection) -> None:
            hopeless = self._hopeless(c, seen, error)
            before = schedules.newest(c, claimed.tenant, claimed.ref)
            if seen is not None and seen.schedule is not None:
                of = {"remote_id": seen.schedule_id, "etag": seen.etag}
                schedules.save(c, claimed.tenant, claimed.ref, seen.schedule, **of)
            if hopeless:
                self._parked(c, error, now)
            else:
                how: dict[str, Any] = {"retry_at": retry_at, "reason": "conflict", "audit": error.audit}
                claims.failed(c, claimed, ActState.PENDING, error=str(error), now=now, **how)
                self._tell_retry(error, retry_at)
            counting.schedule_seen(c, self.tenant, claimed.ref, before, now)

        await self.rt.db.run(again)

    def _hopeless(self, c: Connection, seen: Effect | None, error: PortError) -> bool:
        """Whether a conflict has come back too often, with a schedule that hasn't changed since it was last seen, or
        that can't be seen at all. If only its version has changed, the act may still succeed, and is tried twice as
        often. That is still within the hour."""
        claimed = self.claimed
        if seen is None or seen.schedule is None or seen.schedule_id is None:
            return claimed.act.attempts >= CONFLICT_TRIES and not RULES[error.failure].vendor_fault
        known = schedules.by_remote_ids(c, claimed.tenant, [seen.schedule_id]).get(seen.schedule_id)
        if known is None or not known.shows(seen.schedule):
            return False
        same_version = (seen.schedule_id, seen.etag) in claimed.schedule_ids.values()
        return claimed.act.attempts >= (CONFLICT_TRIES if same_version else 2 * CONFLICT_TRIES)
