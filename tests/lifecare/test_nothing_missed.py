"""Nothing is missed: whatever changes, fails, shifts or dies, in the end every change has marked its case as due."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from adapter.domain.facts import Signal
from adapter.engine.feed_reader import FEEDS, read_feeds
from adapter.store import cases, due
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.simulator import BASE
from tests.world import World

PERSONS = ("19340101TF01", "19340102TF01")
FAULTS: tuple[tuple[Kind, int], ...] = (
    *((Kind.STATUS_BEFORE, status) for status in (401, 404, 500)),
    *((kind, 200) for kind in (Kind.CUT_BEFORE, Kind.GARBAGE, Kind.WRONG_SCHEMA, Kind.EMPTY)),
)
MARK_DUE = due.mark_due
POINTS = ("claimed", "read", "taken in")


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
        self.world, self.watch, self.care = world, watch, world.lifecare
        self.keys: list[dict[str, Any]] = []
        self.refs: list[str] = []
        self.new_orders: list[str] = []
        self.mends: list[Callable[[], object]] = []
        self.turns = 0
        self.said_404 = False

    async def begin(self) -> None:
        for person in PERSONS:
            self.care.seed_person(person)
            order = self.world.order(person)
            execution = self.world.execute(order)
            self.care.absence(person, self.world.today + timedelta(days=30))
            self.care.note_as("alarm_team", execution, Signal.TIMES_CHANGED.value, "22:00")
            self.keys.append(self.world.keys(order, execution))
        await self.world.cycle()
        found = {case.person_id: case.ref for case in await self.world.cases()}
        self.refs = [found[person] for person in PERSONS]
        self.world.clock.time += timedelta(minutes=1)

    def change(self, what: str, of: int) -> None:
        entity, happens = CHANGES[what]
        if happens(self, of) is not False:
            self.watch.waiting.add((self.refs[of], FEED_OF[entity]))

    def set(self, entity: str, of: int, **fields: Any) -> bool:
        """A row of the person's is changed. Returns whether there was one."""
        key = self.keys[of][entity]
        if there := not self.care.tables[entity].rows[key].deleted:
            self.care.change(entity, key, **fields)
        return there

    def delete(self, entity: str, of: int, **fields: Any) -> bool:
        if there := self.set(entity, of, **fields):
            self.care.delete(entity, self.keys[of][entity])
        return there

    def note(self, of: int, signal: Signal, **broken: Any) -> None:
        written = self.care.note_as("alarm_team", self.keys[of]["executions"], signal.value, "Klart.")
        self.care.change("documentations", written, **broken)

    def correct(self, of: int, *, text: str | None = None) -> bool:
        """The person's first note gets another text, or is error-marked. Returns whether it wasn't before."""
        key = self.keys[of]["documentations"]
        if self.care.row("documentations", key)["ErrorMarked"]:
            return False
        if text is None:
            self.care.error_mark(key)
        else:
            self.keys[of]["documentations"] = self.care.replace_note(key, text)
        return True

    def end_service(self, of: int) -> bool:
        ended = self.care.row("ordered_services", self.keys[of]["ordered_services"])["EndDate"] is not None
        return not ended and self.set("ordered_services", of, EndDate=self.world.today)

    def turn(self) -> int:
        """Another number each time, so that a change is one."""
        self.turns += 1
        return self.turns

    def later(self) -> date:
        return self.world.today + timedelta(days=60 + self.turn())

    def new_order(self, how: str = "whole") -> None:
        """One that may be broken, and is mended in the end: a service leaves no trace of that on its order."""
        n = len(self.new_orders)
        person = f"1935{n % 12 + 1:02d}{n // 12 + 1:02d}TF01"
        self.care.seed_person(person)
        order = self.world.order(person)
        self.new_orders.append(order.order_id)
        if how == "nobodys":
            self.care.change("orders", order.order_id, PersonId=None)
            self.mends.append(lambda: self.care.change("orders", order.order_id, PersonId=person))
        elif how == "service_broken":
            self.mends.append(self.world.spoil("ordered_services", order.service_id, "StartDate", shown=False))

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


FEED_OF = {
    "orders": "orders",
    "ordered_services": "services",
    "sol_decisions": "decisions",
    "executions": "executions",
    "clients": "clients",
    "client_absences": "absences",
    "documentations": "urgent",
}
DAY = timedelta(days=1)
CHANGES: dict[str, tuple[str, Callable[[Life, int], object]]] = {
    "order_updated": ("orders", lambda life, of: life.set("orders", of, EndDate=life.later())),
    "order_withdrawn": ("orders", lambda life, of: life.set("orders", of, Status="WillNotBeExecuted")),
    "order_dated_yesterday": ("orders", lambda life, of: life.set("orders", of, UpdateTime=life.care.now() - DAY)),
    "order_dated_tomorrow": ("orders", lambda life, of: life.set("orders", of, UpdateTime=life.care.now() + DAY)),
    "order_broken": ("orders", lambda life, of: life.set("orders", of, StartDate={"no": life.turn()})),
    "execution_broken": ("executions", lambda life, of: life.set("executions", of, EndDate={"no": life.turn()})),
    "execution_ends": ("executions", lambda life, of: life.set("executions", of, EndDate=life.world.today)),
    "execution_deleted": ("executions", lambda life, of: life.delete("executions", of)),
    "execution_deleted_nameless": ("executions", lambda life, of: life.delete("executions", of, PersonId=None)),
    "service_ends": ("ordered_services", lambda life, of: life.end_service(of)),
    "decision_ends": ("sol_decisions", lambda life, of: life.set("sol_decisions", of, ToDate=life.later())),
    "decision_deleted": ("sol_decisions", lambda life, of: life.delete("sol_decisions", of)),
    "client": ("clients", lambda life, of: life.set("clients", of, FirstName=f"Test{life.turn()}")),
    "death": ("clients", lambda life, of: life.care.decease(PERSONS[of])),
    "absence": ("client_absences", lambda life, of: life.care.absence(PERSONS[of], life.world.today)),
    "absence_deleted": ("client_absences", lambda life, of: life.delete("client_absences", of)),
    "consent_withdrawn": ("documentations", lambda life, of: life.note(of, Signal.CONSENT_WITHDRAWN)),
    "end_heard": ("documentations", lambda life, of: life.note(of, Signal.END_HEARD)),
    "note_broken": ("documentations", lambda life, of: life.note(of, Signal.END_HEARD, CreatedTime={"no": 1})),
    "note_replaced": ("documentations", lambda life, of: life.correct(of, text="23:00")),
    "error_marked": ("documentations", lambda life, of: life.correct(of)),
}
"""The row that changes, and how. Nothing has changed where that returns False."""

who = st.integers(0, len(PERSONS) - 1)
STEPS = st.one_of(
    st.tuples(st.just("change"), st.sampled_from(sorted(CHANGES)), who),
    st.tuples(st.just("change"), st.sampled_from(sorted(CHANGES)), who),
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


# An example that fails isn't shrunk, because that would take minutes.
@settings(
    max_examples=10,
    phases=(Phase.generate,),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
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
