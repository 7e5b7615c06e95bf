"""Stops that were called for and not seen at the camera platform: a pause, an end, or a nearer last day. Until one is
seen, somebody could still look. After a while, or once the platform refuses it, somebody must do it by hand."""

from dataclasses import dataclass
from datetime import date, datetime

from adapter.domain.already_told import COORDINATOR
from adapter.domain.ledger import SCHEDULE_KINDS, ActKind, ActState, ScheduleRecord, ScheduleStatus, What
from adapter.domain.routine import Letter
from adapter.domain.schedule import later, next_step
from adapter.domain.situation import Situation
from adapter.domain.wall_clock import local_minute
from adapter.domain.wanted_messages import WantedMessages

_STOPS = frozenset({ActKind.PAUSE, ActKind.END, ActKind.CHANGE})
_WAITS = frozenset({ActState.PENDING, ActState.SENDING, ActState.UNKNOWN, ActState.PARKED})


@dataclass(frozen=True, slots=True)
class Stop:
    """``kind`` has been called for on schedule ``n`` since ``since`` (UTC) and hasn't been seen. ``last_day`` is the
    one to set. ``refused``: it will not be tried again. ``open``: somebody could still look."""

    kind: ActKind
    n: int
    since: datetime
    last_day: str | None
    refused: bool
    open: bool

    def is_overdue(self, s: Situation) -> bool:
        return self.refused or (self.open and s.now >= self.since + s.policy.by_hand_after)


def unseen_stop(s: Situation) -> Stop | None:
    """The stop that is called for and hasn't been seen. None if nothing is to be stopped, or it is done."""
    live, step = s.live, next_step(s)
    if live is None or step is None or step.kind not in _STOPS:
        return None
    last_day = step.what.get("valid_to")
    if step.kind is ActKind.CHANGE and not (last_day and later(live.valid_to, date.fromisoformat(str(last_day)))):
        return None
    acts = [a for a in s.ledger.acts if a.kind is step.kind and a.what.get("n") == live.n]
    waits = [a for a in acts if a.state in _WAITS]
    since = waits[0].created_at if waits else s.now
    for act in reversed(acts):  # answered with yes but without effect: it is still called for
        if act.state is ActState.DONE and act.done_at and since - act.done_at <= s.policy.by_hand_after:
            since = min(since, act.created_at)
    refused = bool(waits) and waits[-1].state is ActState.PARKED
    return Stop(step.kind, live.n, since, str(last_day) if last_day else None, refused, _could_look(live, s.today))


def _could_look(live: ScheduleRecord, today: date) -> bool:
    return live.status is ScheduleStatus.OPEN and not (live.valid_to and live.valid_to < today)


def tell_by_hand(w: WantedMessages) -> None:
    """Ask for it to be done by hand now, and tell when it is seen at last. Letter and night mail are counted apart: if
    one can't be sent, the other must not be sent again."""
    s, stop = w.s, unseen_stop(w.s)
    w.wakes += [stop.since + s.policy.by_hand_after] if stop else []
    for topic, field in (("by_hand", "letter"), ("night_by_hand", "mail")):
        last = w.told.topic(topic)
        asked = last.what if last is not None and last.what[field] == Letter.BY_HAND.value else None
        if stop and stop.is_overdue(s):
            what: What = {"op": stop.kind.value, "n": stop.n, "last_day": stop.last_day}
            if asked is None or any(asked[key] != value for key, value in what.items()):
                how: What = {
                    "since": local_minute(stop.since, s.policy.zone),
                    "refused": stop.refused,
                    "open": stop.open,
                }
                _tell(w, topic, Letter.BY_HAND, {**what, **how})
        elif asked is not None and stop is None and not s.ledger.uncertain(SCHEDULE_KINDS):
            done: What = {key: asked[key] for key in ("op", "n", "last_day")}
            _tell(w, topic, Letter.BY_HAND_DONE, {**done, "done": _has_effect(s, asked)})


def _tell(w: WantedMessages, topic: str, letter: Letter, what: What) -> None:
    if topic == "by_hand":
        w.urgent(topic, letter, COORDINATOR, what)
    else:
        w.night(topic, letter.value, what)


def _has_effect(s: Situation, asked: What) -> bool:
    live = s.live
    if live is None or live.n != asked["n"]:
        return True
    if asked["op"] == ActKind.CHANGE:
        return live.valid_to is not None and live.valid_to.isoformat() <= str(asked["last_day"])
    return asked["op"] == ActKind.PAUSE and live.status is ScheduleStatus.PAUSED
