"""When the adapter ran and when a vendor was down, by what each process noted. Pure; instants are aware UTC."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from adapter.domain.wall_clock import day_end, day_start

ADAPTER = "adapter"
GAP = timedelta(minutes=3)
"""If no process notes that it runs for longer than this, there is a gap. Each process notes it once a minute."""


class Span(NamedTuple):
    """What one process noted from ``since`` to ``until``: that it ran itself (``system`` is ``ADAPTER``), or that a
    vendor was down."""

    system: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Uptime:
    """All ``spans`` of a municipality that were known at ``now``. ``zone`` decides when its days begin and end."""

    spans: Sequence[Span]
    zone: tzinfo
    now: datetime

    def ran(self, first: date, last: date) -> timedelta:
        """For how long the adapter ran from the first to the last day."""
        return _length(self._clipped(self._joined(ADAPTER), first, last))

    def known(self, first: date, last: date) -> timedelta:
        """For how long of these days it is known whether the adapter ran, that is since it first ran."""
        began = min((span.since for span in self.spans if span.system == ADAPTER), default=self.now)
        return _length(self._clipped([Span(ADAPTER, began, self.now)], first, last))

    def down(self, system: str, first: date, last: date) -> timedelta:
        return _length(self._clipped(self.outages(system), first, last))

    def outages(self, system: str) -> list[Span]:
        """When at least one process saw the vendor down; for ``ADAPTER`` when no process ran. In order of time."""
        known = self._joined(system)
        if system != ADAPTER or not known:
            return known
        begins = [span.since for span in known[1:]]
        begins += [self.now] if self.now - known[-1].until > GAP else []
        return [Span(ADAPTER, ran.until, until) for ran, until in zip(known, begins, strict=False)]

    def outages_of(self, system: str, first: date, last: date) -> list[Span]:
        """The outages that began on these days."""
        since, until = day_start(first, self.zone), day_end(last, self.zone)
        return [outage for outage in self.outages(system) if since <= outage.since < until]

    def lasts(self, outage: Span) -> bool:
        """Whether the outage isn't over yet."""
        return self.now - outage.until <= GAP

    def _joined(self, system: str) -> list[Span]:
        """The spans of all processes, joined where they overlap or are at most ``GAP`` apart."""
        found: list[Span] = []
        for span in sorted(span for span in self.spans if span.system == system):
            if found and span.since - found[-1].until <= GAP:
                found[-1] = found[-1]._replace(until=max(found[-1].until, span.until))
            else:
                found.append(span)
        return found

    def _clipped(self, spans: Iterable[Span], first: date, last: date) -> list[Span]:
        since, until = day_start(first, self.zone), day_end(last, self.zone)
        return [span._replace(since=max(span.since, since), until=min(span.until, until)) for span in spans]


NOTHING = Uptime((), UTC, datetime.min.replace(tzinfo=UTC))
"""No spans are known."""


def _length(spans: Iterable[Span]) -> timedelta:
    return sum((max(span.until - span.since, timedelta()) for span in spans), timedelta())
