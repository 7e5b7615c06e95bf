"""Nothing is missed: whatever changes, fails, shifts or dies, in the end every change has marked its case as due."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from adapter.domain.facts import Signal
from adapter.engine.feed_reader import FEEDS, read_feeds
from adapter.store import cases, due
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.acts import Ordered
from connectors.mock.lifecare.simulator import BASE
from tests.world import World

PERSONS = ("19340101TF01", "19340102TF01")
CHANGES = (
    "order_updated",
    "order_withdrawn",
    "order_dated_yesterday",
    "order_dated_tomorrow",
    "order_broken",
    "execution_broken",
    "note_broken",
    "note_replaced",
    "execution_deleted_nameless",
    "service_ends",
    "decision_ends",
    "decision_deleted",
    "execution_ends",
    "execution_deleted",
    "client",
    "death",
    "absence",
    "absence_deleted",
    "consent_withdrawn",
    "end_heard",
    "error_marked",
)
FAULTS: tuple[tuple[Kind, int], ...] = (
    *((Kind.STATUS_BEFORE, status) for status in (401, 404, 500)),
    *((kind, 200) for kind in (Kind.CUT_BEFORE, Kind.GARBAGE, Kind.WRONG_SCHEMA, Kind.EMPTY)),
)
MARK_DUE = due.mark_due
POINTS = ("claimed", "read", "taken in")

who = st.integers(0, len(PERSONS) - 1)
STEPS = st.one_of(
    st.tuples(st.just("change"), st.sampled_from(CHANGES), who),
    st.tuples(st.just("change"), st.sampled_from(CHANGES), who),
    st.tuples(st.just("new_order"), st.sampled_from(["whole", "service_broken", "nobodys"])),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, 61, 1800, 86_400])),
    st.tuples(st.just("poll")),
    st.tuples(st.just("mend")),
    st.tuples(st.just("shift"), st.sampled_from([-2, -1, 1, 2]), st.integers(1, 3)),
    st.tuples(st.just("fault"), st.sampled_from(FAULTS), st.integers(0, 12), st.integers(1, 6)),
    st.tuples(st.just("outage")),
    st.tuples(st.just("crash"), st.sampled_from(FEEDS), st.sampled_from(POINTS)),
    st.tuples(st.just("skew"), st.sampled_from([-400.0, -60.0, 0.0, 60.0, 400.0])),
)


class Crash(BaseException):
    """The process dies here."""


class Watch:
    """Which changes still wait for their case to be marked by their feed. A mark counts once it is committed."""

    def __init__(self) -> None:
        self.waiting: set[tuple[str, str]] = set()
        self.marks: set[tuple[str, str]] = set()
        self.crash_at: str | None = None

    def mark_due(self, conn: Connection, tenant: str, refs: Iterable[str], now: datetime, reason: str) -> int:
        refs = list(refs)
        self.marks |= {(ref, reason) for ref in refs}
        return MARK_DUE(conn, tenant, refs, now, reason)

    async def pause(self, point: str) -> None:
        if point.endswith("claimed"):
            self.marks.clear()
        if point.endswith("taken in"):
            self.waiting -= self.marks
        if point == self.crash_at:
            self.crash_at = None
            raise Crash


class Life:
    """The persons' cases, and what people do to them."""

    def __init__(self, world: World, watch: Watch) -> None:
        self.world, self.watch = world, watch
        self.orders: list[Ordered] = []
        self.executions: list[int] = []
        self.absences: list[int] = []
        self.notes: list[str] = []
        self.refs: list[str] = []
        self.new_orders: list[str] = []
        self.mends: list[Callable[[], object]] = []
        self.turns = 0
        self.said_404 = False

    async def begin(self) -> None:
        care = self.world.lifecare
        for person in PERSONS:
            care.seed_person(person)
            self.orders.append(self.world.order(person))
            self.executions.append(self.world.execute(self.orders[-1]))
            self.absences.append(care.absence(person, self.world.today + timedelta(days=30)))
            self.notes.append(care.note_as("alarm_team", self.executions[-1], Signal.TIMES_CHANGED.value, "22:00"))
        await self.world.cycle()
        found = {case.person_id: case.ref for case in await self.world.cases()}
        self.refs = [found[person] for person in PERSONS]
        self.world.clock.time += timedelta(minutes=1)

    def change(self, what: str, of: int) -> None:
        feed = self._change(what, of)
        if feed is not None:
            self.watch.waiting.add((self.refs[of], feed))

    def _change(self, what: str, of: int) -> str | None:
        care, order, execution, person = self.world.lifecare, self.orders[of], self.executions[of], PERSONS[of]
        match what:
            case "order_updated":
                care.change("orders", order.order_id, EndDate=self.world.today + timedelta(days=60 + self.turn()))
                return "orders"
            case "order_broken":
                care.change("orders", order.order_id, StartDate={"no": self.turn()})
                return "orders"
            case "execution_broken" if not self._deleted("executions", execution):
                care.change("executions", execution, EndDate={"no": self.turn()})
                return "executions"
            case "execution_deleted_nameless" if not self._deleted("executions", execution):
                care.change("executions", execution, PersonId=None)
                return self._delete("executions", execution, "executions")
            case "note_broken":
                broken = care.note_as("alarm_team", execution, Signal.END_HEARD.value, "Klart.")
                care.change("documentations", broken, CreatedTime={"no": self.turn()})
                return "urgent"
            case "note_replaced" if not care.row("documentations", self.notes[of])["ErrorMarked"]:
                self.notes[of] = care.replace_note(self.notes[of], "23:00")
                return "urgent"
            case "execution_broken" | "execution_deleted_nameless" | "note_replaced":
                return None
            case "order_withdrawn":
                care.will_not_be_executed(order.order_id)
                return "orders"
            case "order_dated_yesterday" | "order_dated_tomorrow":
                days = -1 if what.endswith("yesterday") else 1
                care.change("orders", order.order_id, UpdateTime=care.now() + timedelta(days=days))
                return "orders"
            case "service_ends":
                if care.row("ordered_services", order.service_id)["EndDate"] is not None:
                    return None
                care.change("ordered_services", order.service_id, EndDate=self.world.today)
                return "services"
            case "decision_ends":
                care.change("sol_decisions", order.decision_id, ToDate=self.world.today + timedelta(days=self.turn()))
                return "decisions" if not self._deleted("sol_decisions", order.decision_id) else None
            case "decision_deleted":
                return self._delete("sol_decisions", order.decision_id, "decisions")
            case "execution_ends":
                if self._deleted("executions", execution):
                    return None
                care.end_execution(execution)
                return "executions"
            case "execution_deleted":
                return self._delete("executions", execution, "executions")
            case "client":
                care.change("clients", person, FirstName=f"Test{self.turn()}")
                return "clients"
            case "death":
                care.decease(person)
                return "clients"
            case "absence":
                care.absence(person, self.world.today)
                return "absences"
            case "absence_deleted":
                return self._delete("client_absences", self.absences[of], "absences")
            case "error_marked":
                if care.row("documentations", self.notes[of])["ErrorMarked"]:
                    return None
                care.error_mark(self.notes[of])
                return "urgent"
            case _:
                self.notes.append(care.note_as("alarm_team", execution, what, "Klart."))
                return "urgent"

    def turn(self) -> int:
        """Another number each time, so that a change is one."""
        self.turns += 1
        return self.turns

    def _deleted(self, entity: str, key: int) -> bool:
        return self.world.lifecare.tables[entity].rows[key].deleted

    def _delete(self, entity: str, key: int, feed: str) -> str | None:
        if self._deleted(entity, key):
            return None
        self.world.lifecare.delete(entity, key)
        return feed

    def new_order(self, how: str = "whole") -> None:
        """One that may be broken, and is mended in the end: a service leaves no trace of that on its order."""
        care, person = (
            self.world.lifecare,
            f"1935{len(self.new_orders) % 12 + 1:02d}{len(self.new_orders) // 12 + 1:02d}TF01",
        )
        care.seed_person(person)
        order = self.world.order(person)
        self.new_orders.append(order.order_id)
        if how == "nobodys":
            care.change("orders", order.order_id, PersonId=None)
            self.mends.append(lambda: care.change("orders", order.order_id, PersonId=person))
        elif how == "service_broken":
            row = care.tables["ordered_services"].rows[order.service_id]
            good, row.data["StartDate"], row.rendered = row.data["StartDate"], "2026-02-30T00:00:00", None

            def mend() -> None:
                row.data["StartDate"], row.rendered = good, None

            self.mends.append(mend)

    async def poll(self) -> None:
        self.world.clock.time += timedelta(seconds=1)
        try:
            await read_feeds(self.world.rt, self.world.tenant)
        except Crash:
            self.world.restart()

    async def step(self, step: tuple[Any, ...]) -> None:
        world = self.world
        match step:
            case ("change", what, of):
                self.change(what, of)
            case ("new_order", how):
                self.new_order(how)
            case ("mend",):
                while self.mends:
                    self.mends.pop()()
            case ("wait", seconds):
                world.clock.time += timedelta(seconds=seconds)
            case ("poll",):
                await self.poll()
            case ("shift", by, times):
                world.lifecare.shift_rows(by, times=times)
            case ("fault", (_, 404), _, _) if self.said_404:
                pass  # what says 404 for the same day in cycle after cycle can't be told from an empty day (L10)
            case ("fault", (kind, status), skip, times):
                self.said_404 |= status == 404
                world.lifecare_faults.add(Rule(kind=kind, status=status, skip=skip, times=times, path=BASE))
            case ("outage",):
                rule = world.lifecare_faults.add(Rule(kind=Kind.STATUS_BEFORE, times=None, path=BASE))
                for _ in range(3):
                    await self.poll()
                    world.clock.time += timedelta(days=1)
                world.lifecare_faults.remove(rule)
            case ("crash", feed, point):
                self.watch.crash_at = f"feed {feed} {point}"
                await self.poll()
            case ("skew", seconds):
                world.lifecare.settings.skew_seconds = seconds

    async def quiet(self) -> None:
        """Nothing goes wrong any more: leases and breakers run out, and the feeds are read."""
        self.watch.crash_at = None
        self.world.lifecare_faults.clear()
        await self.step(("mend",))
        for _ in range(3):
            self.world.clock.time += timedelta(minutes=20)
            await self.poll()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=3, max_size=25), st.integers(2, 6), st.integers(0, 99))
