"""A world whose adapter can die at every commit and every call, and is then started again."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx
from sqlalchemy import Connection, func, select

from adapter.domain.facts import Signal
from adapter.domain.ledger import ActState
from adapter.engine.jobs import _begin as begin
from adapter.store import outbox
from adapter.store.database import Database
from adapter.store.errors import StoreError
from adapter.store.tables import acts
from connectors.mock.routing import Handler
from tests.world import ANNA, World

T = TypeVar("T")
_ACTS_DONE = select(func.count()).select_from(acts).where(acts.c.state == ActState.DONE)
COPY = re.compile(r"^Det här meddelandet kan vara en kopia.*\n\n", re.MULTILINE)


class Killed(BaseException):
    """The process is dead. Only the code that starts it again catches this."""


class Watched(Database):
    """Every transaction is a point before and a point after its commit."""

    world: MortalWorld

    async def run(self, fn: Callable[[Connection], T]) -> T:
        if fn.__qualname__.startswith("World."):  # the test's own look
            return self.run_sync(fn)
        what = fn.__qualname__.replace(".<locals>", "")
        self.world.point(f"before commit {what}")
        result = self.run_sync(fn)
        self.world.done = None
        self.world.point(f"after commit {what}")
        return result


class _Transport(httpx.AsyncBaseTransport):
    """Every call is a point before and after."""

    def __init__(self, world: MortalWorld, handler: Handler) -> None:
        self.world, self.handler = world, handler

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/v")[2].partition("/")[2].split("/")[0] or "token"
        self.world.point(f"before {request.method} {name}")
        await request.aread()
        answer = self.handler(request)
        self.world.point(f"after {request.method} {name}")
        return answer


Point = tuple[str, int, int, int]
"""What is about to happen or has just happened, and how far the life has come: acts done, notes written, versions of
schedules. For a process that dies, points that agree in both are the same."""


class MortalWorld(World):
    """``dies_at`` is called at every point. If it returns True, the process dies there. Polls are seldom."""

    def __init__(self, dies_at: Callable[[Point], bool] = lambda _: False) -> None:
        self.dies_at = dies_at
        self.generation = 0
        self.deaths = 0
        self.passed: list[Point] = []
        self.dead = False
        self.starting = True
        self.over = False
        self.done: int | None = 0
        """How many acts are done; None after a commit, until it is looked at."""
        db = Watched("sqlite://")
        db.world = self
        super().__init__(db=db, poll_seconds=43200, awaiting_minutes=600)

    def _transport(self, handler: Handler) -> httpx.AsyncBaseTransport:
        return _Transport(self, handler)

    def point(self, name: str) -> None:
        if self.over:
            return
        if self.dead:
            raise Killed
        if self.done is None:
            self.done = self.db.run_sync(lambda c: c.scalar(_ACTS_DONE)) or 0
        versions = sum(len(s.versions) for s in self.phoniro.schedules)
        here = (name, self.done, len(self.lifecare.notes_written()), versions)
        self.passed.append(here)
        if self.dies_at(here):
            self.dead = True
            raise Killed

    async def until(self, at: datetime) -> None:
        """Let time pass as in service. A process that dies is started again at once. What people just did is read at
        once, though the adapter polls seldom here."""
        self.polled = self.clock.time - self.rt.tuning.poll
        while self.clock.time < at:
            try:
                if self.starting:
                    await begin(self.rt)
                    self.starting = False
                await self.pass_time(seconds=(at - self.clock.time).total_seconds())
            except Killed:
                self.deaths += 1
                self.dead = False
                self.restart()
                self.starting = True
                self.polled = self.clock.time - self.rt.tuning.poll
            except StoreError:
                self.clock.time += timedelta(seconds=20)
                # What was being read can be claimed again when its lease has run out.
                self.polled = self.clock.time + self.rt.tuning.lease - self.rt.tuning.poll

    async def a_whole_life(self) -> None:
        """From the order to the closed case, with an absence, new times, a changed last day and keys."""
        start = self.clock.time
        self.person(other_service=False)
        order = self.order()
        await self.until(start + timedelta(hours=2))
        execution = self.execute(order)
        self.prepare(execution)
        self.note(execution, Signal.KEYS_COLLECTED)
        await self.until(start + timedelta(hours=6))
        self.lifecare.absence(ANNA, self.today, self.today + timedelta(days=1))
        await self.until(start + timedelta(hours=42))
        self.note(execution, Signal.TIMES_CHANGED, "23:00 och 04:00")
        await self.until(start + timedelta(hours=54))
        self.lifecare.decision_end(order.decision_id, self.today)
        await self.until(start + timedelta(hours=84))
        self.note(execution, Signal.EQUIPMENT_COLLECTED)
        await self.until(start + timedelta(hours=91))
        self.lifecare.end_execution(execution)
        await self.until(start + timedelta(hours=120))

    async def end_state(self) -> dict[str, Any]:
        """The visible result of a life."""
        self.over = True
        case = await self.case()
        decision = case.last_decision
        ledger = self.db.run_sync(lambda c: outbox.acts(c, "exempel", case.ref))
        return {
            "phase": case.phase,
            "balanced": decision is not None and decision.balanced,
            "undone": [a.key for a in ledger if a.state not in (ActState.DONE, ActState.DROPPED)],
            "notes": sorted(_said(note.text) for note in self.lifecare.notes_written()),
            "schedules": [(s.new.external_reference, *(v.act for v in s.versions)) for s in self.phoniro.schedules],
            "ends": [(s.now.valid_from, s.now.valid_to) for s in self.phoniro.schedules],
            "persons": [c.first_name for c in self.phoniro.customers.values()],
            "mails": sorted({(to, subject) for _, to, subject, _ in self.mail.sent}),
        }


def _said(text: str) -> str:
    """A note's text without its mark, and without the sentence that it may be a second copy. A note has that sentence
    if it was sent again while no note could be read back (LA4)."""
    return re.sub(r"\n{3,}", "\n\n", COPY.sub("", text.rpartition("[")[0])).strip()
