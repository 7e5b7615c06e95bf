"""The last fourteen nights of a case, look by look: as text on a terminal, as a picture on the case's page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from rich.console import Group
from rich.text import Text

from adapter.domain.ledger import Ledger, Look, LookOutcome
from adapter.domain.night_watch import due_looks, history, known_after, night_of
from adapter.domain.policy import Policy
from adapter.domain.wall_clock import window_start
from adapter.presentation.console import TONES
from adapter.presentation.words import Words

SHOWN = 14
"""How many nights are shown, with the newest."""
_QUARTERS = 4


@dataclass(frozen=True, slots=True)
class Mark:
    """A look, with its due time (local), its quarter of an hour counted from the window's start, and its outcome as a
    code in the text table, a sign and a tone (``ok``, ``warn``, ``bad`` or ``soft``)."""

    look: Look
    at: time
    quarter: int
    code: str
    sign: str
    tone: str


@dataclass(frozen=True, slots=True)
class Night:
    """The night that begins on ``evening``, with its looks in order."""

    evening: date
    marks: tuple[Mark, ...]


def nights(looks: Sequence[Look], ledger: Ledger, policy: Policy, now: datetime) -> tuple[Night, ...]:
    """The last ``SHOWN`` nights, the newest first. ``looks`` are the stored ones. Looks that were due later and haven't
    been read are added as unknown."""
    start = shown_since(policy, now)
    newest = max((look.due_at for look in looks), default=start - timedelta(seconds=1))
    unread: list[Look] = []
    if ledger.schedule is not None:
        stood = history(ledger.schedule, ledger.acts)
        due = due_looks(stood, policy.window, policy.zone, start, now)
        unread = [Look(ledger.schedule.n, at, LookOutcome.ABSENT) for at in due if at > newest]
    by_night: dict[date, list[Look]] = {}
    for look in (*looks, *unread):
        by_night.setdefault(night_of(look.due_at, policy.window, policy.zone), []).append(look)
    today = night_of(now, policy.window, policy.zone)
    evenings = [today - timedelta(days=n) for n in range(SHOWN)]
    return tuple(Night(day, tuple(_mark(look, policy, now) for look in by_night.get(day, ()))) for day in evenings)


def shown_since(policy: Policy, now: datetime) -> datetime:
    """The instant (UTC) at which the first of the nights that are shown begins."""
    first = night_of(now, policy.window, policy.zone) - timedelta(days=SHOWN - 1)
    return window_start(first, policy.window, policy.zone)


def _mark(look: Look, policy: Policy, now: datetime) -> Mark:
    local = look.due_at.astimezone(policy.zone)
    minutes = (local.hour - policy.window.start.hour) % 24 * 60 + local.minute - policy.window.start.minute
    if not look.entitled:
        code, sign, tone = "unentitled", "!", "bad"
    elif look.done:
        code, sign, tone = look.outcome.value, "✓", "ok"
    elif look.not_done:
        code, sign, tone = look.outcome.value, "✗", "bad"
    elif now < look.due_at + known_after(policy):
        code, sign, tone = "open", "…", "soft"
    else:
        code, sign, tone = "unknown", "?", "warn"
    return Mark(look, local.time().replace(tzinfo=None), minutes // 15, code, sign, tone)


def _hours(policy: Policy) -> list[int]:
    """The hours of the night, by the wall clock."""
    first, last = policy.window.start.hour, policy.window.end.hour + (policy.window.end.minute > 0)
    return [(first + n) % 24 for n in range((last - first) % 24)]


def night_in_words(night: Night, words: Words, *, every: bool = False) -> str:
    """A night in words: the looks that weren't done at the first try; ``every``: all looks."""
    shown = [m for m in night.marks if every or m.code != LookOutcome.OK]
    if not shown:
        return words.heading("nights_all_done" if night.marks else "nights_no_looks")
    return ", ".join(f"{m.at:%H:%M} {words.say('look_outcomes', m.code)}" for m in shown)


def nights_page(ref: str, shown: Sequence[Night], policy: Policy, words: Words) -> Group:
    """For a terminal: a line for each night, with a sign for each look in its quarter of an hour, and words."""
    hours = _hours(policy)
    head = Text(f"{'':13}").append("".join(f"{hour:02d}  " for hour in hours), style="dim")
    lines = [Text(words.heading("nights_title", ref=ref), style="bold"), head]
    for night in shown:
        cells = [("·", "dim")] * (len(hours) * _QUARTERS)
        for mark in night.marks:
            cells[min(mark.quarter, len(cells) - 1)] = (mark.sign, TONES[mark.tone])
        line = Text(f"{words.night(night.evening):13}")
        for sign, style in cells:
            line.append(sign, style=style)
        lines.append(line.append(f"  {night_in_words(night, words)}"))
    lines.append(Text(words.heading("nights_signs"), style="dim"))
    return Group(*lines)


def picture(shown: Sequence[Night], policy: Policy, words: Words) -> dict[str, Any]:
    """The data for the page's picture: places in the picture's units, and each night in words."""
    hours = _hours(policy)
    return {
        "width": 110 + len(hours) * 48,
        "height": 30 + len(shown) * 24,
        "hours": [(110 + n * 48, f"{hour:02d}") for n, hour in enumerate(hours)],
        "nights": [
            {
                "y": 44 + row * 24,
                "name": words.night(night.evening),
                "told": night_in_words(night, words, every=True),
                "marks": [(116 + mark.quarter * 12, mark) for mark in night.marks],
            }
            for row, night in enumerate(shown)
        ],
    }


def as_json(shown: Sequence[Night], words: Words) -> list[dict[str, Any]]:
    """For programs: each look's instant and code; ``text`` is the code in words."""

    def look(mark: Mark) -> dict[str, Any]:
        text = words.say("look_outcomes", mark.code)
        return {"schedule": mark.look.n, "due_at": mark.look.due_at, "outcome": mark.code, "text": text}

    return [{"night": night.evening, "looks": [look(mark) for mark in night.marks]} for night in shown]
