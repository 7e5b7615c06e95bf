"""A log as a story: what happened to each case, in sentences. Repetitions become one line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from string import Formatter
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapter.log_events import EVENTS

_SENTENCES: Final = {
    "case_opened": "The case was opened for order {order}; the person is {person}.",
    "case_decided": "Decided: {phase}. Called for: {wanted}.",
    "case_closed": "Closed after {days} days. Everything that had been done was undone.",
    "case_poisoned": "The decision failed in a way that nobody expected: {error}.",
    "fact_unread": "Its {resource} could not be read ({failure}): {error}",
    "fact_recovered": "Its {resource} can be read again.",
    "fact_problem": "Something in its {resource} can't be used: {code} {params}.",
    "act_sent": "Act {act} goes to {vendor}, attempt {attempt}.",
    "act_done": "Act {act} was carried out at {vendor}.",
    "act_found_done": "The answer to act {act} had been lost. Looking it up showed that it was carried out.",
    "act_retry": "Act {act} failed without effect ({failure}). It is tried again at {retry_at}: {error}",
    "act_unknown": "The answer to act {act} was lost. It is looked up at {look_at}, before anything is sent again.",
    "act_parked": "Act {act} waits for a person: {error}",
    "act_dropped": "Act {act} is no longer called for.",
    "act_given_back": "Act {act} was postponed: {reason}.",
    "dry_run_act": "Dry run: act {act} ({kind}) would have been carried out.",
    "step_declared": "{who} declared {signal} done by hand: {why}",
    "mail_not_configured": "A mail to {role} was due, and no mail server is set.",
}
"""A sentence for each event about a case. Other events get their meaning in ``log_events``."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. ``times`` counts repetitions, the last at ``until``."""

    at: datetime
    level: str
    text: str
    key: tuple[str, ...]
    times: int = 1
    until: datetime | None = None

    def __str__(self) -> str:
        more = f" ({self.times} times, last at {self.until:%Y-%m-%d %H:%M})" if self.until else ""
        return f"{self.at:%Y-%m-%d %H:%M:%S}  {self.text}{more}"


@dataclass(slots=True)
class Story:
    """One case's part of the log, by time."""

    tenant: str
    case: str
    lines: list[Line] = field(default_factory=list)

    @property
    def title(self) -> str:
        return f"{self.case}" + (f" of {self.tenant}" if self.tenant else "")


def stories(events: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> list[Story]:
    """The story of each case, in the order in which the cases first appear. Lines without a case are left out."""
    found: dict[str, Story] = {}
    for event in sorted(events, key=lambda e: str(e.get("timestamp", ""))):
        case = event.get("case")
        at = _instant(event.get("timestamp"), zone)
        if not isinstance(case, str) or at is None:
            continue
        story = found.setdefault(case, Story(str(event.get("tenant", "")), case))
        _add(story, event, at, zone)
    return list(found.values())


_SAME = ("act", "resource", "phase", "vendor", "call", "outcome")
"""If two lines of one event agree in these fields, they become one."""


def _add(story: Story, event: Mapping[str, Any], at: datetime, zone: ZoneInfo) -> None:
    name = str(event["event"])
    key = (name, *(str(event.get(field, "")) for field in _SAME))
    last = story.lines[-1] if story.lines else None
    if last is not None and last.key == key:
        story.lines[-1] = Line(last.at, last.level, last.text, key, last.times + 1, at)
        return
    story.lines.append(Line(at, str(event.get("level", "info")), _sentence(name, event, zone), key))


def _sentence(name: str, event: Mapping[str, Any], zone: ZoneInfo) -> str:
    sentence = _SENTENCES.get(name)
    if name == "case_decided" and not event.get("wanted"):
        sentence = "Decided: {phase}. Nothing new is called for."
    if sentence is None:
        known = EVENTS.get(name)
        values = ", ".join(f"{k}: {_plain(v, zone)}" for k, v in event.items() if known and k in known.fields)
        return f"{known.meaning if known else name}" + (f" ({values})" if values else "")
    names = [n for _, n, _, _ in Formatter().parse(sentence) if n]
    return sentence.format(**{n: _plain(event.get(n), zone) for n in names})


def _plain(value: object, zone: ZoneInfo) -> str:
    if value in (None, "", {}, []):
        return "–"
    instant = _instant(value, zone)
    if instant is not None:
        return f"{instant:%Y-%m-%d %H:%M}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return str(value)


def _instant(value: object, zone: ZoneInfo) -> datetime | None:
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.astimezone(zone) if at.tzinfo else None
