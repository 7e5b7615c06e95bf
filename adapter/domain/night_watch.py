"""The nights as they go: which looks were due, and what came of each, by the camera platform's list (P12).

A look that was due is *judged* once the outcome is known. It is done; or it is not done, if it was missed, the camera
was offline, or nothing had come of it at its deadline. Until then it is open. If the list can't be read, looks stay
open; ``engine.look_reader`` tells that nobody follows them. All instants are aware UTC.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Self

from adapter.domain.ledger import Act, ActKind, Look, LookOutcome, ScheduleRecord, ScheduleStatus
from adapter.domain.nights import NightTimes, NightWindow
from adapter.domain.policy import Policy
from adapter.domain.wall_clock import at_wall_clock, day_after, local_date, looks

UNDECIDED = frozenset({LookOutcome.PENDING, LookOutcome.ABSENT})
SAME_LOOK = timedelta(minutes=2)
"""How far the platform's ``dueAt`` may be from ours for the same look. Clocks and rounding differ."""
CLOCK_CHANGE = timedelta(hours=1)
"""How much further in the two nights of a clock change. The contract doesn't say what the platform does with a time
that is skipped or comes twice."""
UNFOLLOWED = timedelta(minutes=30)
"""How long the looks may be unreadable at night before it is told."""
REMEMBERED = timedelta(days=3)
"""For how long what came of a look may still be told."""
_EVER = datetime.min.replace(tzinfo=UTC)


def known_after(policy: Policy, record: ScheduleRecord | None = None) -> timedelta:
    """How long after its time the outcome of a look is known: the schedule's own tolerance as the platform has it (else
    the longest of all), and the grace (``watch_grace``)."""
    own = record.patience if record else None
    return (timedelta(minutes=own[0]) if own else policy.tolerance) + policy.watch_grace


def history(
    record: ScheduleRecord, acts: Iterable[Act] = (), *, called_for: bool = False
) -> tuple[ScheduleRecord, ...]:
    """How a schedule has stood: each record holds from its ``seen_at`` until the next. They come from the acts that
    were done; the last is the schedule as it was seen. A look was due or not by how the schedule stood then.

    An act takes effect some time after it was called for and before that was seen. ``called_for``: count from when it
    was called for, and count acts whose outcome isn't known yet.
    """

    def when(act: Act) -> datetime:
        return act.created_at if called_for or act.done_at is None else act.done_at

    theirs = (act for act in acts if act.what.get("n") == record.n)
    done = sorted((act for act in theirs if act.done_at or (called_for and act.counts)), key=when)
    if not done:
        return (replace(record, seen_at=_EVER),)
    # Before a creation or a resumption nobody could look; before any other act somebody could.
    closed = done[0].kind in (ActKind.CREATE, ActKind.RESUME)
    stood = [replace(record, seen_at=_EVER, status=ScheduleStatus.PAUSED if closed else ScheduleStatus.OPEN)]
    for act in done:
        stood.append(replace(_after(stood[-1], act), seen_at=when(act)))
    last = stood[-1]
    if replace(last, seen_at=record.seen_at) != record and (done[-1].done_at or record.seen_at > last.seen_at):
        stood.append(replace(record, seen_at=max(record.seen_at, last.seen_at)))
    return tuple(stood)


_STATUS = {
    ActKind.PAUSE: ScheduleStatus.PAUSED,
    ActKind.RESUME: ScheduleStatus.OPEN,
    ActKind.END: ScheduleStatus.ENDED,
}


def _after(before: ScheduleRecord, act: Act) -> ScheduleRecord:
    if act.kind in _STATUS:
        return replace(before, status=_STATUS[act.kind])
    if act.kind is ActKind.CHANGE and "valid_from" not in act.what:
        return before  # it only says how long looks may take
    times, first, last = act.what.get("times"), act.what.get("valid_from"), act.what.get("valid_to")
    return replace(
        before,
        status=ScheduleStatus.OPEN if act.kind is ActKind.CREATE else before.status,
        times=NightTimes.from_text(times) if times else before.times,
        valid_from=date.fromisoformat(str(first)) if first else before.valid_from,
        valid_to=date.fromisoformat(str(last)) if last else None,
    )


def due_looks(
    stood: Sequence[ScheduleRecord], window: NightWindow, zone: tzinfo, start: datetime, end: datetime
) -> tuple[datetime, ...]:
    """The looks that a schedule called for with ``start <= due < end``; none while it was paused or ended. Two times
    that fall on one instant at the change to summer time are one look."""
    found: list[datetime] = []
    for standing, until in zip(stood, [*(each.seen_at for each in stood[1:]), end], strict=True):
        begin, stop = max(start, standing.seen_at), min(end, until)
        if standing.status is ScheduleStatus.OPEN and standing.times is not None and begin < stop:
            found += looks(standing.times, window, standing.valid_from, standing.valid_to, zone, begin, stop)
    return tuple(dict.fromkeys(found))


