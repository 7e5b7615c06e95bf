"""The simulated vendors and a mail server in a process of their own, over real sockets.

The parent has ``Outside``. The child (``python -m tests.outside``) reads one JSON line for each call and answers with
one.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

from adapter.domain.facts import Signal
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.simulator import DEFAULT_DOMAIN, DEFAULT_KEY, SimulatedLifecare
from connectors.mock.phoniro.schemas import NewSchedule
from connectors.mock.phoniro.state import DEFAULT_CLIENT
from connectors.mock.serve import RunningSimulators, running_simulators

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "mappings" / "example.toml"
GO_LIVE = re.compile("^go_live = .*$", re.MULTILINE)
QUIET = re.compile(r"^\[routine\.quiet\].*?(?=^#|^\[)", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"\[(TK-[2-9A-HJ-NP-Z]{6}/\d+)-\w+\]")
READY = (
    (Signal.TIMES_AGREED, "22.30, 02:15 och 05.00"),
    (Signal.INSTALLATION_BOOKED, "Klart."),
    (Signal.KEYS_COLLECTED, "Klart."),
    (Signal.APPENDIX_SIGNED, "Klart."),
    (Signal.CONSENT_SIGNED, "Klart."),
    (Signal.LIABILITY_SIGNED, "Klart."),
    (Signal.READY_FOR_START, "Klart."),
)
"""The notes that are needed before a camera is scheduled."""
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def person(i: int) -> str:
    """A test person's number, another for each ``i`` below three million."""
    day = date(1920, 1, 1) + timedelta(days=i // 100)
    return f"{day:%Y%m%d}TF{i % 100:02d}"


def reference(i: int) -> str:
    """A case reference made from a number."""
    return "TK-" + "".join(LETTERS[i // 32**place % 32] for place in range(5, -1, -1))


def schedule_id(i: int) -> str:
    return f"00000000-0000-4000-8000-{i:012d}"


def nightly(i: int, day: str) -> NewSchedule:
    """The schedule of a numbered case: three looks each night from the day (ISO) on."""
    times = {"weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "times": ["02:15", "05:00", "22:30"]}
    of = {"externalReference": f"{reference(i)}-1", "customerExternalId": f"P-{i:012d}", "validFrom": day}
    fixed = {"organisationId": "hemtjanst-norr", "type": "camera_night", "timeZone": "Europe/Stockholm"}
    return NewSchedule.model_validate_json(json.dumps({**of, **fixed, "rules": [times]}))


def municipality(
    lifecare: str, phoniro: str, *, domain: str = DEFAULT_DOMAIN, mapping: Path = EXAMPLE, **vendor: Any
) -> dict[str, Any]:
    """The settings of one municipality over simulated vendors at these addresses. ``vendor`` has settings for both."""
    limits = {"requests_per_second": 1_000_000, **vendor}
    client_id, client_secret = DEFAULT_CLIENT
    return {
        "lifecare": {"base_url": lifecare, "domain": domain, "key": DEFAULT_KEY, **limits},
        "phoniro": {"base_url": phoniro, "client_id": client_id, "client_secret": client_secret, **limits},
        "mapping_file": str(mapping),
    }


def have_ordered(care: SimulatedLifecare, who: str, notes: Sequence[tuple[Signal, str]] = READY) -> None:
    """A person for whom a camera was ordered and executed today, with these notes."""
    care.seed_person(who)
    order = care.order(who, "camera", start=care.today(), order_date=care.today())
    care.accept(order.order_id)
    write(care, care.start_execution(order.order_id, start=care.today()), notes)


def write(care: SimulatedLifecare, execution: int, notes: Sequence[tuple[Signal, str]]) -> None:
    """The alarm team's notes on an execution."""
    for signal, text in notes:
        care.note_as("alarm_team", execution, signal.value, text)


def edit(file: Path, old: str, new: str) -> None:
    """Change a file that a person edits. Fails if there is nothing to change, because the test would prove nothing."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def example_with(folder: Path, *changes: tuple[str, str]) -> Path:
    """The example mapping with some texts replaced."""
    folder.mkdir(exist_ok=True)
    path = folder / "mapping.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    for old, new in changes:
        edit(path, old, new)
    return path


def mapping_without_quiet_hours(folder: Path) -> Path:
    """The example mapping, for tests on the real clock: messages are sent at any time of day. It goes live yesterday,
    because the first reading asks for the orders of each day since then."""
    path = folder / "mapping.toml"
    example = QUIET.sub("", EXAMPLE.read_text(encoding="utf-8"))
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    path.write_text(GO_LIVE.sub(f"go_live = {yesterday}", example), encoding="utf-8")
    return path


class Mailbox:
    """A mail server's handler, with the mails that it accepted, by Message-ID."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.content
        self.ids.append(message_from_bytes(content if isinstance(content, bytes) else b"")["Message-ID"])
        return "250 taken"


class Side:
    """The child's side: each public method is a call."""

    def __init__(self, running: RunningSimulators, mailbox: Mailbox) -> None:
        self._vendors = running
        self._mailbox = mailbox
        self._ago = timedelta(0)

    def clock(self) -> datetime:
        return datetime.now(UTC) - self._ago

    def latency(self, seconds: float) -> None:
        """From now on every answer is delayed by so much."""
        for vendor in (self._vendors.lifecare, self._vendors.phoniro):
            vendor.faults.clear()
            if seconds:
                vendor.faults.add(Rule(kind=Kind.DELAY, times=None, delay=seconds))

    def fault(self, vendor: str, **rule: Any) -> None:
        told = self._vendors.lifecare if vendor == "lifecare" else self._vendors.phoniro
        told.faults.add(Rule.model_validate(rule))

    def orders(self, first: int, count: int, death: bool = False, notes: int = len(READY)) -> None:
        """Persons with an order each, and with everything done that the schedule needs (or only the first so many
        notes). The adapter hasn't seen them yet."""
        care = self._vendors.lifecare
        for i in range(first, first + count):
            have_ordered(care, person(i), READY[:notes])
            if death:
                care.decease(person(i))

    def goes_on(self, i: int, notes: int) -> None:
        """The remaining notes that the person's schedule needs, after the first so many."""
        care = self._vendors.lifecare
        (execution,) = care.tables["executions"].where("PersonId", person(i))
        write(care, int(execution.key), READY[notes:])

    def end(self, first: int, count: int) -> None:
        """The decisions of these persons end today."""
        care = self._vendors.lifecare
        for i in range(first, first + count):
            for row in care.tables["sol_decisions"].where("PersonId", person(i)):
                care.decision_end(int(row.key), care.today())

    def background(self, first: int, count: int) -> str:
        """Active cases from a month ago. Returns the day."""
        self._ago = timedelta(days=30)
        self.orders(first, count)
        self._ago = timedelta(0)
        return self.schedules(first, count)

    def schedules(self, first: int, count: int) -> str:
        """Only their schedules, with the numbers of the references. Returns the day (ISO) from which they run."""
        self._ago = timedelta(days=30)
        day = f"{self.clock():%Y-%m-%d}"
        for i in range(first, first + count):
            self._vendors.phoniro.add_schedule(nightly(i, day), "created", schedule_id(i))
        self._ago = timedelta(0)
        return day

    def effects(self) -> dict[str, list[str]]:
        """What the adapter has done: schedules by reference, notes by mark, mails by id."""
        marks = [found.group(1) for note in self._vendors.lifecare.notes_written() if (found := MARK.search(note.text))]
        schedules = self._vendors.phoniro.schedules
        now = self._vendors.phoniro.now
        return {
            "schedules": [s.new.external_reference for s in schedules],
            "statuses": [f"{s.new.external_reference} {s.now.status(now)}" for s in schedules],
            "acts": [f"{s.new.external_reference} {v.act}" for s in schedules for v in s.versions],
            "notes": marks,
            "mails": list(self._mailbox.ids),
        }

    def counts(self) -> dict[str, int]:
        """The same as counts."""
        notes = len(self._vendors.lifecare.notes_written())
        return {"schedules": len(self._vendors.phoniro.schedules), "notes": notes, "mails": len(self._mailbox.ids)}

    def written(self) -> dict[str, float]:
        """When the first note for each person came (seconds since the epoch), by person."""
        first: dict[str, float] = {}
        for note in self._vendors.lifecare.notes_written():
            first.setdefault(note.person_id, note.written.timestamp())
        return first

    def reset(self) -> None:
        """Forget everything."""
        self._vendors.lifecare.reset()
        self._vendors.phoniro.reset()
        self._mailbox.ids.clear()

    def span(self) -> float:
        """Seconds from the first call to the last note (of at most 100,000 calls)."""
        care = self._vendors.lifecare
        return (care.notes_written()[-1].written - care.received()[0].at).total_seconds()


async def child() -> None:
    """Serve the calls on standard input until it is closed."""
    mailbox = Mailbox()
    side: list[Side] = []
    loop = asyncio.get_running_loop()
    mail = await loop.create_server(lambda: SMTP(mailbox, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0)
    async with running_simulators(clock=lambda: side[0].clock() if side else datetime.now(UTC)) as running, mail:
        side.append(Side(running, mailbox))
        mail_port = mail.sockets[0].getsockname()[1]
        _say({"lifecare": running.lifecare_url, "phoniro": running.phoniro_url, "mail_port": mail_port})
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            name, named = json.loads(line)
            call: Callable[..., Any] = getattr(side[0], name)
            _say(call(**named))


def _say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Outside:
    """The parent's side; a context manager that ends the process."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.outside"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=None
        )
        hello = self._answer()
        self.lifecare: str = hello["lifecare"]
        self.phoniro: str = hello["phoniro"]
        self.mail_port: int = hello["mail_port"]

    @property
    def pid(self) -> int:
        return self._process.pid

    def call(self, name: str, **named: Any) -> Any:
        """Call a method of ``Side``; blocks until it is done."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, named]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the simulated vendors have ended")
        return json.loads(line)

    def tenant(self, mapping: Path, **vendor: Any) -> dict[str, Any]:
        """One municipality's settings over these vendors."""
        mail = {"host": "127.0.0.1", "port": self.mail_port, "starttls": False, "sender": "adapter@kommun.example"}
        return {**municipality(self.lifecare, self.phoniro, mapping=mapping, **vendor), "mail": mail}

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


if __name__ == "__main__":
    asyncio.run(child())
