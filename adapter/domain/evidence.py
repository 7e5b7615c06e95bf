"""What the notes and the person's other services show: which steps are done, and by what evidence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from adapter.domain.facts import Facts, Note, Order, OrderStatus, ServiceKind, ServiceLine, Signal
from adapter.domain.ledger import Ledger
from adapter.domain.nights import Granted, NightTimes, NightWindow, TimesProblem, check_granted
from adapter.domain.times_reading import Reading, read_times, settle

_TIMES = (Signal.TIMES_AGREED, Signal.TIMES_CHANGED)


Grants = Sequence[tuple[date, Granted]]


@dataclass(frozen=True, slots=True)
class Agreed:
    """The ``times`` that hold, and the ``note`` that says so. ``start``: the day from which they hold, if it is still
    to come. ``change``: the day on which others replace them. ``problem``: why the times of the newest note,
    ``refused``, can't be used."""

    times: NightTimes | None = None
    note: Note | None = None
    refused: Note | None = None
    problem: TimesProblem | None = None
    start: date | None = None
    change: date | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """``newest`` has the newest note of each signal. ``keys`` is ``needed``, ``other_services`` or ``alarm`` (I6).
    ``executing``: the person has an execution on which notes can be written (LA7)."""

    newest: dict[Signal, Note]
    consent: Note | None
    withdrawn: Note | None
    liability: Note | None
    ready: Note | None
    collected: Note | None
    agreed: Agreed
    keys: str
    executing: bool
    installed: bool

    @property
    def booked(self) -> Note | None:
        return self.newest.get(Signal.INSTALLATION_BOOKED)

    @property
    def papers_missing(self) -> str | None:
        """``consent``, ``liability`` or ``both``. None if both papers are signed (I8)."""
        if self.consent and self.liability:
            return None
        if not self.consent and not self.liability:
            return "both"
        return "liability" if self.consent else "consent"


def read_evidence(
    facts: Facts, ledger: Ledger, grants: Grants, window: NightWindow, today: date, first_day: date
) -> Evidence:
    """``grants``: what is granted today, and from each later day on which that may change, in order. ``first_day`` is
    the camera's first."""
    newest = _newest(facts.notes.value)
    signed, withdrawn = newest.get(Signal.CONSENT_SIGNED), newest.get(Signal.CONSENT_WITHDRAWN)
    if signed and withdrawn and signed.at > withdrawn.at:
        withdrawn = None
    running = ledger.schedule.times if ledger.schedule else None
    ready, collected = newest.get(Signal.READY_FOR_START), newest.get(Signal.EQUIPMENT_COLLECTED)
    if collected and any(n and n.at > collected.at for n in (ready, signed)):
        collected = None
    liability = newest.get(Signal.LIABILITY_SIGNED)
    return Evidence(
        newest=newest,
        consent=None if withdrawn else signed,
        withdrawn=withdrawn,
        liability=liability,
        ready=ready,
        collected=collected,
        agreed=_agreed(facts.notes.value, grants, window, running, today),
        keys=keys_needed(facts, first_day),
        executing=any(e.current(today) for e in facts.executions.value),
        installed=ledger.ever_scheduled or any((signed, liability, ready)),
    )


def _newest(notes: Iterable[Note]) -> dict[Signal, Note]:
    newest: dict[Signal, Note] = {}
    for note in sorted(notes, key=lambda n: (n.at, n.id)):
        newest[note.signal] = note
    return newest


def _agreed(
    notes: Iterable[Note], grants: Grants, window: NightWindow, running: NightTimes | None, today: date
) -> Agreed:
    """The newest note about times counts; older ones only for nights that it leaves as they were.

    If it can't be used, supervision that runs goes on with the times it has. A misspelt note stops nothing, and an
    outdated one starts nothing. Times are checked against what is granted on the day from which they hold. Times that
    only a coming period grants wait for it.
    """
    told = sorted((n for n in notes if n.signal in _TIMES), key=lambda n: (n.at, n.id))
    if not told:
        return Agreed()
    *older, note = told
    if note.by is not None:
        # Declared by hand, so without a text: the times are those already scheduled.
        return Agreed(running, note if running else None)
    held, held_by = _held(older, grants[0][1], window, running, today)
    reading = read_times(note.text, window, note.at.date())
    before = held or running
    problem = reading if isinstance(reading, TimesProblem) else None
    if isinstance(reading, Reading):
        times = settle(reading, before, changed=note.signal is Signal.TIMES_CHANGED)
        on = max(today, reading.start or today)
        granted = next((grant for first, grant in reversed(grants) if first <= on), Granted())
        problem = times if isinstance(times, TimesProblem) else check_granted(times, granted)
        coming = [grant for first, grant in grants if first > on]
        if problem and isinstance(times, NightTimes) and any(check_granted(times, grant) is None for grant in coming):
            return Agreed(running, note)
        if isinstance(times, NightTimes) and problem is None:
            return _from_its_day(Agreed(times, note), reading.start, held, held_by, running, today)
    return Agreed(running, note if running else None, note, problem)


def _held(
    older: list[Note], granted: Granted, window: NightWindow, running: NightTimes | None, today: date
) -> tuple[NightTimes | None, Note | None]:
    """The times that held before the newest note, by the last earlier note that could be used."""
    held, by = None, None
    for note in older:
        reading = read_times(note.text, window, note.at.date())
        times: NightTimes | TimesProblem | None = running if note.by is not None else None
        if note.by is None and isinstance(reading, Reading) and (reading.start is None or reading.start <= today):
            times = settle(reading, held or running, changed=note.signal is Signal.TIMES_CHANGED)
        if isinstance(times, NightTimes) and (times == running or check_granted(times, granted) is None):
            held, by = times, note
    return held, by


def _from_its_day(
    agreed: Agreed,
    start: date | None,
    held: NightTimes | None,
    held_by: Note | None,
    running: NightTimes | None,
    today: date,
) -> Agreed:
    """Times that hold from a coming day: until then the earlier ones hold, if there are any."""
    if start is None or start <= today:
        return agreed
    if running is not None and running != agreed.times:
        return Agreed(running, held_by or agreed.note, change=start)
    if held is not None and running is None:
        return Agreed(held, held_by, change=start)
    return replace(agreed, start=start)


def keys_needed(facts: Facts, today: date) -> str:
    """I6: keys are needed only if no other service is in force. An alarm always means no."""
    decisions = {d.id: d for d in facts.decisions.value}
    executions = {e.id: e for e in facts.executions.value}

    def in_force(order: Order, line: ServiceLine) -> bool:
        decision = decisions.get(line.decision_id) if line.decision_id is not None else None
        execution = executions.get(order.execution_id) if order.execution_id is not None else None
        return (
            order.status in (OrderStatus.SENT, OrderStatus.ACCEPTED)
            and not order.gone
            and all(_in_force(today, x.first_day, x.last_day) for x in (order, line, decision) if x)
            and not (decision and (decision.deleted or decision.gone))
            and (execution is None or execution.current(today))
        )

    kinds = {line.kind for order in facts.orders.value for line in order.lines if in_force(order, line)}
    if ServiceKind.ALARM in kinds:
        return "alarm"
    return "other_services" if ServiceKind.OTHER in kinds else "needed"


def _in_force(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)
