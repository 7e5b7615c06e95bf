"""Re-syncs: reads cases again because people asked for it with ``[[resync]]``.

First its cases are listed. Then a few at a time are marked as due, the next ones only when those before have been
decided, so that the daily work's queues grow only a little. Everything is in the database, so any replica can continue,
also after a restart.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from adapter.domain.facts import Order
from adapter.domain.ledger import ActState
from adapter.domain.wall_clock import day_start, local_date
from adapter.engine.feed_reader import CHANGE_FEEDS
from adapter.engine.new_orders import open_or_mark, opens_case, refuse_another_name
from adapter.engine.reconcile import preview
from adapter.engine.request_file import Resync
from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log, log_context
from adapter.store import cases, due, outbox, requests
from adapter.store.cases import Case
from adapter.store.errors import StoreError
from adapter.store.requests import ItemState, Request

BATCH: Final = 10
"""How many cases of one request are worked on at once."""
PERSONS: Final = 20
"""How many orders of a day are checked per turn."""
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
"""The steps that find the cases of a scope. ``work`` follows in all."""


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
        if step == "work":
            await self._work()
            return
        more = await self._find(step)
        following = {"step": self.steps[self.steps.index(step) + 1], "told": self.position.get("told")}
        await self._db(lambda c: self._move_to(c, following if more is None else {**self.position, **more}))

    async def _db(self, fn: Callable[[Connection], Any]) -> Any:
        return await self.rt.db.run(fn)

    # --- finding the cases: each puts some on the list, and returns where its step goes on, or None -------------------

    async def _find(self, step: str) -> dict[str, Any] | None:
        if step == "orders":
            return await self._orders_of_a_day()
        if step == "named orders":
            return await self._named_orders()
        if step in CHANGE_FEEDS:
            since = day_start(self.asked.since or self.tenant.go_live, self.tenant.policy.zone)
            window = await self.tenant.source.changed_since(step, since)
            persons = {item.person_id for item in window.items if item.person_id}
            found = await self._db(lambda c: cases.open_refs_of_persons(c, self.tenant.name, persons))
            await self._enlist(ref for some in found.values() for ref in some)
        elif step == "cases":
            known = await self._db(lambda c: {ref: cases.case(c, self.tenant.name, ref) for ref in self.asked.cases})
            for ref, case in known.items():
                if case is not None and case.open:
                    await self._enlist([ref])
                else:
                    await self._enlist([ref], ItemState.FAILED, why="is closed" if case else "there is no such case")
        else:
            parked = step == "parked"
            await self._enlist(await self._db(lambda c: _open(c, self.tenant.name, parked_only=parked)))
        return None

    async def _orders_of_a_day(self) -> dict[str, Any] | None:
        first = max(self.asked.since or self.tenant.go_live, self.tenant.go_live)
        day = date.fromisoformat(self.position.get("day", first.isoformat()))
        after = self.position.get("after", "")
        window = await self.tenant.source.orders_updated_on(day)
        hints = sorted((i for i in window.items if i.maybe_camera and i.person_id and i.id > after), key=lambda i: i.id)
        for item in hints[:PERSONS]:
            await self._order(item.id, item.person_id)
        if hints[PERSONS:]:
            return {"day": day.isoformat(), "after": hints[PERSONS - 1].id}
        if day <= local_date(self.now, self.tenant.policy.zone):
            return {"day": (day + timedelta(days=1)).isoformat(), "after": ""}
        return None

    async def _named_orders(self) -> dict[str, Any] | None:
        after = int(self.position.get("after", 0))
        until = after + PERSONS
        for order_id in self.asked.orders[after:until]:
            await self._order(order_id, await self.tenant.source.person_of(order_id))
        return {"after": until} if until < len(self.asked.orders) else None

    async def _order(self, order_id: str, person_id: str | None) -> None:
        """List the order's case. If it has none, read the person's orders and check whether one must be opened."""
        item, named = f"order:{order_id}", self.asked.scope == "orders"
        case = await self._db(lambda c: cases.case_of_order(c, self.tenant.name, order_id))
        if case is not None:
            if case.open:
                await self._enlist([case.ref])
            elif named:
                await self._enlist([item], ItemState.FAILED, why=f"its case {case.ref} is closed")
            return
        if not person_id:
            why = "there is no such order" if person_id is None else "the order doesn't say whose it is"
            await self._enlist([item], ItemState.FAILED, why=why)
            return
        await refuse_another_name(self.rt, self.tenant)
        orders, _ = await self.tenant.source.orders(person_id)
        fit = tuple(o for o in orders if opens_case(o, self.tenant.go_live))
        if not any(o.id == order_id for o in fit):
            why = (
                "is no camera order to act on: another service, a status other than sent or accepted, or before go-live"
            )
            await self._enlist([item] if named else [], ItemState.FAILED, why=why)
        elif self.asked.mode == "plan":
            opens = "a case would be opened, or continued, for this order"
            await self._enlist([item], ItemState.PLANNED, opens=opens)
        else:
            shown = frozenset(o.id for o in orders)
            await self._db(lambda c: self._take_up(c, person_id, fit, shown))

    def _take_up(self, c: Connection, person_id: str, orders: tuple[Order, ...], shown: frozenset[str]) -> None:
        if ref := open_or_mark(c, self.tenant, person_id, orders, self.now, shown=shown):
            requests.enlist(c, self.request, ref, self.now, ItemState.MARKED, {"opened": True})

    async def _enlist(self, items: Iterable[str], state: ItemState = ItemState.LISTED, **told: str) -> None:
        some = sorted(items)

        def enlist(c: Connection) -> None:
            for item in some:
                requests.enlist(c, self.request, item, self.now, state, told)

        await self._db(enlist)

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
        await self._db(lambda c: self._move_to(c, self.position))

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
                state, told = ItemState.FAILED, {"why": "something of it was never read, and can't be read now"}
            except StoreError:
                raise
            except Exception as e:  # noqa: BLE001  # P6: an exception of our own code for one case concerns only that case
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
        def closing(c: Connection) -> None:
            report: dict[str, Any] = requests.finished_report(c, self.request)
            requests.give_back(
                c, self.request, position=self.position, report=report, finished_at=self.now, error=None, retry_at=None
            )
            seconds = (self.now - self.request.taken_at).total_seconds()
            log("resync_finished", resync=self.request.id, mode=self.asked.mode, seconds=seconds, **report)

        await self._db(closing)

    def _move_to(self, c: Connection, position: dict[str, Any]) -> None:
        told = position.get("told")
        if told is None or self.now - datetime.fromisoformat(told) >= TELL_EVERY:
            counts = requests.counts(c, self.request.tenant, self.request.id)
            left = counts.get(ItemState.LISTED, 0) + counts.get(ItemState.MARKED, 0)
            found = sum(counts.values())
            log("resync_progress", resync=self.request.id, step=position["step"], found=found, left=left)
            position = {**position, "told": self.now.isoformat()}
        requests.give_back(c, self.request, position=position, error=None, retry_at=None)


def _open(c: Connection, tenant: str, *, parked_only: bool) -> list[str]:
    return [case.ref for case in cases.all_cases(c, tenant) if not parked_only or _is_parked(c, case)]


def _is_parked(c: Connection, case: Case) -> bool:
    decision = case.last_decision
    if decision is not None and any(a.parks for a in decision.attention):
        return True
    return any(act.state is ActState.PARKED for act in outbox.acts(c, case.tenant, case.ref))
