"""What the authority has said: from when to when supervision is granted, and whether it is over (A1, P3).

A period is what one camera service of one order grants: the days that decision, order and service have in common.
Periods with at most ``renewal_gap_days`` between them are one run: the camera stays. Only explicit words end a run: a
date, a status, or ``deleted``. What vanished or contradicts itself *holds*: supervision is paused, and that is told.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from adapter.domain.facts import AuthorityDecision, Execution, Facts, Order, OrderStatus, ServiceKind, ServiceLine
from adapter.domain.ledger import ActKind, Ledger
from adapter.domain.nights import Granted, Weekday
from adapter.domain.wall_clock import day_after


@dataclass(frozen=True, slots=True)
class Period:
    """Days on which supervision is granted, both included; ``last`` is None if it is open. ``executed``: I10 is done.
    ``holds``: causes to pause that aren't the authority's end."""

    order_id: str
    decision_id: int
    first: date
    last: date | None
    ends_by: str
    execution: Execution | None
    executed: bool
    unit_id: int | None
    granted: Granted | None
    ordered: date
    holds: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether supervision may rest on it."""
        return self.executed and not self.holds

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Mandate:
    """``run``: the current periods, sorted by their first day. ``next_first``: the first day of the next run. ``over``:
    the authority has ended it (A1), by ``over_by`` (``decision_ended``, ``order_ended``, ``service_ended``,
    ``decision_deleted``, ``order_withdrawn``). ``faults``: codes of why a period can't be known. ``later``: orders that
    begin after a gap too long to keep the camera."""

    run: tuple[Period, ...]
    over: bool
    over_by: str | None
    faults: tuple[tuple[str, str], ...]
    later: tuple[str, ...]
    executions: tuple[Execution, ...]
    next_first: date | None = None

    @property
    def last_day(self) -> date | None:
        """The run's last day; None if it is open or there is no run."""
        lasts = [p.last for p in self.run]
        return None if None in lasts else max((day for day in lasts if day), default=None)

    def in_force(self, day: date) -> Period | None:
        """The period that covers the day. A sound one is preferred, then an executed one, then the newest."""
        covering = [p for p in self.run if p.covers(day)]
        return max(covering, key=lambda p: (p.sound, p.executed, p.ordered, p.first, p.order_id), default=None)

    def granted(self, day: date) -> Granted | None:
        """What was granted on the day, or when the next period begins. All lines of the order are added up."""
        period = self.at_or_after(day)
        if period is None:
            return None
        on = max(day, period.first)
        lines = [p.granted for p in self.run if p.order_id == period.order_id and p.covers(on)] or [period.granted]
        if any(g is None or g.per_night is None for g in lines):
            return lines[0] if len(lines) == 1 else None
        nights = [g.nights for g in lines if g]
        together = None if None in nights else frozenset[Weekday]().union(*(n for n in nights if n))
        return Granted(sum(g.per_night for g in lines if g and g.per_night is not None), together)

    def turns(self, day: date) -> list[date]:
        """The days after ``day`` on which another period may be the one in force."""
        days = {p.first for p in self.run} | {day_after(p.last) for p in self.run if p.last}
        return sorted(turn for turn in days if turn > day)

    def holds(self, day: date) -> tuple[str, ...]:
        """Causes to pause that aren't the authority's end. An order that was replaced by another holds up nothing."""
        period = self.at_or_after(day)
        return period.holds if period and not self.over else ()

    def at_or_after(self, day: date) -> Period | None:
        """The period in force on the day, else the next to come, else the last there was."""
        coming = [p for p in self.run if p.first > day]
        return self.in_force(day) or (coming[0] if coming else (self.run[-1] if self.run else None))

    def covered_until(self, day: date) -> date | None:
        """The last day of sound periods that follow ``day`` without a gap; None if it is open. A sound period must be
        in force on the day."""
        until = day
        for period in (p for p in self.run if p.sound):
            if (period.first - until).days <= 1:
                if period.last is None:
                    return None
                until = max(until, period.last)
        return until


def rested_on(ledger: Ledger) -> frozenset[str]:
    """Orders on which e-tillsyn was scheduled (I11 is done)."""
    orders = set(ledger.schedule.orders) if ledger.schedule else set()
    for act in ledger.counting(ActKind.CREATE, ActKind.CHANGE):
        orders |= {*act.listed("orders")}
    return frozenset(orders)