def test_every_change_has_its_case_marked_in_the_end(
    monkeypatch: pytest.MonkeyPatch, steps: list[tuple[Any, ...]], page: int, seed: int
) -> None:
    async def live() -> None:
        watch = Watch()
        async with World(pause=watch.pause, seed=seed) as world:
            world.lifecare.settings.page_cap = page
            life = Life(world, watch)
            await life.begin()
            monkeypatch.setattr("adapter.engine.feed_reader.due.mark_due", watch.mark_due)
            try:
                for step in steps:
                    await life.step(step)
                await life.quiet()
            finally:
                monkeypatch.undo()
            assert watch.waiting == set()
            for order in life.new_orders:
                found = await world.db.run(lambda c, o=order: cases.case_of_order(c, "exempel", o))  # type: ignore[misc]  # bound early
                assert found is not None, f"{order} has no case"

    asyncio.run(live())


ON_A_DAY_OF_404: dict[str, tuple[tuple[Any, ...], ...]] = {
    "an order of a day of an outage": (("new_order", "whole"), ("outage",)),
    "a broken order of days ago": (("new_order", "service_broken"), ("poll",), ("wait", 3 * 86_400), ("poll",)),
}


@pytest.mark.parametrize("skip", range(5))
@pytest.mark.parametrize("before", ON_A_DAY_OF_404)
def test_a_404_for_one_day_is_not_taken_for_a_day_without_orders(before: str, skip: int) -> None:
    async def live() -> None:
        watch = Watch()
        async with World(pause=watch.pause) as world:
            life = Life(world, watch)
            await life.begin()
            silent = ("fault", (Kind.STATUS_BEFORE, 404), skip, 1)
            for step in (*ON_A_DAY_OF_404[before], silent, ("poll",), ("poll",), ("mend",), ("poll",)):
                await life.step(step)
            assert await world.db.run(lambda c: cases.case_of_order(c, "exempel", life.new_orders[0])) is not None

    asyncio.run(live())
