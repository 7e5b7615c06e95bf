"""A whole world in one process and one thread: the real engine, store and connectors over the simulated vendors. Its
clock moves only when a test moves it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import httpx

from adapter.bootstrap import Outside, Service, build
from adapter.domain.decision import Decision
from adapter.domain.facts import Signal
from adapter.domain.ledger import Act
from adapter.engine import runtime
from adapter.engine.feed_reader import read_feeds
from adapter.engine.look_reader import follow_looks
from adapter.engine.request_worker import take_in, turn
from adapter.engine.worker import work
from adapter.settings.model import Settings
from adapter.store import cases, due, outbox
from adapter.store.cases import Case
from adapter.store.database import Database
from adapter.store.sealing import Sealing
from connectors.errors import AmbiguousWrite, Transient
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.acts import Ordered
from connectors.mock.lifecare.simulator import SimulatedLifecare
from connectors.mock.phoniro.simulator import SimulatedPhoniro
from connectors.mock.routing import Handler
from connectors.mock.transport import InProcessTransport
from tests.next_due import next_due, next_retry
from tests.outside import EXAMPLE, READY, municipality
from tests.service import ENCRYPTION_KEY, PSEUDONYM_KEY

MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ANNA = "19340101TF01"
SEALING = Sealing(PSEUDONYM_KEY.encode(), [ENCRYPTION_KEY])


class VirtualClock(runtime.Clock):
    """A clock that stands still until it is moved. Sleeping moves it."""

    def __init__(self, start: datetime) -> None:
        self.time = start

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Mail:
    """A mail server that keeps its mails. While it ``fails`` it accepts none. It loses ``loses`` answers. ``tried`` has
    Message-IDs; ``headed`` has date and reply address of the mails."""

    sent: list[tuple[str, str, str, str]] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    headed: list[tuple[datetime, str | None]] = field(default_factory=list)
    fails: int = 0
    loses: int = 0

    async def send(
        self, message_id: str, to: str, subject: str, body: str, *, date: datetime, reply_to: str | None = None
    ) -> None:
        self.tried.append(message_id)
        if self.fails:
            self.fails -= 1
            raise Transient("the mail server is away", vendor="mail", call="send")
        self.sent.append((message_id, to, subject, body))
        self.headed.append((date, reply_to))
        if self.loses:
            self.loses -= 1
            raise AmbiguousWrite("the connection was cut", vendor="mail", call="send")

    async def check(self) -> None:
        return None


def settings_for(mapping: Path = EXAMPLE, **engine: float) -> Settings:
    """Settings of one municipality over the simulated vendors. The addresses are never looked up."""
    tenant = municipality("http://127.0.0.1:1", "http://127.0.0.1:2", mapping=mapping)
    tenant["mail"] = {"sender": "trygghetskamera@exempelkommun.example"}
    return Settings.model_validate(
        {
            "tenants": {"exempel": tenant},
            "store": {"url": "sqlite:///unused.db", "encryption_key": ENCRYPTION_KEY},
            "engine": {"poll_seconds": 3600, "awaiting_minutes": 60, **engine},
            "pseudonym_key": PSEUDONYM_KEY,
        }
    )


def down(vendor: SimulatedLifecare | SimulatedPhoniro, status: int = 503, **rule: Any) -> int:
    """The vendor answers each call so, or each that ``rule`` names, until the rule with this id is removed."""
    given = {"kind": Kind.STATUS_BEFORE, "status": status, "times": None, **rule}
    return vendor.faults.add(Rule.model_validate(given))


class World:
    """Simulated vendors, people who act in them, and the adapter. Use it as an async context manager. It goes live on
    its first day unless ``go_live`` says otherwise, because each test reads every day since then."""

    def __init__(
        self,
        start: datetime = MONDAY,
        *,
        mapping: Path = EXAMPLE,
        go_live: date | None = None,
        db: Database | None = None,
        seed: int = 1,
        pause: Callable[[str], Any] | None = None,
        **engine: float,
    ) -> None:
        self.clock = VirtualClock(start)
        self.rng = random.Random(seed)
        self.lifecare = SimulatedLifecare(self.clock.now, seed=seed)
        self.phoniro = SimulatedPhoniro(self.clock.now, seed=seed)
        self.lifecare_faults, self.phoniro_faults = self.lifecare.faults, self.phoniro.faults
        self.mail = Mail()
        self.settings = settings_for(mapping, **engine)
        self.go_live = go_live or start.date()
        self.db = db or Database("sqlite://", sealing=SEALING)
        self.pause = pause
        self.starts = 0
        self.service = self._service()
        self.polled = start - timedelta(days=1)

    def _service(self) -> Service:
        self.starts += 1
        handlers = {"lifecare": self.lifecare.handle, "phoniro": self.phoniro.handle}
        transports = {name: self._transport(handler) for name, handler in handlers.items()}
        outside = Outside(transports=transports, mail=self.mail)
        owner = f"adapter-{self.starts}"
        service = build(
            self.settings, clock=self.adapters_clock(), owner=owner, outside=outside, rng=self.rng, db=self.db
        )
        object.__setattr__(service.runtime.tenants["exempel"], "go_live", self.go_live)
        if self.pause is not None:
            object.__setattr__(service.runtime, "pause", self.pause)
        return service

    def adapters_clock(self) -> runtime.Clock:
        return self.clock

    def _transport(self, handler: Handler) -> httpx.AsyncBaseTransport:
        return InProcessTransport(handler)

    def restart(self) -> None:
        """The process died and was started again. Only the database is left of it."""
        self.service = self._service()

    async def __aenter__(self) -> Self:
        await self.service.start_store()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.service.__aexit__(None, None, None)

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def rt(self) -> runtime.Runtime:
        return self.service.runtime

    @property
    def tenant(self) -> runtime.Tenant:
        return self.rt.tenants["exempel"]

    @property
    def today(self) -> date:
        return self.clock.time.astimezone(self.tenant.policy.zone).date()

    async def cycle(self) -> None:
        """One reading of the feeds, and all the work that follows from it at once."""
        self.polled = self.clock.time
        await read_feeds(self.rt, self.tenant)
        await work(self.rt)

    async def ask(self, text: str) -> None:
        """People ask this by file, and the adapter does what it can at once."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "resync.toml"
            file.write_text(text, encoding="utf-8")
            await take_in(self.rt, file)
        await turn(self.rt)

    async def settle(self) -> None:
        """Poll, and then let seconds pass until nothing is left to do at once."""
        await self.cycle()
        for _ in range(20):
            soon = await self._next()
            if soon is None or soon > self.clock.time + timedelta(seconds=90):
                return
            self.clock.time = max(soon, self.clock.time)
            await work(self.rt)

    async def pass_time(self, **delta: float) -> None:
        """Let time pass as in service: poll at its pace, and work whenever something is due. What is due but can't be
        done, because its vendor is down, is tried again a little later."""
        until = self.clock.time + timedelta(**delta)
        held: datetime | None = None
        while True:
            soon = await self._next()
            poll = self.polled + self.rt.tuning.poll
            at = min(poll, soon) if soon else poll
            if at == held:
                at = min(poll, self.clock.time + timedelta(seconds=5))
            held = soon if soon and soon <= self.clock.time else None
            if at > until:
                break
            self.clock.time = max(at, self.clock.time)
            if at >= poll:
                await self.cycle()
            else:
                await work(self.rt)
        self.clock.time = until

    async def watch(self, until: datetime, *, every: timedelta = timedelta(minutes=30)) -> None:
        """Let the night pass. The looks are followed each time ``every`` has passed and at the end; everything else is
        done meanwhile. In service they are followed every ``watch_seconds``. A test of what is told by an instant ends
        at that instant."""
        while self.clock.time < until:
            await self.pass_time(seconds=min(every, until - self.clock.time).total_seconds())
            await follow_looks(self.rt, self.tenant)
            await work(self.rt)

    async def look_again(self) -> None:
        """Have the case read now, and do all that follows from it at once."""
        case, now = await self.case(), self.clock.time
        await self.db.run(lambda c: due.mark_due(c, "exempel", [case.ref], now, "test"))
        await self.settle()

    def tune(self, **tuning: Any) -> None:
        """Settings of the engine that no test of a whole process needs."""
        object.__setattr__(self.rt, "tuning", replace(self.rt.tuning, **tuning))

    async def _next(self) -> datetime | None:
        tenants = list(self.rt.tenants)
        found = await self.db.run(lambda c: (next_due(c, tenants), next_retry(c, tenants)))
        return min((t for t in found if t), default=None)

    # --- people -----------------------------------------------------------------------------------------------------

    def person(self, person_id: str = ANNA, *, other_service: bool = True) -> None:
        """A person, with or without home care too."""
        self.lifecare.seed_person(person_id)
        if other_service:
            shower = self.lifecare.order(person_id, "shower", start=self.today, order_date=self.today)
            self.lifecare.accept(shower.order_id)
            self.lifecare.start_execution(shower.order_id, start=self.today)

    def order(self, person_id: str = ANNA, **fields: Any) -> Ordered:
        """An order of three looks a night by camera, with a decision that runs from today."""
        given = {"start": self.today, "order_date": self.today, **fields}
        return self.lifecare.order(person_id, "camera", **given)

    def execute(self, order: Ordered) -> int:
        self.lifecare.accept(order.order_id)
        return self.lifecare.start_execution(order.order_id, start=self.today)

    def note(self, execution_id: int, signal: Signal, text: str = "Klart.") -> str:
        """A note by the alarm team or the coordinator, a second after the one before."""
        self.clock.time += timedelta(seconds=1)
        return self.lifecare.note_as("alarm_team", execution_id, signal.value, text)

    def prepare(self, execution_id: int, times: str = "22.30, 02:15 och 05.00") -> None:
        for signal, text in READY:
            if signal is not Signal.KEYS_COLLECTED:
                self.note(execution_id, signal, times if signal is Signal.TIMES_AGREED else text)

    def ready(self, person_id: str = ANNA, times: str = "22.30, 02:15 och 05.00") -> tuple[Ordered, int]:
        """A person with everything noted that the schedule needs. Returns the order and its execution."""
        self.person(person_id)
        order = self.order(person_id)
        execution = self.execute(order)
        self.prepare(execution, times)
        return order, execution

    def keys(self, order: Ordered, execution: int) -> dict[str, Any]:
        """The keys of an order's rows in Lifecare, with its person's last absence and the execution's last note."""
        person, tables = self.lifecare.row("orders", order.order_id)["PersonId"], self.lifecare.tables
        last = {"client_absences": ("PersonId", person), "documentations": ("ExecutionId", execution)}
        return {
            "orders": order.order_id,
            "ordered_services": order.service_id,
            "sol_decisions": order.decision_id,
            "executions": execution,
            "clients": person,
            **{entity: rows[-1].key for entity, of in last.items() if (rows := tables[entity].where(*of))},
        }

    def spoil(
        self, entity: str, key: Any, field: str, value: Any = "2026-02-30T00:00:00", *, shown: bool = True
    ) -> Callable[[], None]:
        """A value that can't be read in a row, which Lifecare's own forms wouldn't accept. It is ``shown`` by the feeds
        like any other change. Returns what puts it right, and no feed shows that."""
        row = self.lifecare.tables[entity].rows[key]
        good = row.data[field]
        if shown:
            self.lifecare.change(entity, key, **{field: good})

        def put(now: Any) -> None:
            row.data[field], row.rendered = now, None

        put(value)
        return lambda: put(good)

    async def taken_in(self, person_id: str = ANNA) -> Ordered:
        """An order of a person with home care too. The adapter has opened its case and sent the first messages."""
        self.person(person_id)
        order = self.order(person_id)
        await self.settle()
        return order

    async def active(self, person_id: str = ANNA) -> tuple[Ordered, int]:
        """A person whose e-tillsyn has run for an hour. Returns the order and its execution."""
        found = self.ready(person_id)
        await self.pass_time(hours=1)
        return found

    async def closes(self, order: Ordered, execution: int) -> None:
        """The authority ends it today, the alarm team collects, the coordinator closes, until nothing is left to do."""
        self.lifecare.decision_end(order.decision_id, self.today)
        await self.pass_time(days=2)
        self.note(execution, Signal.EQUIPMENT_COLLECTED)
        await self.pass_time(seconds=self.rt.tuning.poll.total_seconds() + 60)
        self.lifecare.end_execution(execution)
        await self.pass_time(hours=26)

    # --- results ----------------------------------------------------------------------------------------------------

    async def cases(self) -> list[Case]:
        return await self.db.run(lambda c: list(cases.all_cases(c, "exempel", open_only=False)))

    async def case(self) -> Case:
        (case,) = await self.cases()
        return case

    async def decision(self) -> Decision:
        """The case's last one. The test fails if there is none."""
        decision = (await self.case()).last_decision
        assert decision is not None
        return decision

    async def acts(self, ref: str | None = None) -> tuple[Act, ...]:
        ref = ref or (await self.case()).ref
        return await self.db.run(lambda c: outbox.acts(c, "exempel", ref))

    def notes(self) -> list[str]:
        """First line of each note that the adapter wrote, in order."""
        return [note.text.splitlines()[0] for note in self.lifecare.notes_written()]

    def statuses(self) -> list[str]:
        """The status of each schedule in Phoniro, in the order in which they were made."""
        return [self.phoniro.status(schedule.id) for schedule in self.phoniro.schedules]

    def valid_to(self, schedule_id: str) -> date | None:
        """The last day on which anybody may look, according to Phoniro."""
        return self.phoniro.schedule(schedule_id).now.valid_to
