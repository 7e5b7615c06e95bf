"""Where the case leaves the routine. The coordinator is told after a grace, or on the working day before it happens."""

from datetime import date, datetime

from adapter.domain.already_told import ALARM_TEAM, COORDINATOR
from adapter.domain.calendar import working_day_before
from adapter.domain.facts import Signal
from adapter.domain.pauses import told_causes
from adapter.domain.routine import ASSIGNMENT_IN, Letter
from adapter.domain.schedule import NOT_BEGUN, not_noted
from adapter.domain.situation import Situation
from adapter.domain.wall_clock import day_end, day_start
from adapter.domain.wanted_messages import WantedMessages

_LETTERS = {
    "not_executed": (Letter.NOT_EXECUTED, "signal"),
    "no_consent": (Letter.NO_CONSENT, "missing"),
    "contradiction": (Letter.CONTRADICTION, "signal"),
}


def deviations(s: Situation) -> list[tuple[str, str, datetime, str]]:
    """What differs from the routine now: (code, id of what shows it, since when, detail)."""
    found: list[tuple[str, str, datetime, str]] = []
    period = s.period
    papers = [n for n in (s.evidence.consent, s.evidence.liability, s.evidence.ready) if n]
    if papers and period is not None and not period.executed and not s.ledger.ever_scheduled:
        shown = min(papers, key=lambda n: (n.at, n.id))
        found.append(("not_executed", period.order_id, shown.at, shown.signal.value))
    ready, missing = s.evidence.ready, s.evidence.papers_missing or next(iter(not_noted(s)), None)
    if ready and missing and not s.evidence.withdrawn and not s.live:
        found.append(("no_consent", ready.id, ready.at, missing))
    asked = s.told.last(ALARM_TEAM, *ASSIGNMENT_IN)
    collected = None if s.live else s.evidence.collected  # if e-tillsyn runs, this pauses it, and the pause is told
    for note in (collected, s.evidence.newest.get(Signal.PICKUP_BOOKED)):
        if note and asked and note.at > asked.created_at:
            found += [("contradiction", note.id, note.at, note.signal.value)]
    return found


def booked_unexecuted(s: Situation) -> date | None:
    """The day, today or later, on which the camera is to be installed though the order isn't executed (I10). None if
    that can't be known now, if something else must be mended first, or if the camera is up already."""
    booked, period = s.evidence.booked, s.period
    if booked is None or booked.day is None or booked.day < s.today or period is None or period.executed:
        return None
    unsure = {"orders", "executions"} & set(s.facts.stale) or set(told_causes(s)) - NOT_BEGUN
    return None if unsure or s.evidence.installed or s.mandate.over else booked.day


def tell_deviations(w: WantedMessages) -> None:
    """Tell each deviation once its grace is over. Tell from the working day before a booked installation, once for each
    booked day, that the order isn't executed."""
    s = w.s
    for code, shown_by, at, detail in deviations(s):
        w.wakes.append(at + s.policy.deviation_grace)
        if s.now >= at + s.policy.deviation_grace:
            letter, field = _LETTERS[code]
            w.once(f"{code}:{shown_by}", letter, COORDINATOR, **{field: detail})
    day, zone = booked_unexecuted(s), s.policy.zone
    if day is not None:
        before = working_day_before(day, s.policy)
        w.wakes += [day_start(before, zone), day_end(day, zone)]
        if s.today >= before:
            w.once(f"installed_soon:{day.isoformat()}", Letter.INSTALLED_SOON, COORDINATOR, when=day.isoformat())
