"""What the status page shows, as plain values: no HTML, no I/O, nothing personal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from adapter.domain.decision import Phase, StepState, StepView
from adapter.domain.ledger import ActState
from adapter.domain.routine import STEPS, Role
from adapter.engine.feed_reader import FEEDS
from adapter.ops.case_cache import UNSAFE, CaseSummary, Safety
from adapter.ops.context import OpsContext
from adapter.ops.health import age
from adapter.ops.vendor_calls import Seen
from adapter.presentation.words import Words
from adapter.store.feeds import Feed
from adapter.store.order_inbox import WaitingOrder
from adapter.store.queries import Overview

Say = Callable[..., str]
"""A text of the page's own section, by its code."""

SHOWN = 12
"""Cases of one column, and municipalities, that are shown at once; the others unfold."""

EVENTS = 200
"""The newest events of a case that are shown."""

_WORST = ("bad", "warn", "ok", "")
"""Tones, the gravest first."""

_ORDER = {step: n for n, step in enumerate(STEPS)}
_AFTER_STEPS = (Phase.PREPARING, Phase.ACTIVE, Phase.PAUSED, Phase.ENDING, Phase.CLOSING)


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, and how grave it is: ``bad``, ``warn``, ``ok`` or nothing."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One case on the board, or an order that has none. ``tags`` are its phase and what is wrong, ``awaits`` what it
    waits for."""

    ref: str
    tenant: str
    tags: tuple[Line, ...]
    awaits: tuple[Line, ...]
    attention: tuple[Line, ...]
    is_case: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    """Cases that belong together: those that wait for the same step, or that wait for none and share a phase."""

    key: str
    title: str
    cards: tuple[Card, ...]

    @property
    def shown(self) -> tuple[Card, ...]:
        return self.cards[:SHOWN]

    @property
    def more(self) -> tuple[Card, ...]:
        return self.cards[SHOWN:]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: what, of which municipality, when, and its state."""

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
    held: tuple[Card, ...]

    @property
    def well(self) -> bool:
        """Whether nothing of it is bad."""
        lines = [*(line for _, _, line in self.figures if line), *(feed.state for feed in self.feeds)]
        return all(line.tone != "bad" for line in lines)


TURNS = (Role.COORDINATOR, Role.ALARM_TEAM, Role.ASSESSOR, Role.ADAPTER)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases the board shows: those where it is this role's turn, and in this phase; empty is all."""

    turn: str = ""
    phase: str = ""
    turns: tuple[str, ...] = tuple(role.value for role in TURNS)
    phases: tuple[str, ...] = tuple(phase.value for phase in Phase if phase is not Phase.CLOSED)

    def shows(self, summary: CaseSummary) -> bool:
        theirs = {view.role.value for view in summary.awaited} | {a.role.value for a in summary.attention if a.urgent}
        return (not self.turn or self.turn in theirs) and (not self.phase or self.phase == summary.phase.value)


def tiles(summaries: Iterable[CaseSummary], words: Words) -> tuple[tuple[str, int, str], ...]:
    """Name, number and the phase that it leads to, of what is asked about most."""
    cases = list(summaries)
    phases = (Phase.PREPARING, Phase.ACTIVE, Phase.PAUSED, Phase.ENDING)
    found = [(words.say("phases", p.value).capitalize(), sum(s.phase is p for s in cases), p.value) for p in phases]
    return (*found, (words.say("status", "tile_late"), sum(bool(s.late) for s in cases), ""))


def urgency(summary: CaseSummary) -> tuple[bool, int, bool, datetime, str]:
    """Sort by it: late and parked first, the longest open first among equals."""
    return (not summary.parked, -summary.late, not summary.attention, summary.opened_at, summary.ref)


def card(summary: CaseSummary, words: Words) -> Card:
    tags = [Line(words.say("phases", summary.phase.value))]
    if summary.failing:
        tags.append(Line(words.say("status", "case_failing"), "bad"))
    elif summary.parked:
        tags.append(Line(words.say("status", "case_parked"), "bad"))
    if summary.late:
        tags.append(Line(f"{words.say('status', 'case_late')}: {words.late(summary.late)}", "warn"))
    if summary.decided_at is None:
        tags.append(Line(words.say("status", "case_not_read"), "warn"))
    awaits = tuple(_awaited(view, words) for view in summary.awaited)
    notices = tuple(Line(words.attention(a), "bad" if a.urgent else "warn") for a in summary.attention)
    return Card(summary.ref, summary.tenant, tuple(tags), awaits, notices)


def unwatched(summaries: Iterable[CaseSummary], words_of: Callable[[str], Words]) -> tuple[Card, ...]:
    """Who is without supervision now, and why: those first who had it."""
    found = [(summary, summary.unwatched) for summary in summaries if summary.unwatched]
    cards = []
    for summary, why in sorted(found, key=lambda pair: (not pair[1].urgent, *urgency(pair[0]))):
        tone = "bad" if why.urgent else "warn"
        cards.append(Card(summary.ref, summary.tenant, (Line(words_of(summary.tenant).unwatched(why), tone),), (), ()))
    return tuple(cards)


