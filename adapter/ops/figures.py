"""What the status page shows as rows and figures, as plain values: no HTML, no I/O, nothing personal."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from adapter.domain.decision import Phase
from adapter.domain.ledger import ActState
from adapter.engine.feed_reader import FEEDS
from adapter.ops.context import OpsContext
from adapter.ops.health import age
from adapter.ops.unsafe_supervision import UNSAFE, Safety
from adapter.ops.vendor_calls import VendorState
from adapter.presentation.case_cards import Card, Line, unusable_card
from adapter.presentation.words import Words
from adapter.store.feeds import Feed
from adapter.store.queries import Overview

Say = Callable[..., str]
"""Gives a text of the status page's section by its code."""

_WORST = ("bad", "warn", "ok", "")
"""Tones, the gravest first."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table."""

    name: str
    tenant: str
    when: str
    state: Line


@dataclass(frozen=True, slots=True)
class Numbers:
    """One municipality in figures."""

    tenant: str
    figures: tuple[tuple[str, str, Line | None], ...]
    feeds: tuple[Row, ...]
    unusable: tuple[Card, ...]
    read: bool
    """Whether every feed was read at least once. Before that nobody knows which orders there are."""

    @property
    def well(self) -> bool:
        """Whether no figure and no feed is ``bad``."""
        lines = [*(line for _, _, line in self.figures if line), *(feed.state for feed in self.feeds)]
        return all(line.tone != "bad" for line in lines)


def numbers(words: Words, tenant: str, overview: Overview, safety: Safety, now: datetime, fresh: float) -> Numbers:
    """``fresh``: how many seconds old a feed's last whole read may be."""

    def t(code: str, /, **params: object) -> str:
        return words.say("status", code, **params)

    waiting = [a for a in overview.acts if a.state is not ActState.PARKED]
    parked = sum(a.count for a in overview.acts if a.state is ActState.PARKED)
    oldest = min((a.oldest for a in waiting), default=None)
    open_cases = sum(n for phase, n in overview.phases.items() if phase != Phase.CLOSED.value)
    none = tuple(
        (words.say("unsafe_counts", why), str(safety.count(why)), _must_be_none(safety.count(why), t)) for why in UNSAFE
    )
    figures = (
        (t("open_cases"), str(open_cases), None),
        (
            t("acts_waiting"),
            str(sum(a.count for a in waiting)),
            Line(t("acts_oldest", age=words.age(oldest, now))) if oldest else None,
        ),
        (t("acts_parked"), str(parked), Line(t("case_parked"), "bad") if parked else None),
        (
            t("orders_unusable"),
            str(len(overview.unusable)),
            Line(t("case_parked"), "bad") if overview.unusable else None,
        ),
        (t("safety_active"), str(safety.active), None),
        *none,
    )
    unusable = tuple(unusable_card(tenant, order, words, now) for order in overview.unusable)
    known = {feed.name: feed for feed in overview.feeds}
    read_at = {name: known[name].read_at if name in known else None for name in FEEDS}
    feeds = tuple(
        Row(words.say("feeds", name), tenant, words.ago(at, now), _feed_state(known.get(name), now, fresh, t))
        for name, at in read_at.items()
    )
    return Numbers(tenant, figures, feeds, unusable, None not in read_at.values())


def _must_be_none(count: int, t: Say) -> Line:
    return Line(t("safety_bad"), "bad") if count else Line(t("safety_ok"), "ok")


def _feed_state(feed: Feed | None, now: datetime, fresh: float, t: Say) -> Line:
    if feed is not None and feed.error is not None:
        return Line(t("source_failing"), "bad")
    if feed is None or feed.read_at is None:
        return Line(t("source_never"), "warn")
    old = age(feed.read_at, now) > fresh
    return Line(t("source_old"), "bad") if old else Line(t("source_ok"), "ok")


def vendors(ops: OpsContext) -> tuple[Row, ...]:
    """Each municipality's vendors as this process last saw them, the worst first. An open circuit breaker counts more
    than the last call."""
    return worst_first(row for tenant in ops.runtime.tenants for row in _vendors_of(ops, tenant))


def worst_first(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: _WORST.index(row.state.tone)))


def _vendors_of(ops: OpsContext, tenant: str) -> Iterable[Row]:
    words, now = ops.words_of(tenant), ops.runtime.clock.now()
    down = {vendor: since for (owner, vendor), since in ops.runtime.breakers.down().items() if owner == tenant}
    states = ops.calls.states(tenant)
    for vendor in sorted({*down, *states}):
        last = states.get(vendor, VendorState())
        state = Line(words.say("status", "vendor_ok"), "ok")
        if vendor in down:
            code = "vendor_refuses" if last.failure == "Unauthorised" and not last.well else "vendor_open"
            state = Line(words.say("status", code, when=words.ago(down[vendor], now)), "bad")
        elif not last.well:
            state = Line(words.say("status", "vendor_bad", when=words.ago(last.failed_at, now)), "warn")
        yield Row(words.say("vendors", vendor), tenant, words.ago(last.answered_at, now), state)
