"""Each case, or order without a case, as a card with what it waits for and what is wrong: for lists on the status page
and in a terminal."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from adapter.domain.decision import Attention, StepState, StepView
from adapter.domain.routine import Role
from adapter.presentation.case_summary import CaseSummary
from adapter.presentation.console import TONES
from adapter.presentation.words import Words
from adapter.store.order_inbox import WaitingOrder


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, and how grave it is: ``bad``, ``warn``, ``ok`` or empty."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One case, or one order without a case. ``tags``: its phase and what is wrong. ``lines``: why, and what it waits
    for."""

    ref: str
    tenant: str
    tags: tuple[Line, ...] = ()
    lines: tuple[Line, ...] = ()
    unit: str = ""
    opened: str = ""
    is_case: bool = True


def card(summary: CaseSummary, words: Words, now: datetime, unsafe: str | None = None) -> Card:
    """``unsafe``: why somebody can look who must not."""
    case = summary.case
    tags = [Line(words.say("phases", case.phase.value))]
    if summary.parked:
        tags.append(Line(words.say("status", "case_failing" if case.failures else "case_parked"), "bad"))
    if not summary.decided and case.purged_at is None:
        tags.append(Line(words.say("status", "case_not_read"), "warn"))
    lines, cause = [Line(words.say("unsafe", unsafe), "bad")] if unsafe else [], None
    if why := summary.unwatched:
        cause = f"paused_{why.cause}"
        text = words.without(why, now)
        lines.append(Line(_late(text, why.late, words), "bad" if why.urgent else ""))
    lines += (_awaited(view, words, now) for view in summary.awaited)
    others = (a for a in summary.attention if a.code != cause)
    lines += (Line(words.attention(a) + asked(a, words), "bad" if a.urgent else "") for a in others)
    opened = f"{words.heading('opened')} {words.day(case.opened_at.astimezone(words.zone).date())}"
    return Card(case.ref, case.tenant, tuple(tags), tuple(lines), words.unit(case.unit), opened)


def unusable_card(tenant: str, order: WaitingOrder, words: Words, now: datetime) -> Card:
    """An order that can't be used and has no case."""
    tags = (Line(words.say("status", "order_unusable"), "bad"), Line(words.age(order.since, now)))
    return Card(order.order_id, tenant, tags, (Line(words.unusable(order)),), is_case=False)


def asked(notice: Attention, words: Words) -> str:
    """Who is to act, and whether the case can't go on without them; empty if nobody is asked."""
    more = [] if notice.role is Role.ADAPTER else [words.heading("asked", role=words.role(notice.role.value))]
    more += [words.heading("parks")] if notice.parks else []
    return f" ({'; '.join(more)})" if more else ""


def cards_page(cards: Iterable[Card], *, several: bool) -> Group:
    """For a terminal: what a person must see to is red and begins with an exclamation mark. ``several``: name the
    municipality."""
    parts: list[RenderableType] = []
    for each in cards:
        more = (Line(text, "soft") for text in (each.unit, each.tenant if several else "", each.opened) if text)
        tags = (Text(tag.text, style=TONES[tag.tone]) for tag in (*each.tags, *more))
        parts.append(Text("  ").join((Text(each.ref, style="bold"), *tags)))
        lines = (Text(f"{'!' if li.tone == 'bad' else '•'} {li.text}", style=TONES[li.tone]) for li in each.lines)
        parts += (Padding(line, (0, 0, 0, 2)) for line in lines)
    return Group(*parts)


def _awaited(view: StepView, words: Words, now: datetime) -> Line:
    text = words.say("status", "awaits", step=words.awaited(view, now))
    tone = "bad" if view.state is StepState.PROBLEM else "warn" if view.late else ""
    return Line(_late(text, view.late, words), tone)


def _late(text: str, level: int, words: Words) -> str:
    return f"{text} · {words.late(level)}" if level else text