def could_look(stood: Sequence[ScheduleRecord], at: datetime, zone: tzinfo) -> bool:
    """Whether anybody had a right to look at that instant, or so near to it that clocks may differ."""
    day = local_date(at, zone)
    for standing, until in zip(stood, [*(each.seen_at for each in stood[1:]), None], strict=True):
        near = standing.seen_at < at + SAME_LOOK and (until is None or at - SAME_LOOK < until)
        valid = standing.valid_from <= day and (standing.valid_to is None or day <= standing.valid_to)
        if near and valid and standing.status is ScheduleStatus.OPEN:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Followed:
    """A schedule whose looks are followed: the instants for which it called for looks in a span (``due``), how it stood
    over time, as it was ``seen`` and as was ``called`` for, and how long after its time a look is known."""

    due: tuple[datetime, ...]
    seen: tuple[ScheduleRecord, ...]
    called: tuple[ScheduleRecord, ...]
    known_after: timedelta

    @classmethod
    def between(
        cls, start: datetime, end: datetime, record: ScheduleRecord, acts: Iterable[Act], policy: Policy
    ) -> Self:
        """No look is due after a pause or an end was called for. ``acts``: see ``history``."""
        seen, called = history(record, acts), history(record, acts, called_for=True)
        due = due_looks(seen, policy.window, policy.zone, start, end)
        due = tuple(at for at in due if could_look(called, at, policy.zone))
        return cls(due, seen, called, known_after(policy, record))

    def entitles(self, at: datetime, zone: tzinfo) -> bool:
        """Whether somebody may have had a right to look at that instant. An act takes effect between the two."""
        return could_look(self.seen, at, zone) or could_look(self.called, at, zone)


def follow(
    known: Iterable[Look],
    followed: Mapping[int, Followed],
    listed: Iterable[Look],
    read_at: datetime,
    policy: Policy,
) -> tuple[Look, ...]:
    """The case's looks that are new or changed, by a list of which all was read at ``read_at``.

    ``known``: the looks already stored for the span that was read. ``followed``: the schedules, by number. If somebody
    looked and the look is neither known nor due, it was without a right, unless its schedule entitled to it. A judged
    look may change: the platform corrects itself when a device reports late (PA4).
    """
    before, zone = {(look.n, look.due_at): look for look in known}, policy.zone
    now, taken = dict(before), set[tuple[int, datetime]]()
    for n, schedule in followed.items():
        for at in schedule.due:
            now.setdefault((n, at), Look(n, at, LookOutcome.ABSENT))
    for one in _nearest_first(listed, now):
        key = _key_of(one, now, taken, zone)
        taken.add(key)
        look = now.get(key)
        if look is None:
            if not one.looked:
                continue  # nobody looked, and nobody was to
            look = replace(one, entitled=one.n in followed and followed[one.n].entitles(one.due_at, zone))
        now[key] = replace(look, outcome=one.outcome, begun_at=one.begun_at, ended_at=one.ended_at, id=one.id)
    longest = known_after(policy)
    judged = {
        key: _judged(
            look,
            read_at - leeway(key[1], zone),
            followed[look.n].known_after if look.n in followed else longest,
            read_at,
        )
        for key, look in now.items()
    }
    return tuple(look for key, look in sorted(judged.items()) if look != before.get(key))


def _nearest_first(listed: Iterable[Look], known: Mapping[tuple[int, datetime], Look]) -> list[Look]:
    """Those that match a known look exactly come first, so that none of them is taken for its neighbour."""
    return sorted(listed, key=lambda one: ((one.n, one.due_at) not in known, one.due_at))


def _key_of(
    one: Look, known: Iterable[tuple[int, datetime]], taken: Collection[tuple[int, datetime]], zone: tzinfo
) -> tuple[int, datetime]:
    """The look that a listed one stands for: the same instant, or the nearest one that fits and isn't taken."""

    def away(key: tuple[int, datetime]) -> timedelta:
        return abs(key[1] - one.due_at)

    free = (key for key in known if key[0] == one.n and key not in taken)
    near = [key for key in free if away(key) <= SAME_LOOK + leeway(key[1], zone)]
    return min(near, key=away, default=(one.n, one.due_at))


def leeway(due_at: datetime, zone: tzinfo) -> timedelta:
    """How much further a look's instant may be from ours: an hour, near where the clock is changed."""
    before, after = due_at - 2 * CLOCK_CHANGE, due_at + 2 * CLOCK_CHANGE
    changes = before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset()
    return CLOCK_CHANGE if changes else timedelta(0)


def _judged(look: Look, overdue_at: datetime, after: timedelta, read_at: datetime) -> Look:
    known = look.outcome not in UNDECIDED or overdue_at >= look.due_at + after
    return replace(look, judged_at=read_at) if known and look.judged_at is None else look


def found_late(look: Look, after: timedelta, zone: tzinfo) -> bool:
    """Whether a missed look became known much too late, because nobody could follow the looks. The looks of an outage
    are told together, not one by one. ``after``: see ``known_after``."""
    overdue_at = look.due_at + after + leeway(look.due_at, zone)
    return look.not_done and look.judged_at is not None and look.judged_at >= overdue_at + UNFOLLOWED


def night_of(instant: datetime, window: NightWindow, zone: tzinfo) -> date:
    """The evening (local date) of the night to which a look belongs."""
    local = instant.astimezone(zone)
    return local_date(instant, zone) - timedelta(days=window.day_offset(local.time().replace(tzinfo=None)))


def night_end(night: date, window: NightWindow, zone: tzinfo) -> datetime:
    """The instant at which the night that begins on that evening is over."""
    return at_wall_clock(day_after(night), window.end, zone)


def is_news(look: Look, before: Look | None, earlier: Look | None) -> bool:
    """Whether a changed look is worth telling the case: it wasn't done, it was corrected, it is the first one, or the
    first after one that wasn't done. ``earlier`` is the look before it."""
    if look.done:
        return (before is not None and before.not_done) or earlier is None or not earlier.done
    return look.not_done


def camera_silent(settled: Sequence[Look]) -> bool:
    """Whether the camera was offline at the two newest judged looks. Then somebody must see to it."""
    newest = sorted((look for look in settled if look.judged_at and look.entitled), key=lambda look: look.due_at)[-2:]
    return len(newest) == 2 and all(look.outcome is LookOutcome.CAMERA_OFFLINE for look in newest)
