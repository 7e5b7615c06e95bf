"""A case's life without I/O: people change the facts, and a perfect executor carries out what is decided."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from adapter.domain.calendar import working_day_before
from adapter.domain.decide import decide
from adapter.domain.decision import Decision, Phase, StepView, Unwatched
from adapter.domain.facts import (
    Absence,
    AuthorityDecision,
    Client,
    Execution,
    FactProblem,
    Facts,
    Note,
    Order,
    OrderStatus,
    Read,
    ServiceKind,
    ServiceLine,
    ServicePlan,
    Signal,
)
from adapter.domain.ledger import (
    Act,
    ActKind,
    ActState,
    Ledger,
    PersonRecord,
    ScheduleRecord,
    ScheduleStatus,
    Wanted,
    What,
)
from adapter.domain.nights import Granted, NightTimes, NightWindow
from adapter.domain.policy import Lateness, Policy
from adapter.domain.routine import Letter
from adapter.domain.schedule import missing_gates, pause_causes
from adapter.domain.situation import situation

STOCKHOLM = ZoneInfo("Europe/Stockholm")
POLICY = Policy(
    zone=STOCKHOLM,
    window=NightWindow(time(21), time(7)),
    settle_changes=timedelta(0),
    late={s: Lateness(3, 5, 8) for s in ("I4", "I5", "I6", "I7", "I8", "I9", "I10", "A4", "A5", "A6")},
)
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
EXECUTION, OTHER_EXECUTION = 700, 600


class Life:
    """One person's case. Methods named after what people do change the facts, and can be chained. ``go`` lets the
    adapter work."""

    def __init__(self, now: datetime = START, policy: Policy = POLICY) -> None:
        self.now = now
        self.policy = policy
        self.orders: dict[str, Order] = {}
        self.decisions: dict[int, AuthorityDecision] = {}
        self.executions: dict[int, Execution] = {}
        self.notes: dict[str, Note] = {}
        self.absences: dict[int, Absence] = {}
        self.client = Client(client_id=11, protected=False, details="d1")
        self.plans: dict[int, ServicePlan] = {}
        self.chain: set[str] = set()
        self.stale: set[str] = set()
        self.problems: tuple[FactProblem, ...] = ()
        self.ledger = Ledger(opened_at=now)
        self.sent: list[Wanted] = []
        self.judged: list[Wanted] = []
        self.ids = 0
        self.phoniro = "works"
        """``works``, ``away`` (every call fails and is tried again), or ``refuses``."""

    @property
    def today(self) -> date:
        return self.now.astimezone(STOCKHOLM).date()

    # --- what people do -------------------------------------------------------------------------------------------

    def order(
        self,
        order_id: str = "o1",
        first: date | None = None,
        last: date | None = None,
        granted: int | None = 3,
        kind: ServiceKind = ServiceKind.CAMERA,
    ) -> Self:
        number = 100 + len(self.orders)
        self.decisions[number] = AuthorityDecision(number, first or self.today, last)
        line = ServiceLine(kind, number, granted=Granted(granted))
        self.orders[order_id] = Order(
            order_id, OrderStatus.SENT, self.today, first or self.today, None, None, None, (line,)
        )
        if kind is ServiceKind.CAMERA:
            self.chain.add(order_id)
        return self

    def other_service(self, kind: ServiceKind = ServiceKind.OTHER) -> Self:
        self.order(f"other{len(self.orders)}", kind=kind)
        self.executions[OTHER_EXECUTION] = Execution(OTHER_EXECUTION, self.today - timedelta(days=90), None, 5)
        return self

    def execute(self, order_id: str = "o1", execution: int = EXECUTION) -> Self:
        self.executions[execution] = Execution(execution, self.today, None, 5)
        return self.set_order(order_id, status=OrderStatus.ACCEPTED, execution_id=execution)

    def set_order(self, order_id: str = "o1", **fields: object) -> Self:
        self.orders[order_id] = replace(self.orders[order_id], **fields)  # type: ignore[arg-type]  # a test's short hand
        return self

    def set_execution(self, **fields: object) -> Self:
        old = self.executions[EXECUTION]
        self.executions[EXECUTION] = replace(old, **fields)  # type: ignore[arg-type]  # a test's short hand
        return self

    def decision_of(self, order_id: str = "o1") -> int:
        number = self.orders[order_id].lines[0].decision_id
        assert number is not None
        return number

    def decide_dates(self, order_id: str = "o1", first: date | None = None, last: date | None = None) -> Self:
        number = self.decision_of(order_id)
        old = self.decisions[number]
        self.decisions[number] = replace(old, first_day=first or old.first_day, last_day=last)
        return self

    def set_decision(self, order_id: str = "o1", *, deleted: bool = False, gone: bool = False) -> Self:
        number = self.decision_of(order_id)
        self.decisions[number] = replace(self.decisions[number], deleted=deleted, gone=gone)
        return self

    def set_client(self, **fields: object) -> Self:
        self.client = replace(self.client, **fields)  # type: ignore[arg-type]  # a test's short hand
        return self

    def note(self, signal: Signal, text: str = "", day: date | None = None) -> str:
        """Returns its id."""
        self.ids += 1
        note_id = f"n{self.ids}"
        self.notes[note_id] = Note(note_id, signal, self.now + timedelta(seconds=self.ids), EXECUTION, text, day=day)
        return note_id

    def noted(self, signal: Signal, text: str = "") -> Self:
        self.note(signal, text)
        return self

    def prepare(self, times: str = "22.30, 02:15 och 05.00", *, keys: bool = True) -> Self:
        """Everything that people do before e-tillsyn is scheduled."""
        self.noted(Signal.TIMES_AGREED, times).noted(Signal.INSTALLATION_BOOKED)
        if keys:
            self.note(Signal.KEYS_COLLECTED)
        self.noted(Signal.APPENDIX_SIGNED).noted(Signal.CONSENT_SIGNED).noted(Signal.LIABILITY_SIGNED)
        return self.noted(Signal.READY_FOR_START)

    # --- the adapter ----------------------------------------------------------------------------------------------

    def facts(self) -> Facts:
        def read(name: str, value: tuple[object, ...] | Client) -> Read:  # type: ignore[type-arg]  # any resource
            return Read(value, self.now, name in self.stale)

        return Facts(
            orders=read("orders", tuple(self.orders.values())),
            decisions=read("decisions", tuple(self.decisions.values())),
            executions=read("executions", tuple(self.executions.values())),
            client=read("client", self.client),
            absences=read("absences", tuple(self.absences.values())),
            notes=read("notes", tuple(self.notes.values())),
            chain=frozenset(self.chain),
            plans=Read(tuple(self.plans.values()), self.now) if self.policy.plans else None,
            problems=self.problems,
        )

    def look(self) -> Decision:
        return decide(self.facts(), self.ledger, self.now, self.policy)

    def go(self) -> Decision:
        """Decide and carry out until nothing is wanted; the promises are checked at every turn."""
        due: list[Wanted] = []
        for _ in range(30):
            decision = self.look()
            ready = [w for w in decision.wanted if w.not_before is None or w.not_before <= self.now]
            queued = self.queue(decision.wanted)
            due = [w for w in ready if self.phoniro == "works" or w.kind in (ActKind.MESSAGE, ActKind.MAIL)]
            if not due and not queued:
                assert decision.unfulfilled is None or decision.unfulfilled.since <= self.today
                self.check()
                return decision
            for wanted in due:
                self.carry_out(wanted)
            self.check()
        raise AssertionError(f"never settles: {[w.key for w in due]}")

    def queue(self, wanted: tuple[Wanted, ...] | None = None) -> bool:
        """Like the outbox: an act that the platform doesn't carry out waits, and one that isn't called for is dropped.
        Returns whether anything changed."""
        wanted = self.look().wanted if wanted is None else wanted
        by_key = {w.key: w for w in wanted}
        keep = tuple(a for a in self.ledger.acts if a.counts or a.key in by_key)
        waiting = [w for w in wanted if self._waits(w) and w.key not in {a.key for a in keep}]
        n = len(self.ledger.acts)
        added = tuple(Act(n + i, w.key, w.kind, self._state(w), w.what, self.now) for i, w in enumerate(waiting, 1))
        changed = (*keep, *added) != self.ledger.acts
        self.ledger = replace(self.ledger, acts=(*keep, *added))
        return changed

    def _waits(self, wanted: Wanted) -> bool:
        if wanted.kind in (ActKind.MESSAGE, ActKind.MAIL):
            return wanted.not_before is not None and wanted.not_before > self.now
        return self.phoniro != "works"

    def _state(self, wanted: Wanted) -> ActState:
        word = wanted.kind in (ActKind.MESSAGE, ActKind.MAIL)
        return ActState.PARKED if self.phoniro == "refuses" and not word else ActState.PENDING

    def wait(self, **delta: float) -> Decision:
        """Let time pass, waking whenever the decision said so."""
        until = self.now + timedelta(**delta)
        while True:
            wake = self.go().wake_at
            if wake is None or wake > until:
                break
            self.now = wake
        self.now = until
        return self.go()

    def carry_out(self, wanted: Wanted) -> None:
        assert wanted.key not in {a.key for a in self.ledger.acts if a.counts}, f"{wanted.key} twice (P4)"
        if wanted.opens:
            assert not self.stale, "opened on stale facts (P1)"
        waited = next((a for a in self.ledger.acts if a.key == wanted.key), None)
        others = tuple(a for a in self.ledger.acts if a is not waited)
        since = waited.created_at if waited else self.now
        act = Act(len(others) + 1, wanted.key, wanted.kind, ActState.DONE, wanted.what, since, self.now, 1)
        self.sent.append(wanted)
        self.ledger = replace(self.ledger, acts=(*others, act), **self._effect(wanted))  # type: ignore[arg-type]

    def _effect(self, wanted: Wanted) -> dict[str, object]:
        what, now = wanted.what, self.ledger.schedule
        match wanted.kind:
            case ActKind.PUT_PERSON:
                return {"person": PersonRecord(str(what["details"]))}
            case ActKind.EMPTY_PERSON:
                assert self.ledger.person is not None
                return {"person": replace(self.ledger.person, emptied=True)}
            case ActKind.CREATE:
                assert now is None or now.status is ScheduleStatus.ENDED, "two schedules at once"
                n = what["n"]
                assert isinstance(n, int)
                return {"schedule": self._record(n, what, ScheduleStatus.OPEN)}
            case ActKind.CHANGE:
                assert now is not None
                assert now.status is not ScheduleStatus.ENDED
                if "tolerance" in what:
                    return {"schedule": replace(now, patience=(what["tolerance"], what["retry_after"]))}  # type: ignore[arg-type]
                return {"schedule": self._record(now.n, what, now.status)}
            case ActKind.PAUSE | ActKind.RESUME | ActKind.END:
                assert now is not None
                assert now.status is not ScheduleStatus.ENDED
                status = {
                    ActKind.PAUSE: ScheduleStatus.PAUSED,
                    ActKind.RESUME: ScheduleStatus.OPEN,
                    ActKind.END: ScheduleStatus.ENDED,
                }[wanted.kind]
                return {"schedule": replace(now, status=status)}
            case _:
                return {}

    def _record(self, n: int, what: object, status: ScheduleStatus) -> ScheduleRecord:
        assert isinstance(what, dict)
        last = what["valid_to"]
        return ScheduleRecord(
            n,
            status,
            date.fromisoformat(what["valid_from"]),
            date.fromisoformat(last) if last else None,
            NightTimes.from_json(json.loads(what["times"])),
            self.now,
            frozenset(json.loads(what["orders"])),
        )

    def check(self) -> None:
        """P1 to P3, right after the adapter acted; and the messages before a booked day."""
        self.check_booked()
        live = self.ledger.schedule
        if live is None or live.status is not ScheduleStatus.OPEN:
            return
        s = situation(self.facts(), self.ledger, self.now, self.policy)
        if not self.looks_possible(live):
            return
        if self.phoniro != "works":
            return  # it can't be done, and people are told
        decision = self.look()
        wanted = {w.kind for w in decision.wanted}
        if wanted & {ActKind.PAUSE, ActKind.END, ActKind.CHANGE}:
            return  # still working
        assert not missing_gates(s), f"active without {missing_gates(s)} (P1)"
        assert not pause_causes(s), f"active in spite of {pause_causes(s)} (P2)"
        assert not s.mandate.over, "active after the end (P2)"
        assert decision.unfulfilled is None, "on the list though somebody looks"

    def check_booked(self) -> None:
        """I10 is told on the working day before the installation, once for each booked day, and only if it is true."""
        told = [w for w in self.sent if w.what.get("letter") == Letter.INSTALLED_SOON]
        assert len(told) == len({w.what["when"] for w in told})
        for wanted in (w for w in told if w not in self.judged):
            self.judged.append(wanted)
            day = date.fromisoformat(str(wanted.what["when"]))
            assert working_day_before(day, self.policy) <= self.today <= day
            assert self.booked() == day, "told of a day that isn't booked"
            assert not self.executed(), "told that an order isn't executed that is"
        tomorrow = self.today + timedelta(days=1)
        lies = self.stale or self.client.client_id is None or self.policy.quiet
        if self.booked() == tomorrow and self.is_plain() and not lies and not self.executed():
            assert tomorrow.isoformat() in {w.what["when"] for w in told}, "not told on the day before"

    def booked(self) -> date | None:
        notes = [n for n in self.notes.values() if n.signal is Signal.INSTALLATION_BOOKED]
        return max(notes, key=lambda n: (n.at, n.id)).day if notes else None

    def executed(self) -> bool:
        s = situation(self.facts(), self.ledger, self.now, self.policy)
        period = s.period
        return period is not None and period.executed

    def is_plain(self) -> bool:
        """Whether only the routine's first steps have happened: no paper is signed, and nothing stops or ends it."""
        signals = {n.signal for n in self.notes.values()}
        first = {Signal.INSTALLATION_BOOKED, Signal.TIMES_AGREED, Signal.KEYS_COLLECTED, Signal.APPENDIX_SIGNED}
        order, decision = self.orders["o1"], self.decisions[self.decision_of("o1")]
        untouched = order.status is OrderStatus.SENT and not order.gone and not decision.deleted and not decision.gone
        granted = decision.last_day is None or decision.last_day >= self.today
        first_day = decision.first_day is None or decision.last_day is None or decision.first_day <= decision.last_day
        alone = set(self.orders) == {"o1"} and not self.client.deceased and not self.ledger.schedule
        return signals <= first and untouched and granted and first_day and alone

    def looks_possible(self, live: ScheduleRecord) -> bool:
        return live.valid_from <= self.today and (live.valid_to is None or self.today <= live.valid_to)

    # --- what came of it ------------------------------------------------------------------------------------------

    @property
    def schedule(self) -> ScheduleRecord:
        """The last one in Phoniro. The test fails if there was none."""
        assert self.ledger.schedule is not None
        return self.ledger.schedule

    @property
    def per_night(self) -> tuple[int, ...]:
        """How many looks each night has, from Monday on."""
        assert self.schedule.times is not None
        return self.schedule.times.per_night()

    def without(self) -> Unwatched:
        """That the person is without supervision. The test fails if it isn't told."""
        unwatched = self.look().unwatched
        assert unwatched is not None
        return unwatched

    def letters(self, to: str | None = None) -> list[str]:
        return [str(w.what["letter"]) for w in self.sent if w.kind is ActKind.MESSAGE and to in (None, w.what["to"])]

    def told(self, name: str) -> list[What]:
        """The content of each letter or mail with this name."""
        return [w.what for w in self.sent if name == w.what.get("letter" if w.kind is ActKind.MESSAGE else "mail")]

    def step(self, step_id: str) -> StepView:
        return next(view for view in self.look().steps if view.id == step_id)

    def platform(self) -> list[str]:
        """What was done on the camera platform, in order."""
        return [w.kind.value for w in self.sent if w.kind not in (ActKind.MESSAGE, ActKind.MAIL)]

    def mails(self) -> list[str]:
        return [w.key for w in self.sent if w.kind is ActKind.MAIL]

    def begin(self) -> Self:
        """Everybody does their part, from the order to an e-tillsyn that runs."""
        if not self.orders:
            self.order()
        self.go()
        assert self.execute().prepare().go().phase is Phase.ACTIVE
        return self

    def finish(self) -> Decision:
        """The authority ends it, the alarm team collects, the coordinator closes."""
        self.set_decision(deleted=True).go()
        self.noted(Signal.EQUIPMENT_COLLECTED).go()
        for number, execution in list(self.executions.items()):
            self.executions[number] = replace(execution, last_day=self.today)
        decision = self.go()
        assert (decision.phase, decision.balanced) == (Phase.CLOSED, True), decision
        return decision