def unsafe_card(tenant: str, ref: str, why: str, words: Words) -> Card:
    """A case by which somebody can look who must not."""
    return Card(ref, tenant, (Line(words.say("unsafe", why), "bad"),), (), ())


def held_card(tenant: str, order: WaitingOrder, words: Words) -> Card:
    """An order that can't be used and has no case."""
    tags = (Line(words.say("status", "order_held"), "bad"),)
    notices = (Line(words.held(order)), Line(words.say("status", "since", when=words.when(order.since))))
    return Card(order.order_id, tenant, tags, (), notices, is_case=False)


def _awaited(view: StepView, words: Words) -> Line:
    since = f", {words.say('status', 'since', when=words.when(view.since))}" if view.since else ""
    late = f" · {words.late(view.late)}" if view.late else ""
    tone = "bad" if view.state is StepState.PROBLEM else "warn" if view.late else ""
    return Line(f"{view.id} {words.role(view.role.value)}{since}{late}", tone)


def board(summaries: Iterable[CaseSummary], words: Mapping[str, Words]) -> tuple[Column, ...]:
    """The open cases by the first step that each waits for, in the routine's order; then those that wait for none."""
    columns: dict[str, list[CaseSummary]] = {}
    for summary in summaries:
        first = min((v.id for v in summary.awaited), key=_ORDER.__getitem__, default=summary.phase.value)
        columns.setdefault(first, []).append(summary)
    order = [*STEPS, *(phase.value for phase in _AFTER_STEPS)]
    said = next(iter(words.values()))
    return tuple(
        Column(key, _title(key, said), tuple(card(g, words[g.tenant]) for g in sorted(columns[key], key=urgency)))
        for key in sorted(columns, key=order.index)
    )


def _title(key: str, words: Words) -> str:
    if key in STEPS:
        return words.say("awaited", key)
    return words.say("phases", key).capitalize()


def numbers(ops: OpsContext, tenant: str, overview: Overview, safety: Safety, now: datetime, fresh: float) -> Numbers:
    """``fresh``: how many seconds old a feed's last whole read may be."""
    words = ops.words_of(tenant)

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
            Line(t("acts_oldest", when=words.when(oldest))) if oldest else None,
        ),
        (t("acts_parked"), str(parked), Line(t("case_parked"), "bad") if parked else None),
        (t("orders_held"), str(len(overview.held)), Line(t("case_parked"), "bad") if overview.held else None),
        (t("safety_active"), str(safety.active), None),
        *none,
    )
    held = tuple(held_card(tenant, order, words) for order in overview.held)
    feeds = tuple(
        Row(words.say("feeds", feed.name), tenant, words.when(feed.read_at), _feed_state(feed, now, fresh, t))
        for feed in overview.feeds
        if feed.name in FEEDS  # the comparison, once a day, is no feed of changes
    )
    return Numbers(tenant, figures, feeds, held)


def _must_be_none(count: int, t: Say) -> Line:
    return Line(t("safety_bad"), "bad") if count else Line(t("safety_ok"), "ok")


def _feed_state(feed: Feed, now: datetime, fresh: float, t: Say) -> Line:
    if feed.error is not None:
        return Line(t("source_failing"), "bad")
    if feed.read_at is None:
        return Line(t("source_never"), "warn")
    old = age(feed.read_at, now) > fresh
    return Line(t("source_old"), "bad") if old else Line(t("source_ok"), "ok")


def vendors(ops: OpsContext) -> tuple[Row, ...]:
    """Each municipality's vendors as this process last saw them, the worst first. A breaker that is open says more than
    a call."""
    return worst_first(row for tenant in ops.runtime.tenants for row in _vendors_of(ops, tenant))


def worst_first(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: _WORST.index(row.state.tone)))


def _vendors_of(ops: OpsContext, tenant: str) -> Iterable[Row]:
    words = ops.words_of(tenant)
    held = {vendor: since for (of, vendor), since in ops.runtime.breakers.down().items() if of == tenant}
    seen = {s.vendor: s for s in ops.calls.seen(tenant)}
    for vendor in sorted({*held, *seen}):
        last = seen.get(vendor, Seen(tenant, vendor))
        state = Line(words.say("status", "vendor_ok"), "ok")
        if vendor in held:
            code = "vendor_refuses" if last.failure == "Unauthorised" and not last.well else "vendor_open"
            state = Line(words.say("status", code, when=words.when(held[vendor])), "bad")
        elif not last.well:
            state = Line(words.say("status", "vendor_bad", when=words.when(last.failed_at)), "warn")
        yield Row(words.say("vendors", vendor), tenant, words.when(last.answered_at), state)
