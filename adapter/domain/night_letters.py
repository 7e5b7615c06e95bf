"""What is told of a case's looks: at once, in the morning, and when a camera doesn't answer.

The ledger has what was told of each look. A look that was told as not done, and turns out to be done, is corrected.
"""

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from adapter.domain.already_told import ALARM_TEAM, COORDINATOR, NIGHT
from adapter.domain.ledger import Look, What
from adapter.domain.night_watch import camera_silent, found_late, known_after, night_end, night_of
from adapter.domain.routine import Letter
from adapter.domain.schedule import may_look
from adapter.domain.situation import Situation
from adapter.domain.wall_clock import local_minute
from adapter.domain.wanted_messages import WantedMessages


def tell_looks(w: WantedMessages) -> None:
    """The letters and mails that the looks of the last nights call for. After a death nothing is told."""
    if not w.s.facts.client.value.deceased:
        _at_once(w)
        _in_the_morning(w)
        if w.s.live is not None and not w.s.mandate.over:
            _camera(w)


def look_key(n: int, due_at: datetime) -> str:
    """``look:1:20260302T2130Z``: by schedule and due time, for ever."""
    return f"look:{n}:{due_at:%Y%m%dT%H%MZ}"


def _at_once(w: WantedMessages) -> None:
    """Tell those who work at night of each look that was not done, in quiet hours too, and correct it later if needed.
    The looks of an outage are told together when it is over, by ``engine.look_reader``."""
    policy = w.s.policy
    for look in _entitled(w.s.ledger.looks):
        topic = look_key(look.n, look.due_at)
        last = w.told.topic(topic)
        told = last is not None and last.what["mail"] == "look_missed"
        if look.not_done and not told and not found_late(look, known_after(policy), policy.zone):
            _mail(w, topic, "look_missed", look, {"may_look": may_look(w.s)})
        elif look.done and told:
            _mail(w, topic, "look_done", look, {})


def _mail(w: WantedMessages, topic: str, mail: str, look: Look, more: What) -> None:
    s = w.s
    to = NIGHT if s.policy.has_night_mailbox(w.unit) else COORDINATOR
    due: What = {"due": _local(s, look.due_at), "outcome": look.outcome.value}
    what: What = {"unit": w.unit, "mail": mail, "to": to, **due, **more}
    w.urgent_mail(topic, what)


def _in_the_morning(w: WantedMessages) -> None:
    """One letter to the coordinator for each night: which looks were missed, and what came of it. Later: what
    changed."""
    s = w.s
    nights: dict[date, list[Look]] = {}
    for look in _entitled(s.ledger.looks):
        nights.setdefault(night_of(look.due_at, s.policy.window, s.policy.zone), []).append(look)
    for night, its_looks in sorted(nights.items()):
        open_ones = [look for look in its_looks if look.judged_at is None]
        end = night_end(night, s.policy.window, s.policy.zone)
        w.wakes += [] if all(look.done for look in its_looks) else [end, end + known_after(s.policy)]
        if s.now < end + (known_after(s.policy) if open_ones else timedelta(0)):
            continue
        topic = f"looks_of:{night.isoformat()}"
        last = w.told.topic(topic)
        before = json.loads(str(last.what["looks"])) if last is not None else []
        named = {at for at, _ in before}
        rows = [[_local(s, look.due_at), look.outcome.value] for look in its_looks]
        rows = [row for row, look in zip(rows, its_looks, strict=True) if look.not_done or row[0] in named]
        if rows and rows != before:
            missed = max((look.due_at for look in its_looks if look.not_done), default=None)
            after = next((look.due_at for look in its_looks if look.done and missed and look.due_at > missed), None)
            fields: What = {"night": night.isoformat(), "looks": json.dumps(rows), "next_done": _local(s, after)}
            w.topical(topic, Letter.LOOKS_CORRECTED if before else Letter.LOOKS_MISSED, COORDINATOR, **fields)


def _camera(w: WantedMessages) -> None:
    """A camera that was offline twice in a row: see to it, and have the looks done on the spot. And when it is back."""
    s = w.s
    judged = [look for look in _entitled(s.ledger.looks) if look.judged_at]
    silent = camera_silent(judged)
    for to in (COORDINATOR, ALARM_TEAM):
        topic = f"camera:{to}"
        last = w.told.topic(topic)
        told = last is not None and last.what["letter"] == Letter.CAMERA_OFFLINE
        if silent and not told:
            since: What = {"since": _local(s, judged[-2].due_at)}
            if to == COORDINATOR:
                w.urgent(topic, Letter.CAMERA_OFFLINE, to, since)
            else:
                w.topical(topic, Letter.CAMERA_OFFLINE, to, **since)
        elif told and judged and judged[-1].done:
            w.topical(topic, Letter.CAMERA_ONLINE, to, since=_local(s, judged[-1].due_at))


def _entitled(looks: Iterable[Look]) -> list[Look]:
    return sorted((look for look in looks if look.entitled), key=lambda look: (look.due_at, look.n))


def _local(s: Situation, at: datetime | None) -> str | None:
    return local_minute(at, s.policy.zone) if at else None
