"""What the notes and the person's other services show: which steps are done, and by what evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from adapter.domain.facts import Facts, Note, Order, OrderStatus, ServiceKind, ServiceLine, Signal
from adapter.domain.ledger import ActKind, Ledger
from adapter.domain.nights import Granted, NightTimes, NightWindow, TimesProblem, check_granted
from adapter.domain.times_grammar import parse_times


@dataclass(frozen=True, slots=True)
class Evidence:
    """``newest`` holds the newest note of each signal. ``times`` are the agreed ones, by ``times_note``;
    ``times_problem`` says why the newest ones can't be used. ``keys`` is ``needed``, ``other_services`` or ``alarm``
    (I6). ``executing``: the person has an execution on which a note can be written (LA7)."""

    newest: dict[Signal, Note]
    consent: Note | None
    withdrawn: Note | None
    liability: Note | None
    ready: Note | None
    collected: Note | None
    times: NightTimes | None
    times_note: Note | None
    refused_note: Note | None
    times_problem: TimesProblem | None
    keys: str
    executing: bool
    installed: bool

    @property
    def booked(self) -> Note | None:
        return self.newest.get(Signal.INSTALLATION_BOOKED)

    @property
    def papers_missing(self) -> str | None:
        """``consent``, ``liability``, ``both``, or None where both papers are signed (I8)."""
        if self.consent and self.liability:
            return None
        if not self.consent and not self.liability:
            return "both"
        return "liability" if self.consent else "consent"


def read_evidence(
    facts: Facts, ledger: Ledger, grants: Sequence[Granted], window: NightWindow, today: date, first_day: date
) -> Evidence:
    """``grants`` are what is granted now, and by each period to come; ``first_day`` is the camera's first."""
    newest = _newest(facts.notes.value)
    signed, withdrawn = newest.get(Signal.CONSENT_SIGNED), newest.get(Signal.CONSENT_WITHDRAWN)
    if signed and withdrawn and signed.at > withdrawn.at:
        withdrawn = None
    running = ledger.schedule.times if ledger.schedule else None
    scheduled = ledger.schedule is not None or bool(ledger.counting(ActKind.CREATE))
    times, times_note, refused_note, problem = _times(facts.notes.value, grants, window, running)
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
        times=times,
        times_note=times_note,
        refused_note=refused_note,
        times_problem=problem,
        keys=keys_needed(facts, first_day),
        executing=any(e.current(today) for e in facts.executions.value),
        installed=scheduled or any((signed, liability, ready)),
    )


def _newest(notes: Iterable[Note]) -> dict[Signal, Note]:
    newest: dict[Signal, Note] = {}
    for note in sorted(notes, key=lambda n: (n.at, n.id)):
        newest[note.signal] = note
    return newest


def _times(
    notes: Iterable[Note], grants: Sequence[Granted], window: NightWindow, running: NightTimes | None
) -> tuple[NightTimes | None, Note | None, Note | None, TimesProblem | None]:
    """The newest note of times counts, and no older one. Where it can't be used, supervision that runs goes on by the
    times it has: it isn't stopped for a misspelt note, and never started by an outdated one. Times that only a period
    to come grants wait for it."""
    told = [n for n in notes if n.signal in (Signal.TIMES_AGREED, Signal.TIMES_CHANGED)]
    if not told:
        return None, None, None, None
    note = max(told, key=lambda n: (n.at, n.id))
    if note.by is not None:
        # Declared by hand, without a text: the times are those that are scheduled already.
        return running, note if running else None, None, None
    parsed = parse_times(note.text, window)
    problem = parsed if isinstance(parsed, TimesProblem) else check_granted(parsed, grants[0])
    if isinstance(parsed, NightTimes) and problem is None:
        return parsed, note, None, None
    if isinstance(parsed, NightTimes) and any(check_granted(parsed, grant) is None for grant in grants[1:]):
        return running, note, None, None
    return running, note if running else None, note, problem


def keys_needed(facts: Facts, today: date) -> str:
    """I6: keys are needed if and only if no other service is in force; an alarm always means no."""
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
