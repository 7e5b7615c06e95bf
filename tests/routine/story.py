"""The whole world as a story: what people do, and what was written and done since the last question."""

from datetime import UTC, datetime, timedelta
from typing import Any

from adapter.domain.ledger import Act
from connectors.mock.lifecare.acts import Ordered
from connectors.mock.phoniro.schemas import Customer
from tests.world import MONDAY, World

UNHURRIED: dict[str, Any] = {
    "poll_seconds": 24 * 3600,
    "awaiting_minutes": 1440,
    "retry_first_seconds": 225,
    "retry_cap_seconds": 7200,
}


class Story(World):
    """One person's camera. Tests assert only what is at the simulated vendors; the ledger gives it its name."""

    def __init__(self, start: datetime = MONDAY) -> None:
        super().__init__(start, **UNHURRIED)
        self.read = 0
        self.seen: dict[str, int] = {}
        self.mailed = 0

    async def ordered(self, *, other_service: bool = True, **fields: Any) -> Ordered:
        """An order that the coordinator and the alarm team have been told of."""
        self.person(other_service=other_service)
        order = self.order(**fields)
        await self.settle()
        assert await self.told() == ["coordinator received", "alarm_team install"]
        return order

    async def running(self, **fields: Any) -> tuple[Ordered, int]:
        """E-tillsyn runs since yesterday; its order and execution."""
        order = await self.ordered(**fields)
        execution = self.execute(order)
        self.prepare(execution)
        await self.next_day()
        assert sorted(await self.told()) == ["alarm_team times", "coordinator started", "plan plan"]
        assert self.done() == ["created"]
        self.mails()
        return order, execution

    async def next_day(self, days: int = 1) -> None:
        """Go on until the working day has begun, everything is read and nothing is held back."""
        day = self.clock.time.date() + timedelta(days=days)
        morning = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        await self.pass_time(seconds=(morning - self.clock.time).total_seconds() - 1)
        self.clock.time = morning
        await self.settle()

    async def told(self) -> list[str]:
        """The notes in Lifecare since the last question, as ``reader letter``."""
        new = self.lifecare.notes_written()[self.read :]
        self.read += len(new)
        acts: dict[str, Act] = {f"[{c.ref}/{a.mark}]": a for c in await self.cases() for a in await self.acts(c.ref)}
        marks = [note.text.splitlines()[-1] for note in new]
        return [f"{acts[mark].what['to']} {acts[mark].what['letter']}" for mark in marks]

    def done(self) -> list[str]:
        """The acts on the person's schedules in Phoniro since the last question."""
        deeds: list[str] = []
        for schedule in self.phoniro.schedules:
            deeds += [v.act for v in schedule.versions[self.seen.get(schedule.id, 0) :]]
            self.seen[schedule.id] = len(schedule.versions)
        return deeds

    def mails(self) -> list[str]:
        """Subjects of the mails since the last question."""
        new = self.mail.sent[self.mailed :]
        self.mailed += len(new)
        return [subject for _, _, subject, _ in new]

    def customer(self) -> Customer:
        """The person's data in Phoniro."""
        (customer,) = self.phoniro.customers.values()
        return customer
