"""How pauses are told: ahead, at once, and when they end.

A letter says what was seen. While a pause is called for and not yet seen, the letter says that it shall be. It waits a
minute first, so that usually the pause is done before the letter is written.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from adapter.domain.already_told import ALARM_TEAM, AUTHORITY, COORDINATOR
from adapter.domain.by_hand import unseen_stop
from adapter.domain.calendar import is_working_day, working_days_after
from adapter.domain.facts import Signal
from adapter.domain.ledger import SCHEDULE_KINDS, Act, ScheduleStatus, What
from adapter.domain.routine import ASSIGNMENT_IN, ASSIGNMENT_OUT, Letter, Role
from adapter.domain.schedule import boundaries, camera_is_down, pause_causes
from adapter.domain.situation import Situation
from adapter.domain.wall_clock import local_date
from adapter.domain.wanted_messages import WantedMessages

_ACT_FIRST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Pause:
    """The readers of the letters about a cause. ``mends``: who can mend it, and is reminded; None if nobody can. The
    letter that tells of it, and the letter that tells that it is gone."""

    readers: tuple[str, ...]
    mends: Role | None
    began: Letter = Letter.PAUSED
    gone: Letter = Letter.RESUMED


_BOTH, _OWN = (COORDINATOR, AUTHORITY), (COORDINATOR,)
_HOME = (COORDINATOR, ALARM_TEAM)

PAUSES: dict[str, Pause] = {
    "deceased": Pause(_HOME, None, Letter.DECEASED, Letter.DEATH_CORRECTED),
    "consent_withdrawn": Pause((AUTHORITY, COORDINATOR), Role.AUTHORITY, Letter.CONSENT_WITHDRAWN),
    "order_held": Pause(_HOME, None, Letter.ON_HOLD, Letter.HOLD_OVER),
    "order_gone": Pause(_BOTH, Role.AUTHORITY),
    "decision_gone": Pause(_BOTH, Role.AUTHORITY),
    "will_not_be_executed": Pause(_BOTH, Role.AUTHORITY),
    "dates_contradict": Pause(_BOTH, Role.AUTHORITY),
    "no_decision": Pause(_BOTH, Role.AUTHORITY),
    "execution_gone": Pause(_BOTH, Role.COORDINATOR),
    "execution_over": Pause(_BOTH, Role.COORDINATOR),
    "equipment_collected": Pause(_OWN, Role.COORDINATOR),
    "not_executed": Pause(_OWN, Role.COORDINATOR),
    "evidence_lost": Pause(_OWN, Role.COORDINATOR),
    "absence_gone": Pause(_OWN, Role.COORDINATOR),
    "client_gone": Pause(_OWN, Role.COORDINATOR),
    "between_decisions": Pause(_OWN, None),
    "not_begun": Pause(_OWN, None),
}
"""Every cause of a pause but a planned absence, which surprises nobody."""

_EARLY = frozenset({"deceased", "consent_withdrawn", "order_held"})
"""Causes that are told before anything is scheduled too."""


def pauses(w: WantedMessages) -> None:
    """Tell of each pause, and of its end, once each time it happens. After a death nothing else is told."""
    s, causes = w.s, told_causes(w.s)
    if s.mandate.over and s.facts.client.value.deceased and not camera_is_down(s):
        causes = ("deceased",)
    for cause, pause in PAUSES.items():
        for to in pause.readers:
            topic = f"pause:{cause}:{to}"
            last = w.told.topic(topic)
            told = last is not None and last.what["letter"] == pause.began
            common: What = {"cause": cause, "scheduled": s.live is not None}
            if cause in causes:
                asked = w.told.last(to, Letter.RECEIVED, Letter.RENEWED, *ASSIGNMENT_IN, *ASSIGNMENT_OUT)
                early = cause in _EARLY and (cause == "consent_withdrawn" or asked)
                if (s.live or early) and not (last and told and _is_same(s, cause, last)):
                    since = s.evidence.withdrawn.at.isoformat() if s.evidence.withdrawn else None
                    w.urgent(topic, pause.began, to, {**common, "since": since, "paused": _is_paused(s)}, _act_first(s))
            elif told and _concerns(s, cause) and _is_over(s, cause):
                w.urgent(topic, pause.gone, to, {**common, "over": s.mandate.over})
    _at_night(w, causes)
    _ahead(w, causes)


def told_causes(s: Situation) -> tuple[str, ...]:
    """The causes that are told, the gravest first."""
    causes = () if s.mandate.over else tuple(c for c in pause_causes(s) if c in PAUSES)
    return tuple(c for c in causes if c == "deceased" or not s.facts.client.value.deceased)


def _concerns(s: Situation, cause: str) -> bool:
    """After the end only a death still matters, while somebody may go to the home for the camera."""
    return not s.mandate.over or (cause == "deceased" and not camera_is_down(s))


def _is_paused(s: Situation) -> bool:
    return s.live is not None and s.live.status is ScheduleStatus.PAUSED


def _act_first(s: Situation) -> datetime | None:
    """When to tell of a pause that is called for, if it hasn't been seen by then."""
    stop = unseen_stop(s)
    return stop.since + _ACT_FIRST if stop else None


def _is_same(s: Situation, cause: str, told: Act) -> bool:
    """Whether the pause that was told is the same one. A new consent makes the next withdrawal news."""
    signed = s.evidence.newest.get(Signal.CONSENT_SIGNED)
    if cause != "consent_withdrawn" or signed is None:
        return True
    return signed.at <= datetime.fromisoformat(str(told.what["since"]))


def _is_over(s: Situation, cause: str) -> bool:
    """A corrected death is told at once. The end of any other pause is told when e-tillsyn is seen to be active."""
    if cause == "deceased":
        return not s.facts.client.value.deceased
    if cause == "order_held":
        return True
    seen = not s.ledger.uncertain(SCHEDULE_KINDS)
    return seen and s.live is not None and s.live.status is ScheduleStatus.OPEN


def _at_night(w: WantedMessages, causes: tuple[str, ...]) -> None:
    """Tell those who work at night of a pause, by its gravest cause, and of its end."""
    last = w.told.topic("night")
    told = last is not None and last.what["mail"] == "night_paused"
    if causes and w.s.live and not told:
        w.night("night", "night_paused", {"cause": causes[0], "paused": _is_paused(w.s)}, _act_first(w.s))
    elif told and last and not causes and not w.s.mandate.over and _is_over(w.s, "any"):
        w.night("night", "night_resumed", {"cause": last.what["cause"]})


def _ahead(w: WantedMessages, causes: tuple[str, ...]) -> None:
    """Tell of a foreseen pause on the working day before it."""
    if not causes:
        for cause, day in foreseen(w.s):
            w.once(f"ahead:{cause}:{day}", Letter.PAUSE_AHEAD, COORDINATOR, cause=cause, when=day)


def foreseen(s: Situation) -> list[tuple[str, str]]:
    """The first pause that today's facts call for until the next working day: (cause, ISO date)."""
    if s.live is None or s.mandate.over or not is_working_day(s.today, s.policy):
        return []
    until = working_days_after(s.today, 1, s.policy)
    days = sorted({local_date(at, s.policy.zone) for at in boundaries(s) if at > s.now})
    found = [(told_causes(s.tonight(day)), day) for day in days if s.today < day <= until]
    return [(causes[0], day.isoformat()) for causes, day in found if causes][:1]
