"""The nights as they go: which looks were due and what came of each, by what the camera platform lists (P12).

A look that was due is *judged* once it is known: as done, or as not done when it was missed, when the camera was
offline, or when nothing had come of it at its deadline. Until then it is open. What can't be read leaves looks open;
that nobody follows them is told by ``engine.night_watch``. All instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from adapter.domain.ledger import ScheduleRecord, ScheduleStatus
from adapter.domain.looks import local_date, looks
from adapter.domain.nights import NightWindow


class LookOutcome(StrEnum):
    """What came of a look. ``ABSENT``: the platform doesn't list it (yet), though our schedule calls for it."""

    OK = "ok"
    SECOND_TRY = "not_visible_then_ok"
    VISIT = "visit_dispatched"
    CAMERA_OFFLINE = "camera_offline"
    MISSED = "missed"
    PENDING = "pending"
    ABSENT = "absent"


DONE = frozenset({LookOutcome.OK, LookOutcome.SECOND_TRY, LookOutcome.VISIT})
UNDECIDED = frozenset({LookOutcome.PENDING, LookOutcome.ABSENT})
SAME_LOOK = timedelta(minutes=2)
"""How far the platform's ``dueAt`` may be from ours and still be the same look: clocks and rounding differ."""


@dataclass(frozen=True, slots=True)
class Look:
    """A look of the case's schedule number ``n``. ``judged_at`` is when it was first known as done or not done.
    ``entitled`` is False for a look that nobody had a right to: somebody looked while the schedule was paused or ended.
    ``id`` is the platform's own."""

    n: int
    due_at: datetime
    outcome: LookOutcome
    entitled: bool = True
    judged_at: datetime | None = None
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    id: str | None = None

    @property
    def done(self) -> bool:
        return self.outcome in DONE

    @property
    def not_done(self) -> bool:
        """Whether it is known that nobody looked."""
        return self.judged_at is not None and not self.done

    @property
    def looked(self) -> bool:
        """Whether somebody looked, whatever came of it."""
        return self.begun_at is not None or self.done


@dataclass(frozen=True, slots=True)
class Listed:
    """A supervision of one of our schedules as the platform lists it."""

    id: str
    n: int
    due_at: datetime
    outcome: LookOutcome
    begun_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a look may take: the schedule's own tolerance, and the grace until it is told (``watch_grace``)."""

    tolerance: timedelta = timedelta(minutes=30)
    grace: timedelta = timedelta(minutes=5)

    def deadline(self, due_at: datetime) -> datetime:
        return due_at + self.tolerance + self.grace


def due_looks(
    record: ScheduleRecord, window: NightWindow, zone: tzinfo, start: datetime, end: datetime
) -> tuple[datetime, ...]:
    """The looks that a schedule as last seen calls for with ``start <= due < end``; none while it is paused or ended.
    Two times that the change to summer time puts at one instant are one look."""
    if record.status is not ScheduleStatus.OPEN or record.times is None:
        return ()
    found = looks(record.times, window, record.valid_from, record.valid_to, zone, start, end)
    return tuple(dict.fromkeys(found))


def follow(
    known: Iterable[Look],
    due: Mapping[int, Iterable[datetime]],
    listed: Iterable[Listed],
    read_at: datetime,
    patience: Patience,
) -> tuple[Look, ...]:
    """The case's looks that are new or changed, by a list that was read whole at ``read_at``.

    ``known`` are those of the span that was read, ``due`` the instants that the schedules call for in it, by the
    schedule's number. A listed look that is neither known nor due is one without a right if somebody looked. A look
    that was judged may change: the platform corrects itself when a device reports late (PA4).
    """
    before = {(look.n, look.due_at): look for look in known}
    now = dict(before)
    for n, instants in due.items():
        for at in instants:
            now.setdefault((n, at), Look(n, at, LookOutcome.ABSENT))
    for one in listed:
        key = _key_of(one, now)
        look = now.get(key)
        if look is None:
            if one.outcome not in DONE and one.begun_at is None:
                continue  # nobody looked, and nobody was to
            look = Look(one.n, one.due_at, one.outcome, entitled=False)
        now[key] = replace(look, outcome=one.outcome, begun_at=one.begun_at, ended_at=one.ended_at, id=one.id)
    judged = {key: _judged(look, read_at, patience) for key, look in now.items()}
    return tuple(look for key, look in sorted(judged.items()) if look != before.get(key))


def _key_of(one: Listed, known: Mapping[tuple[int, datetime], Look]) -> tuple[int, datetime]:
    """The look that a listed one is: the same instant, or the nearest within ``SAME_LOOK``."""
    near = [key for key in known if key[0] == one.n and abs(key[1] - one.due_at) <= SAME_LOOK]
    return min(near, key=lambda key: abs(key[1] - one.due_at), default=(one.n, one.due_at))


def _judged(look: Look, read_at: datetime, patience: Patience) -> Look:
    known = look.outcome not in UNDECIDED or read_at >= patience.deadline(look.due_at)
    return replace(look, judged_at=read_at) if known and look.judged_at is None else look


def night_of(instant: datetime, window: NightWindow, zone: tzinfo) -> date:
    """The evening (local date) of the night to which a look belongs."""
    local = instant.astimezone(zone)
    return local_date(instant, zone) - timedelta(days=window.day_offset(local.time().replace(tzinfo=None)))


def camera_silent(settled: Sequence[Look]) -> bool:
    """Whether the two newest judged looks found the camera offline: then somebody must see to it."""
    newest = sorted((look for look in settled if look.judged_at and look.entitled), key=lambda look: look.due_at)[-2:]
    return len(newest) == 2 and all(look.outcome is LookOutcome.CAMERA_OFFLINE for look in newest)
