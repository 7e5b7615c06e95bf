"""Re-syncs: cases that people want looked at again, by ``[[resync]]``.

First the cases that it concerns are listed; then they are taken up a few at a
time, the next few only when those before have been judged, so that no queue of the daily work grows by more than a
handful. All of it is in the database: it goes on after a restart, and in any replica.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from adapter.domain.facts import Order
from adapter.domain.ledger import ActState
from adapter.domain.looks import day_start, local_date
from adapter.engine.environment import Runtime, Tenant
from adapter.engine.feed_reader import CHANGE_FEEDS
from adapter.engine.new_orders import open_or_mark, opens_case
from adapter.engine.reconcile import preview
from adapter.engine.request_file import Resync
from adapter.log_events import log, log_context
from adapter.store import cases, due, outbox, requests
from adapter.store.cases import Case
from adapter.store.errors import StoreError
from adapter.store.requests import ItemState, Request

BATCH: Final = 10
"""Cases of one request that are taken up at once."""
PERSONS: Final = 20
"""Orders of a day that are looked into per turn."""
TELL_EVERY: Final = timedelta(minutes=1)

_STEPS: Final[dict[str, tuple[str, ...]]] = {
    "everything": ("orders", "open"),
    "tenant": ("orders", "open"),
    "since": ("orders", *CHANGE_FEEDS),
    "open": ("open",),
    "parked": ("parked",),
    "cases": ("cases",),
    "orders": ("named orders",),
}
"""How the cases of a scope are found, step by step; ``work`` follows in all."""


class ResyncTurn:
    """One turn at one municipality's part of a request."""

    def __init__(self, rt: Runtime, tenant: Tenant, request: Request) -> None:
        self.rt, self.tenant, self.request = rt, tenant, request
        self.now = rt.clock.now()
        self.asked = Resync.model_validate(request.content)
        self.steps = (*_STEPS[self.asked.scope], "work")
        self.position: dict[str, Any] = {"step": self.steps[0], **request.position}

    async def take(self) -> None:
        step = self.position["step"]
        if step == "orders":
            await self._orders_of_a_day()
        elif step in CHANGE_FEEDS:
            await self._changed(step)
        elif step == "named orders":
            await self._named_orders()
        elif step == "work":
            await self._work()
        else:
            refs = {"open": self._open, "parked": self._parked, "cases": self._named}[step]
            await self._db(lambda c: self._list(c, refs(c)))

    # --- finding the cases ------------------------------------------------------------------------------------------

    def _open(self, c: Connection) -> list[str]:
        return [case.ref for case in cases.all_cases(c, self.tenant.name)]

    def _parked(self, c: Connection) -> list[str]:
        return [case.ref for case in cases.all_cases(c, self.tenant.name) if _is_parked(c, case)]

    def _named(self, c: Connection) -> list[str]:
        refs = []
        for ref in self.asked.cases:
            case = cases.case(c, self.tenant.name, ref)
            if case is not None and case.open:
                refs.append(ref)
            else:
                self._failed(c, ref, "is closed" if case else "there is no such case")
        return refs

    def _list(self, c: Connection, refs: list[str]) -> None:
        for ref in refs:
            requests.enlist(c, self.request, ref, self.now)
        self._next_step(c)

    async def _changed(self, feed: str) -> None:
        since = day_start(self.asked.since or self.tenant.go_live, self.tenant.policy.zone)
        window = await self.tenant.source.changed_since(feed, since)
        persons = {item.person_id for item in window.items if item.person_id}

        def found(c: Connection) -> None:
            refs = cases.open_refs_of_persons(c, self.tenant.name, persons).values()
            self._list(c, sorted(ref for some in refs for ref in some))

        await self._db(found)

    async def _orders_of_a_day(self) -> None:
        zone = self.tenant.policy.zone
        first = max(self.asked.since or self.tenant.go_live, self.tenant.go_live)
        day = date.fromisoformat(self.position.get("day", first.isoformat()))
        after = self.position.get("after", "")
        window = await self.tenant.source.orders_updated_on(day)
        hints = sorted((i for i in window.items if i.maybe_camera and i.person_id and i.id > after), key=lambda i: i.id)
        for item in hints[:PERSONS]:
            await self._order(item.id, item.person_id)

        def moved(c: Connection) -> None:
            if hints[PERSONS:]:
                self._give_back(c, day=day.isoformat(), after=hints[PERSONS - 1].id)
            elif day <= local_date(self.now, zone):
                self._give_back(c, day=(day + timedelta(days=1)).isoformat(), after="")
            else:
                self._next_step(c)

        await self._db(moved)

    async def _named_orders(self) -> None:
        after = int(self.position.get("after", 0))
        some = self.asked.orders[after : after + PERSONS]
        for order_id in some:
            await self._order(order_id, await self.tenant.source.person_of(order_id))

        def moved(c: Connection) -> None:
            if after + len(some) < len(self.asked.orders):
                self._give_back(c, after=after + len(some))
            else:
                self._next_step(c)

        await self._db(moved)

    async def _order(self, order_id: str, person_id: str | None) -> None:
        """List the order's case; where it has none, read the person's orders and see whether one is to be opened."""
        case = await self._db(lambda c: cases.case_of_order(c, self.tenant.name, order_id))
        if case is not None:
            if case.open:
                await self._db(lambda c: requests.enlist(c, self.request, case.ref, self.now))
            elif self.asked.scope == "orders":
                await self._db(lambda c: self._failed(c, f"order:{order_id}", f"its case {case.ref} is closed"))
            return
        if person_id is None:
            await self._db(lambda c: self._failed(c, f"order:{order_id}", "there is no such order"))
            return
        orders, _ = await self.tenant.source.orders(person_id)
        fit = tuple(o for o in orders if opens_case(o, self.tenant.go_live))
        if any(o.id == order_id for o in fit):
            shown = frozenset(o.id for o in orders)
            await self._db(lambda c: self._take_up(c, person_id, order_id, fit, shown))
        elif self.asked.scope == "orders":
            why = (
                "is no camera order to act on: another service, a status other than sent or accepted, or before go-live"
            )
            await self._db(lambda c: self._failed(c, f"order:{order_id}", why))

    def _take_up(
        self, c: Connection, person_id: str, order_id: str, orders: tuple[Order, ...], shown: frozenset[str]
    ) -> None:
        if self.asked.mode == "plan":
            told = {"opens": "a case would be opened, or continued, for this order"}
            requests.enlist(c, self.request, f"order:{order_id}", self.now, ItemState.PLANNED, told)
        elif ref := open_or_mark(c, self.rt, self.tenant, person_id, orders, self.now, shown=shown):
            requests.enlist(c, self.request, ref, self.now, ItemState.MARKED, {"opened": True})

    def _failed(self, c: Connection, item: str, why: str) -> None:
        requests.enlist(c, self.request, item, self.now, ItemState.FAILED, {"why": why})

    # --- taking them up ---------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        waiting = await self._db(lambda c: requests.note_judged(c, self.request))
        room = BATCH - waiting
        tenant, id = self.request.tenant, self.request.id
        listed = await self._db(lambda c: requests.items(c, tenant, id, state=ItemState.LISTED, limit=max(room, 0)))
        if room > 0 and not listed and not waiting:
            await self._finish()
            return
        if self.asked.mode == "apply":
            await self._db(lambda c: self._mark(c, [item.item for item in listed]))
        else:
            for item in listed:
                await self._plan(item.item)
        await self._db(self._give_back)

    def _mark(self, c: Connection, refs: list[str]) -> None:
        for ref in refs:
            if self.asked.scope == "parked":
                outbox.requeue_parked(c, self.tenant.name, ref, self.now)
            requests.note(c, self.request, ref, ItemState.MARKED, {}, self.now)
        due.mark_due(c, self.tenant.name, refs, self.now, f"resync {self.request.id}", whole=True)

    async def _plan(self, ref: str) -> None:
        case = await self._db(lambda c: cases.the_case(c, self.tenant.name, ref))
        state, told = ItemState.PLANNED, dict[str, Any]()
        with log_context(case=ref):
            try:
                decision, _ = await preview(self.rt, case)
            except LookupError:
                state, told = ItemState.FAILED, {"why": "something of it was never read yet and can't be read now"}
            except StoreError:
                raise
            except Exception as e:  # noqa: BLE001  # P6: whatever our own code raises over one case stops at that case
                log("case_poisoned", error=e, retry_at=None)
                state, told = ItemState.FAILED, {"why": f"planning it raised {type(e).__name__}"}
            else:
                acts = await self._db(lambda c: outbox.acts(c, case.tenant, case.ref))
                there = {a.key for a in acts if a.state is not ActState.DROPPED}
                told = {
                    "was": case.phase.value,
                    "phase": decision.phase.value,
                    "acts": [w.key for w in decision.wanted if w.key not in there],
                    "attention": [a.code for a in decision.attention],
                }
        await self._db(lambda c: requests.note(c, self.request, ref, state, told, self.now))

    async def _finish(self) -> None:
        def closing(c: Connection) -> dict[str, int]:
            report = requests.finished_report(c, self.request)
            requests.give_back(
                c, self.request, position=self.position, report=report, finished_at=self.now, error=None, retry_at=None
            )
            return report

        report = await self._db(closing)
        seconds = (self.now - self.request.taken_at).total_seconds()
        log("resync_finished", resync=self.request.id, mode=self.asked.mode, seconds=seconds, **report)

    # --- where it stands --------------------------------------------------------------------------------------------

    def _next_step(self, c: Connection) -> None:
        step = self.steps[self.steps.index(self.position["step"]) + 1]
        self._move_to(c, {"step": step, "told": self.position.get("told")})

    def _give_back(self, c: Connection, **moved: str | int) -> None:
        self._move_to(c, {**self.position, **moved})

    def _move_to(self, c: Connection, position: dict[str, Any]) -> None:
        """Changes nothing but the store, as a transaction may run again from its beginning."""
        told = position.get("told")
        if told is None or self.now - datetime.fromisoformat(told) >= TELL_EVERY:
            counts = requests.counts(c, self.request.tenant, self.request.id)
            left = counts.get(ItemState.LISTED, 0) + counts.get(ItemState.MARKED, 0)
            found = sum(counts.values())
            log("resync_progress", resync=self.request.id, step=position["step"], found=found, left=left)
            position = {**position, "told": self.now.isoformat()}
        requests.give_back(c, self.request, position=position, error=None, retry_at=None)

    async def _db(self, fn: Callable[[Connection], Any]) -> Any:
        return await self.rt.db.run(fn)


def _is_parked(c: Connection, case: Case) -> bool:
    decision = case.last_decision
    if decision is not None and any(a.parks for a in decision.attention):
        return True
    return any(act.state is ActState.PARKED for act in outbox.acts(c, case.tenant, case.ref))
