"""The simulated vendors behind the real connectors, in process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapter.domain.ledger import Act, ActKind, ActState, What
from adapter.gateways.executors import Executors
from adapter.gateways.lifecare_source import LifecareSource
from adapter.gateways.mails import MailExecutor
from adapter.gateways.notes import NoteExecutor
from adapter.gateways.platform import PhoniroSchedules, PlatformExecutor
from adapter.gateways.visits import VisitExecutor
from adapter.ports import CaseContext
from connectors.http.client import HttpSettings
from connectors.lifecare.client import LifecareClient, LifecareSettings
from connectors.mock.lifecare.api import DEFAULT_DOMAIN, DEFAULT_KEY
from connectors.mock.lifecare.simulator import SimulatedLifecare
from connectors.mock.phoniro.simulator import SimulatedPhoniro
from connectors.mock.phoniro.state import DEFAULT_CLIENT
from connectors.mock.transport import InProcessTransport
from connectors.phoniro.client import PhoniroClient
from mappings.tables import MunicipalMapping, load_mapping
from mappings.texts import Texts

PERSON, OTHER_PERSON = "19900101TF03", "19900101TF04"
REFERENCE = "TK-7F3K2M"
KEY = b"a secret"
TIMES = json.dumps({day: ["22:30", "02:15"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")})


@dataclass
class Outbox:
    """Takes mail and keeps it."""

    sent: list[tuple[str, str, str, str, datetime]] = field(default_factory=list)
    fails: Exception | None = None

    async def send(
        self, message_id: str, to: str, subject: str, body: str, *, date: datetime, reply_to: str | None = None
    ) -> None:
        if self.fails:
            raise self.fails
        self.sent.append((message_id, to, subject, body, date))

    async def check(self) -> None:
        return None


@dataclass
class World:
    """Everything that a test needs. ``now`` is everybody's clock."""

    now: datetime
    mapping: MunicipalMapping
    lifecare: SimulatedLifecare
    phoniro: SimulatedPhoniro
    source: LifecareSource
    executor: Executors
    schedules: PhoniroSchedules
    outbox: Outbox
    acts: int = 0

    def act(self, kind: ActKind, **what: str | int | bool | None) -> Act:
        self.acts += 1
        return Act(self.acts, f"key:{self.acts}", kind, ActState.SENDING, what, self.now, attempts=1)

    def again(self, act: Act) -> Act:
        return replace(act, attempts=act.attempts + 1)

    def case(self, **fields: object) -> CaseContext:
        client = self.lifecare.row("clients", PERSON)["Id"]
        base = CaseContext("exempelkommun", REFERENCE, PERSON, client, False, {})
        return replace(base, **fields)  # type: ignore[arg-type]  # a test's short hand

    def create(self, n: int = 1, **what: str | int | bool | None) -> Act:
        content: What = {
            "n": n,
            "valid_from": "2026-03-09",
            "valid_to": None,
            "times": TIMES,
            "unit": 7101,
            "orders": '["SB-100001"]',
        }
        return self.act(ActKind.CREATE, **{**content, **what})

    def wait(self, **delta: float) -> None:
        self.now += timedelta(**delta)


async def _no_sleep(_: float) -> None:
    return None


async def external_id(person_id: str) -> str:
    return "p-0001" if person_id == PERSON else "p-0002"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    mapping = load_mapping(Path(__file__).parents[2] / "mappings" / "example.toml")

    def clock() -> datetime:
        return made.now if made else datetime(2026, 3, 9, 9, tzinfo=UTC)

    made: World | None = None
    lifecare, phoniro = SimulatedLifecare(clock), SimulatedPhoniro(clock)
    http = HttpSettings(per_second=1e6, attempts=1)
    settings = LifecareSettings("http://lifecare.test/WE.EC.Integration.Host", DEFAULT_DOMAIN, DEFAULT_KEY, http=http)
    to_lifecare = InProcessTransport(lifecare.handle)
    to_phoniro = InProcessTransport(phoniro.handle)
    async with (
        LifecareClient(settings, transport=to_lifecare, sleep=_no_sleep) as lc,
        PhoniroClient(
            "http://phoniro.test", *DEFAULT_CLIENT, settings=http, transport=to_phoniro, sleep=_no_sleep
        ) as ph,
    ):
        outbox, headings = Outbox(), dict[str, str]()
        texts = Texts.load(strict=True).plus(headings=headings)
        executor = Executors(
            notes=NoteExecutor(lc, mapping, clock, texts),
            platform=PlatformExecutor(ph, lc, mapping, external_id=external_id, clock=clock, key=KEY),
            mail=MailExecutor(outbox, mapping, "exempelkommun.example", texts),
            visits=VisitExecutor(lc, ph, mapping, clock),
        )
        made = World(
            now=datetime(2026, 3, 9, 9, tzinfo=UTC),
            mapping=mapping,
            lifecare=lifecare,
            phoniro=phoniro,
            source=LifecareSource(lc, mapping, key=KEY, headings=headings),
            executor=executor,
            schedules=PhoniroSchedules(ph, mapping, clock),
            outbox=outbox,
        )
        lifecare.seed_person(PERSON)
        yield made
