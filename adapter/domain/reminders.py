"""Reminders and escalations: of steps, of pauses that somebody must mend, and of what can only be asked about.

One mail for each level of lateness, and only for the level that is reached now. Nobody is reminded of what can't be
done, or must not be asked for.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from adapter.domain.already_told import ALARM_TEAM, COORDINATOR, NIGHT
from adapter.domain.calendar import months_after
from adapter.domain.checklist import awaited_since, plan_of
from adapter.domain.decision import StepView
from adapter.domain.ledger import What
from adapter.domain.policy import Lateness
from adapter.domain.routine import ASSIGNMENT_OUT, Letter, Role
from adapter.domain.schedule import (
    absence_bounds,
    camera_is_down,
    nowhere_to_note,
    pause_causes,
    standing_absences,
)
from adapter.domain.situation import Situation
from adapter.domain.unwatched import awaited_pauses, away_since, lateness
from adapter.domain.wall_clock import day_start, local_date
from adapter.domain.wanted_messages import WantedMessages

ESCALATION = "escalation"
_REVIEW = Lateness(0, 20, 40)
"""Working days after the day on which a consent is to be reviewed."""
_FOLLOW_UP_AHEAD = timedelta(days=7)
_CAMERA_LEFT = Lateness(20, 40, 60)
"""Working days until the alarm team's manager is asked, mildly, about a camera left in the home of somebody who
died."""


def remind(w: WantedMessages, steps: tuple[StepView, ...]) -> tuple[StepView, ...]:
    """Mail about all that is late. Returns ``steps`` with how late each is."""
    told = tuple(_step(w, view) for view in steps)
    for pause in awaited_pauses(w.s):
        if pause.role and pause.since:
            role = pause.role.value
            _late(w, pause.cause, pause.since, {"mail": "pause_reminder", "to": role, "cause": pause.cause})
    _camera_left(w)
    _nowhere(w)
    _absence(w)
    _consent(w)
    _plan(w)
    return told


def _late(w: WantedMessages, name: str, since: datetime, what: What, patience: Lateness | None = None) -> int:
    """How late it is. Wants the mail about it, if one is due. From level 3 on it goes to the manager."""
    level, rises = lateness(w.s, name, since, patience)
    w.wakes += [rises] if rises else []
    if level:
        day = local_date(since, w.s.policy.zone).isoformat()
        responsible = level >= 3
        mail = "escalation" if responsible and what["mail"] == "reminder" else what["mail"]
        to = ESCALATION if responsible else what["to"]
        due: What = {"mail": mail, "to": to, "role": what["to"], "since": day, "level": level}
        w.mail(f"late:{name}:{day}:{level}", {**what, **due})
    return level


def _step(w: WantedMessages, view: StepView) -> StepView:
    s, since = w.s, awaited_since(view)
    if since is None or not _is_reminded(s, view):
        return view
    by_night = view.id == "I12" and s.policy.plans_by_night and s.policy.has_night_mailbox(s.unit)
    what: What = {"mail": "reminder", "to": NIGHT if by_night else view.role.value, "step": view.id}
    return replace(view, late=_late(w, view.id, since, what))


def _is_reminded(s: Situation, view: StepView) -> bool:
    """Steps of a paused case, and what concerns a dead person, are not reminded of. Nor is a note that can't be written
    (LA7): without an execution before I10, that execution is reminded of first; at the end, A5 is asked about."""
    if s.mandate.over:
        return view.id == "A6" or not (s.facts.client.value.deceased or nowhere_to_note(s))
    return not _rests(s) and (s.evidence.executing or view.id in ("I10", "A1"))


def _rests(s: Situation) -> bool:
    """Whether the steps wait for something else: a pause that is reminded of by itself, the authority, or the person's
    return. Before the start nothing else counts, whatever was noted by mistake."""
    causes = set(pause_causes(s))
    if s.live is None:
        causes &= {"deceased", "order_held", "absence", *(pause.cause for pause in awaited_pauses(s))}
        long_since = s.now - timedelta(days=s.policy.open_absence_days)
        open_ones = [a for a in standing_absences(s.facts) if a.last_day is None]
        if any(absence_bounds(a, s.policy)[0] <= long_since for a in open_ones):
            causes -= {"absence"}
    return bool(causes)


def _camera_left(w: WantedMessages) -> None:
    s, told = w.s, w.told.last(ALARM_TEAM, *ASSIGNMENT_OUT, Letter.DECEASED)
    if s.facts.client.value.deceased and told and not camera_is_down(s):
        what: What = {"mail": "camera_left", "to": ESCALATION}
        _late(w, "camera_left", told.done_at or told.created_at, what, _CAMERA_LEFT)


def _nowhere(w: WantedMessages) -> None:
    """What can't be noted is asked about again and again, like a reminder."""
    s = w.s
    asked = next((a for a in w.told.acts if a.key == "parked:nowhere_to_note:A5"), None)
    if asked and nowhere_to_note(s) and not s.facts.client.value.deceased:
        what: What = {"mail": "parked", "to": COORDINATOR, "code": "nowhere_to_note", "step": "A5"}
        _late(w, "nowhere_to_note", asked.done_at or asked.created_at, what, s.policy.late.get("A5"))


def _consent(w: WantedMessages) -> None:
    """Ask about an old consent (LA14) until somebody notes it anew."""
    s = w.s
    consent, months = s.evidence.consent, s.policy.consent_review_months
    if consent and months and s.live and not s.mandate.over and not s.facts.client.value.deceased:
        signed = local_date(consent.at, s.policy.zone)
        due = day_start(months_after(signed, months), s.policy.zone)
        what: What = {"mail": "consent_review", "to": COORDINATOR, "signed": signed.isoformat()}
        _late(w, "consent_review", due, what, _REVIEW)


def _plan(w: WantedMessages) -> None:
    """Tell once, a week ahead, of the day on which the plan is to be followed up (LA13)."""
    s = w.s
    plan = plan_of(s) if s.policy.plans and s.live and not s.mandate.over else None
    if plan is None or plan.follow_up is None or s.facts.client.value.deceased:
        return
    ahead = day_start(plan.follow_up - _FOLLOW_UP_AHEAD, s.policy.zone)
    w.wakes.append(ahead)
    if s.now >= ahead:
        day = plan.follow_up.isoformat()
        w.mail(f"plan_follow_up:{plan.id}:{day}", {"mail": "plan_follow_up", "to": COORDINATOR, "when": day})


def _absence(w: WantedMessages) -> None:
    """Ask again and again about an absence that nobody ends."""
    s = w.s
    since, days = away_since(s), timedelta(days=s.policy.open_absence_days)
    if since is None or not days:
        return
    times = (s.now - since) // days
    w.wakes.append(since + days * (times + 1))
    if times:
        day = local_date(since, s.policy.zone).isoformat()
        what: What = {"mail": "absence", "to": Role.COORDINATOR.value, "since": day}
        w.mail(f"absence:{day}:{times}", what)
