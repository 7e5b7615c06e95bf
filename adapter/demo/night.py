"""One night at Astrid's, played in a second: the same adapter over the same simulated vendors, all in this process and
by a clock of its own, as nobody could wait for a real night."""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from adapter.bootstrap import Outside, build
from adapter.demo.observer import Timeline
from adapter.demo.persons import ASTRID, STOCKHOLM, seed_fields
from adapter.demo.promises import Promise
from adapter.demo.stage import TENANT
from adapter.engine.feed_reader import read_feeds
from adapter.engine.look_reader import follow_looks
from adapter.engine.runtime import Clock
from adapter.engine.worker import work
from adapter.observability import configure_logging
from adapter.presentation.nights_page import nights, nights_page, shown_since
from adapter.settings.model import Settings
from adapter.store import cases, look_log, outbox
from adapter.store.database import Database
from connectors.mock.lifecare.simulator import SimulatedLifecare
from connectors.mock.phoniro.schemas import SetOutcome
from connectors.mock.phoniro.simulator import SimulatedPhoniro
from connectors.mock.transport import InProcessTransport

NIGHT = timedelta(hours=18)
"""From the afternoon of the order to the morning after."""
STEP = timedelta(minutes=10)
_NOTES = ("installation_booked", "appendix_signed", "consent_signed", "liability_signed", "ready_for_start")


@dataclass
class NightClock(Clock):
    """Time that stands still until it is moved."""

    time: datetime

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Mailbox:
    """Keeps each mail: when it came, to whom, and its subject."""

    clock: NightClock
    came: list[tuple[datetime, str, str]] = field(default_factory=list)

    async def send(
        self, message_id: str, to: str, subject: str, body: str, *, date: datetime, reply_to: str | None = None
    ) -> None:
        self.came.append((self.clock.time, to, subject))

    async def check(self) -> None:
        return None


class NightTown:
    """The vendors, the mail and the clock of the night. It begins this afternoon, because orders from before the first
    day of the demo's settings are left alone."""

    def __init__(self) -> None:
        today = datetime.now(STOCKHOLM).date()
        self.clock = NightClock(datetime.combine(today, time(14), STOCKHOLM).astimezone(UTC))
        self.lifecare, self.phoniro = SimulatedLifecare(self.clock.now), SimulatedPhoniro(self.clock.now)
        self.mail = Mailbox(self.clock)


async def play_night(timeline: Timeline, settings: Settings) -> Promise:
    """Play it and tell it. Returns the promise that each look is known or told, and whether it held."""
    timeline.chapter("En natt hos Astrid, på en sekund")
    configure_logging("CRITICAL", json=True, stream=io.StringIO())
    town = NightTown()
    morning = town.clock.time + NIGHT
    handlers = {"lifecare": town.lifecare.handle, "phoniro": town.phoniro.handle}
    transports = {name: InProcessTransport(handler) for name, handler in handlers.items()}
    outside = Outside(transports=transports, mail=town.mail)
    async with build(settings, clock=town.clock, outside=outside, db=Database("sqlite://")) as service:
        await service.start_store()
        rt, tenant = service.runtime, service.runtime.tenants[TENANT]
        _order(town)
        for _ in range(6):
            await read_feeds(rt, tenant)
            await work(rt)
            town.clock.time += timedelta(minutes=1)
        first, told, written = _what_comes_of_it(town, morning), len(town.mail.came), 0
        while town.clock.time < morning:
            await follow_looks(rt, tenant)
            await work(rt)
            for at, to, subject in town.mail.came[told:]:
                what = f"{at.astimezone(STOCKHOLM):%H:%M} mejlar {to}: {subject}"
                timeline.line(ASTRID, "", "adaptern", what, adapter=True)
            told = len(town.mail.came)
            for visit in town.lifecare.visits()[written:]:
                begun = f"{visit['StartTime'].astimezone(STOCKHOLM):%H:%M}"
                what = f"{_now(town)} skriver till Lifecare: tillsynen {begun} är gjord"
                timeline.line(ASTRID, "", "adaptern", what, adapter=True)
            written = len(town.lifecare.visits())
            town.clock.time += STEP
        (case,) = rt.db.run_sync(lambda c: list(cases.all_cases(c, TENANT, open_only=False)))
        start = shown_since(tenant.policy, town.clock.time)
        looks = rt.db.run_sync(lambda c: look_log.of_case(c, TENANT, case.ref, start))
        ledger = rt.db.run_sync(lambda c: outbox.ledger(c, case))
        shown = nights(looks, ledger, tenant.policy, town.clock.time)[:2]
        timeline.console.print()
        timeline.console.print(nights_page(case.ref, shown, tenant.policy, service.words[TENANT]))
    broken = []
    if len(looks) != 3 or not all(look.done for look in looks):
        broken.append(f"{len(looks)} tillsyner är kända, {sum(look.done for look in looks)} som gjorda")
    subjects = [subject.split()[0] for at, _, subject in town.mail.came if at > first]
    if subjects != ["Nattillsyn", "Rättelse:"]:
        broken.append(f"mejlen om natten var {subjects}")
    if written != 2:
        broken.append(f"{written} tillsyner står som besök i Lifecare")
    how = (
        f"{len(looks)} tillsyner på en natt, efter Phoniros egen lista: en berättad som inte gjord och sedan rättad, "
        f"en gjord av patrullen; {written} skrivna till Lifecare som besök"
    )
    return Promise("P12", "Varje tillsyn som skulle göras är känd eller berättad", how, tuple(broken))


def _order(town: NightTown) -> None:
    """Everything up to the start, the same afternoon."""
    lifecare, today = town.lifecare, town.clock.time.astimezone(STOCKHOLM).date()
    lifecare.seed_person(ASTRID.person_id, **seed_fields(ASTRID))
    other = lifecare.order(ASTRID.person_id, "alarm", start=today)
    lifecare.accept(other.order_id)
    lifecare.start_execution(other.order_id, start=today)
    order = lifecare.order(ASTRID.person_id, "camera", start=today, order_date=today)
    lifecare.accept(order.order_id)
    execution = lifecare.start_execution(order.order_id, start=today)
    lifecare.note_as("coordinator", execution, "times_agreed", "Varje natt 22:30, 02:15 och 05:00")
    for heading in _NOTES:
        lifecare.note_as("alarm_team", execution, heading, "Klart.")


def _now(town: NightTown) -> str:
    return f"{town.clock.time.astimezone(STOCKHOLM):%H:%M}"


def _what_comes_of_it(town: NightTown, morning: datetime) -> datetime:
    """The first look, which is told as missed, and as done when the device reports an hour later (PA4). For the last
    one a patrol is sent, which reports its own visit."""
    (schedule,) = town.phoniro.schedules
    first, _, last = schedule.looks(town.clock.time, morning)
    for due, outcome, minutes in ((first, "missed", 10), (first, "ok", 60), (last, "visit_dispatched", 10)):
        given = {"scheduleId": schedule.id, "dueAt": due, "outcome": outcome, "operatorId": "operator-1"}
        town.phoniro.set_outcome(SetOutcome.model_validate({**given, "toldAt": due + timedelta(minutes=minutes)}))
    return first
