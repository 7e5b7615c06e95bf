"""How long each step of the routine was awaited, counted without the adapter: by what people did, and by when a
vendor's answer that shows it reached a process. The same goes for the adapter's own notes and schedules."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from adapter.domain.facts import Signal
from tests.simulation.lives import GATES
from tests.simulation.network import Vendor

if TYPE_CHECKING:
    from tests.simulation.year import Citizen

Wait = tuple[datetime, str, int]
"""When a step was seen to be done, which step, and for how many hours it was awaited."""
TAKE_DOWN = ("collect", "cancel_or_fetch", "cancel")
NEVER = datetime.max.replace(tzinfo=UTC)
_BOTH_PAPERS = frozenset({Signal.CONSENT_SIGNED, Signal.LIABILITY_SIGNED})
_FIRST = ("clients", "executions", "client_absences", "sol_decisions")
"""These must have been read before anything is decided about a person."""


class Written(NamedTuple):
    """A note that the adapter wrote: its name, when (UTC) a process first knew that it is in Lifecare, and its
    heading."""

    name: str
    at: datetime
    heading: str


def rounded(length: timedelta) -> int:
    """In hours; from two days on, in whole days."""
    hours = max(length.total_seconds() / 3600, 0)
    return int(hours + 0.5) if hours < 47.5 else int(hours / 24 + 0.5) * 24


class Waits:
    """The waits of one person. ``started`` and ``ended``: when a process knew that the schedule was begun and ended."""

    def __init__(
        self,
        life: Citizen,
        letters: Sequence[Written],
        started: datetime | None,
        ended: datetime | None,
        lifecare: Vendor,
    ) -> None:
        self.life, self.letters, self.lifecare = life, letters, lifecare
        self.started, self.ended = started, ended
        self.over = life.over_at(started=started is not None)
        self.ordered = self._read(life.truths[0].at, *_FIRST)
        self.executed = self._execution_seen()

    def all(self) -> Iterator[Wait]:
        yield self.ordered, "I1", 0
        yield from self._step("I2", self._letter("received"), self.ordered)
        yield from self._step("I3", self._letter("install"), self.ordered)
        yield from self._way_in()
        yield from self._papers()
        yield from self._executed()
        yield from self._begun()
        yield from self._step("A0", self._noted(Signal.END_HEARD), None)
        yield from self._way_out()

    def _step(
        self, step: str, at: datetime | None, since: datetime | None, seen: datetime | None = None
    ) -> Iterator[Wait]:
        """A step that was done ``at``, but shows only from ``seen`` on. If nobody awaited it, it took no time."""
        if at is not None:
            yield max(at, seen or at), step, rounded(at - since) if since else 0

    # --- the way in --------------------------------------------------------------------------------------------------

    def _way_in(self) -> Iterator[Wait]:
        for step, signal, asked in (
            ("I4", Signal.TIMES_AGREED, "received"),
            ("I5", Signal.INSTALLATION_BOOKED, "install"),
            ("I6", Signal.KEYS_COLLECTED, "install"),
        ):
            at = self._noted(signal)
            yield from self._step(step, at, self._letter(asked, until=at))
        signed = self._noted(Signal.APPENDIX_SIGNED)
        yield from self._step(
            "I7", signed, _last(self._letter("install"), self._noted(Signal.TIMES_AGREED), until=signed)
        )
        ready = self._noted(Signal.READY_FOR_START)
        yield from self._step("I9", ready, _last(*map(self._noted, _BOTH_PAPERS), until=ready))

    def _papers(self) -> Iterator[Wait]:
        """I8: it is done again each time that a new consent is given."""
        agreed = False
        for truth in self.life.truths:
            signed = truth.signed >= _BOTH_PAPERS and not truth.withdrawn
            if signed and not agreed:
                booked = self._noted(Signal.INSTALLATION_BOOKED)
                asked = booked if booked and booked <= truth.at and not (self.over and self.over <= truth.at) else None
                withdrawn = [at for at in self.life.noted[Signal.CONSENT_WITHDRAWN] if at <= truth.at]
                yield from self._step("I8", truth.at, max([asked, *withdrawn]) if asked else None)
            agreed = signed

    def _executed(self) -> Iterator[Wait]:
        asked = self._letter("received", until=self.executed)
        yield from self._step("I10", self.executed, asked or self.ordered)

    def _begun(self) -> Iterator[Wait]:
        if self.started is None:
            return
        gates = [max(at for at in self.life.noted[s] if at <= self.started) for s in GATES]
        gates += self.life.noted[Signal.KEYS_COLLECTED][:1] if self.life.truths[0].keys_needed else []
        yield from self._step("I11", self.started, max(*gates, self.executed, self.ordered))
        yield from self._step("I12", self._letter("plan"), self.started)

    # --- the way out -------------------------------------------------------------------------------------------------

    def _way_out(self) -> Iterator[Wait]:
        over = self._over_seen()
        if over is None:
            return
        yield from self._step("A1", over, self._heard(over))
        yield from self._step("A2", self.ended, over)
        told = next((w.at for w in self.letters if w.name in TAKE_DOWN and w.at >= over), None)
        yield from self._step("A3", told, over)
        asked = None if self._letter("cancel") else told  # that letter says that nothing is to be done
        booked, collected = self._noted(Signal.PICKUP_BOOKED), self._noted(Signal.EQUIPMENT_COLLECTED)
        yield from self._step("A4", booked, _last(asked, until=booked), over)
        yield from self._step("A5", collected, _last(asked, until=collected), over)
        closing = self._letter("ready_to_close")
        if closing is None:
            return
        yield from self._step("A6", max(self._execution_over(), closing), max(closing, collected or closing))

    def _over_seen(self) -> datetime | None:
        """When the authority's end was known, and its day had come."""
        if self.over is None:
            return None
        word = next(t for t in reversed(self.life.truths) if t.at <= self.over)
        read = self._read(word.at, "orders" if word.cancelled and word.last_day is None else "sol_decisions")
        return max(self.over, read)

    def _heard(self, over: datetime) -> datetime | None:
        """When the provider heard of an end, unless the authority answered with other dates."""
        heard = max((at for at in self.life.noted[Signal.END_HEARD] if at < over), default=None)
        answers = [w.at for w in self.letters if w.name == "dates_changed" and w.heading == "to_coordinator"]
        return None if heard and any(heard < at <= over for at in answers) else heard

    def _execution_seen(self) -> datetime:
        at = next((t.at for t in self.life.truths if t.executing), NEVER)
        # The feed that opens a new case also brings its orders.
        accepted = self._read(at, "orders") if at > self.ordered else at
        return max(self._read(at, "executions"), accepted, self.ordered)

    def _execution_over(self) -> datetime:
        """When it was known that no execution runs any more; at once if there never was one."""
        executing = [n for n, truth in enumerate(self.life.truths) if truth.executing]
        after = self.life.truths[executing[-1] + 1 :] if executing else self.life.truths
        return self._read(after[0].at, "executions") if after else NEVER

    # --- what stands where -------------------------------------------------------------------------------------------

    def _letter(self, name: str, until: datetime | None = None) -> datetime | None:
        return next((w.at for w in self.letters if w.name == name and (until is None or w.at <= until)), None)

    def _noted(self, signal: Signal) -> datetime | None:
        """When the signal was first noted."""
        return min(self.life.noted[signal], default=None)

    def _read(self, after: datetime, *resources: str) -> datetime:
        """When all of these had been read for the person."""
        found = []
        for resource in resources:
            times = self.lifecare.read[resource, self.life.person_id]
            found.append((*times[bisect_left(times, after) :], NEVER)[0])
        return max(found)


def _last(*moments: datetime | None, until: datetime | None) -> datetime | None:
    """The last of these moments; None if one is missing or after ``until``."""
    known = [at for at in moments if at is not None]
    at = max(known, default=None)
    return at if at and until and len(known) == len(moments) and at <= until else None