def read_mandate(facts: Facts, ledger: Ledger, told: Collection[str], today: date, renewal_gap_days: int) -> Mandate:
    """``told``: orders that a unit was told of. They keep counting, whatever their status becomes."""
    reader = _Reader(facts, rested_on(ledger), today)
    for order in sorted(facts.orders.value, key=lambda o: (o.order_date, o.id)):
        begun = order.status is not OrderStatus.REGISTERED or order.id in reader.rested or order.id in told
        if order.id in facts.chain and order.is_camera and begun:
            reader.take(order)
    run, later, next_first = _run(reader.periods, today, renewal_gap_days)
    alive = any(p.last is None or p.last >= today for p in run)
    over = bool(reader.ended or run) and not alive and not reader.faults
    last = max(run, key=lambda p: p.last or date.max) if run else None
    over_by = None if not over else last.ends_by if last else reader.ended[-1]
    chained = {o.execution_id for o in facts.orders.value if o.id in facts.chain}
    return Mandate(
        run=run,
        over=over,
        over_by=over_by,
        faults=tuple(dict.fromkeys(reader.faults)),
        later=later,
        executions=tuple(e for e in facts.executions.value if e.id in chained),
        next_first=next_first,
    )


def _run(periods: list[Period], today: date, gap: int) -> tuple[tuple[Period, ...], tuple[str, ...], date | None]:
    """The run that counts today: the last that has begun, else the first to come. Then the orders of later runs, and
    when the next of those begins."""
    runs: list[list[Period]] = []
    for period in sorted(periods, key=lambda p: (p.first, p.order_id)):
        ends = [p.last for p in runs[-1]] if runs else []
        if runs and (None in ends or (period.first - max(d for d in ends if d)).days <= gap):
            runs[-1].append(period)
        else:
            runs.append([period])
    if not runs:
        return (), (), None
    at = max((i for i, run in enumerate(runs) if run[0].first <= today), default=0)
    current = {p.order_id for p in runs[at]}
    later = dict.fromkeys(p.order_id for r in runs[at + 1 :] for p in r if p.order_id not in current)
    return tuple(runs[at]), tuple(later), runs[at + 1][0].first if runs[at + 1 :] else None


class _Reader:
    """Makes of each camera service of the case's orders a period, an end, a hold or a fault."""

    def __init__(self, facts: Facts, rested: frozenset[str], today: date) -> None:
        self.rested = rested
        self.today = today
        self.decisions = {d.id: d for d in facts.decisions.value}
        self.executions = {e.id: e for e in facts.executions.value}
        self.periods: list[Period] = []
        self.ended: list[str] = []
        self.faults: list[tuple[str, str]] = []

    def take(self, order: Order) -> None:
        after_start = order.id in self.rested
        if order.status is OrderStatus.WILL_NOT_BE_EXECUTED and not after_start:
            self.ended.append("order_withdrawn")
            return
        for line in order.lines:
            if line.kind is ServiceKind.CAMERA:
                self._take_line(order, line, after_start)

    def _take_line(self, order: Order, line: ServiceLine, after_start: bool) -> None:
        decision = self.decisions.get(line.decision_id) if line.decision_id is not None else None
        if decision is None:
            self.faults.append(("order_without_decision", order.id))
            return
        if decision.deleted:
            self.ended.append("decision_deleted")
            return
        if any(_upside_down(x.first_day, x.last_day) for x in (decision, order, line)):
            self.faults.append(("end_before_start", order.id))
            return
        first = max((d for d in (decision.first_day, order.first_day, line.first_day) if d), default=order.order_date)
        last, ends_by = _ends_by(order, line, decision)
        if last is not None and last < first:
            self.ended.append(ends_by)
            return
        execution = self.executions.get(order.execution_id) if order.execution_id is not None else None
        unit = execution.unit_id if execution and execution.unit_id is not None else order.unit_id
        executed = order.status is OrderStatus.ACCEPTED and execution is not None and execution.current(self.today)
        if execution and execution.first_day and last and last < execution.first_day:
            executed = False
        holds = tuple(self._holds(order, decision, execution, after_start))
        self.periods.append(
            Period(
                order.id,
                decision.id,
                first,
                last,
                ends_by,
                execution,
                executed,
                unit,
                line.granted,
                order.order_date,
                holds,
            )
        )

    def _holds(
        self, order: Order, decision: AuthorityDecision, execution: Execution | None, after_start: bool
    ) -> Iterator[str]:
        """What vanished. After the start also what the provider did alone (LA8)."""
        if order.gone:
            yield "order_gone"
        if decision.gone:
            yield "decision_gone"
        if not after_start:
            if order.status is OrderStatus.REGISTERED:
                yield "order_held"
            return
        if order.status is OrderStatus.WILL_NOT_BE_EXECUTED:
            yield "will_not_be_executed"
        elif execution is None or execution.gone or execution.deleted:
            yield "execution_gone"
        elif not execution.current(self.today):
            yield "execution_over"


def _upside_down(first: date | None, last: date | None) -> bool:
    return first is not None and last is not None and last < first


def _ends_by(order: Order, line: ServiceLine, decision: AuthorityDecision) -> tuple[date | None, str]:
    """The earliest of A1's dates, and which of them it is."""
    ends = [
        (day, by)
        for day, by in (
            (decision.last_day, "decision_ended"),
            (order.last_day, "order_ended"),
            (line.last_day, "service_ended"),
        )
        if day is not None
    ]
    return min(ends, key=lambda end: end[0]) if ends else (None, "decision_ended")
