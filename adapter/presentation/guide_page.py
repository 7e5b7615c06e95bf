"""The guide of a role (*lathund*), made from the municipality's mapping: what to note under which heading, how to write
times, what comes back, whom to ask. The same guide is for the terminal, the status page and paper."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from rich.console import Group, RenderableType
from rich.text import Text

from adapter.domain.facts import OPTIONAL, URGENT, Signal
from adapter.domain.nights import TimesProblem
from adapter.domain.routine import STEPS
from adapter.domain.times_reading import Reading, try_times
from adapter.presentation.console import table
from adapter.presentation.words import Words
from mappings.mapping import MunicipalMapping
from mappings.messages.examples import examples as message_examples
from mappings.messages.swedish import night_rows, period

GuideRole = Literal["coordinator", "alarm-team", "assessor"]
GUIDES: tuple[str, ...] = get_args(GuideRole)
"""The roles that have a guide, by their names in commands and addresses."""

_READS_AS = {"assessor": "authority"}
"""Whose messages a role reads, if not its own."""

_OTHERS_NOTE = {
    Signal.TIMES_CHANGED: ("coordinator",),
    Signal.CONSENT_WITHDRAWN: ("coordinator", "alarm_team"),
    **dict.fromkeys(OPTIONAL, ("alarm_team",)),
}
"""Who notes the signals that belong to no step of the routine."""


@dataclass(frozen=True, slots=True)
class Part:
    """``head`` and ``rows`` are a table, ``items`` a list of short texts. Each may be empty."""

    title: str
    text: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Guide:
    """``asdict`` makes it the data for the template of the printed guide."""

    title: str
    intro: tuple[str, ...]
    parts: tuple[Part, ...]


def guide(name: str, mapping: MunicipalMapping, words: Words) -> Guide:
    """``name`` is one of ``GUIDES``; otherwise raises ``KeyError``. A heading has the case system's name if ``words``
    know it, otherwise our own name and the mapping's code."""
    if name not in GUIDES:
        raise KeyError(name)
    role = name.replace("-", "_")
    made = _Guide(role, mapping, words)
    return Guide(
        title=words.say("guide", "title", role=words.role(role)),
        intro=made.lines(role),
        parts=tuple(part for part in made.parts() if part.text or part.rows or part.items),
    )


def guide_page(made: Guide) -> Group:
    """For a terminal."""
    parts: list[RenderableType] = [Text(made.title, style="bold"), *map(Text, made.intro)]
    for part in made.parts:
        parts += [Text(""), Text(part.title, style="bold"), *map(Text, part.text)]
        if part.rows:
            shown = table(*part.head)
            for row in part.rows:
                shown.add_row(*map(Text, row))
            parts.append(shown)
        parts += [Text(f"  • {item}") for item in part.items]
    return Group(*parts)


def examples(mapping: MunicipalMapping, words: Words) -> Iterator[tuple[str, Reading | TimesProblem]]:
    """The guide's example notes about times, each with what the adapter reads from it."""
    for code in ("agreed", "changed", "refused"):
        for text in words.say("guide_times", code).splitlines():
            yield text, try_times(text, mapping.window, date(2027, 1, 4), changed=code == "changed", granted=None)


class _Guide:
    def __init__(self, role: str, mapping: MunicipalMapping, words: Words) -> None:
        self.role, self.mapping, self.words = role, mapping, words
        self.reads_as = _READS_AS.get(role, role)
        self.late = mapping.late

    def lines(self, code: str) -> tuple[str, ...]:
        routine, night = self.mapping.routine, self.mapping.window
        params = {
            "start": f"{night.start:%H:%M}",
            "end": f"{night.end:%H:%M}",
            "gap": routine.renewal_gap_days,
            "ahead": routine.schedule_ahead_days,
            "told": routine.tolerance_minutes + routine.watch_grace_minutes,
        }
        return tuple(self.words.say("guide", code, **params).strip().splitlines())

    def title(self, code: str) -> str:
        return self.words.say("guide", f"{code}_title")

    def head(self, *codes: str) -> tuple[str, ...]:
        return tuple(self.words.say("guide", f"column_{code}") for code in codes)

    def parts(self) -> Iterator[Part]:
        yield Part(self.title("tasks"), (), self.head("task", "reminded"), tuple(self._tasks()))
        yield Part(self.title("headings"), (), self.head("heading", "when", "then"), tuple(self._headings()))
        if self.role == "coordinator":
            yield from self._times()
        yield Part(self.title("more"), self.lines(f"{self.role}_more"), items=self._known_by())
        yield Part(self.title("back"), (self._written_under(),), items=self._sent("letters", "letter"))
        yield Part(self.title("mails"), items=self._sent("mails", "mail"))
        yield Part(self.title("ask"), (), self.head("who", "unit", "mailbox"), tuple(self._whom_to_ask()))
        if self.role != "assessor":
            yield Part(self.title("forms"), (), self.head("form", "place"), tuple(self.mapping.forms.items()))

    def _tasks(self) -> Iterator[tuple[str, ...]]:
        for step in STEPS.values():
            if step.role.value == self.role and self.words.texts.has("step_asks", step.id):
                heading = self.heading(Signal.TIMES_AGREED)
                late = self.late.get(step.id)
                reminded = self.words.say("guide", "working_days", count=late.remind) if late else "–"
                yield self.words.say("step_asks", step.id, heading=heading), reminded

    def _headings(self) -> Iterator[tuple[str, ...]]:
        of_steps = {signal for step in STEPS.values() if step.role.value == self.role for signal in step.signals}
        for signal in self.mapping.signals:
            if signal in of_steps or self.role in _OTHERS_NOTE.get(signal, ()):
                then = self.words.say("signal_then", signal.value)
                at_once = f" {self.words.say('guide', 'at_once')}" if signal in URGENT else ""
                yield self.heading(signal), self.words.say("signal_when", signal.value), then + at_once

    def heading(self, signal: Signal) -> str:
        return self._named(signal.value, self.words.say("signals", signal.value), self.mapping.signals[signal])

    def _named(self, key: str, otherwise: str, code: str) -> str:
        if self.words.texts.has("headings", key):
            return self.words.say("headings", key)
        return f"{otherwise[:1].upper()}{otherwise[1:]} ({code})"

    def _times(self) -> Iterator[Part]:
        tried = list(examples(self.mapping, self.words))
        read = [(text, _read(trial, self.words)) for text, trial in tried if isinstance(trial, Reading)]
        yield Part(self.title("times"), self.lines("times"), self.head("note", "read"), tuple(read))
        told = [
            (text, self.words.say("times", trial.code, **trial.params))
            for text, trial in tried
            if isinstance(trial, TimesProblem) and text in self.words.say("guide_times", "refused").splitlines()
        ]
        yield Part(self.title("not_times"), (), self.head("note", "told"), tuple(told))

    def _known_by(self) -> tuple[str, ...]:
        if self.role != "assessor":
            return ()
        camera = self.mapping.services.camera
        found = [self.words.say("guide", "category", code=code) for code in camera.categories]
        return (*found, *(self.words.say("guide", "type", code=code) for code in camera.types))

    def _written_under(self) -> str:
        heading = self.mapping.messages.of(self.reads_as)
        code = heading.read_under if heading else ""
        name = self._named(f"messages.{self.reads_as}", self.words.say("guide", "messages_heading"), code)
        return self.words.say("guide", "written_under", heading=name)

    def _sent(self, section: str, name: str) -> tuple[str, ...]:
        names = (str(what[name]) for what in message_examples(section) if what["to"] in (self.role, self.reads_as))
        return tuple(self.words.say(section, each) for each in dict.fromkeys(names))

    def _whom_to_ask(self) -> Iterator[tuple[str, ...]]:
        units, boxes = self.mapping.units, self.mapping.mailboxes
        theirs = dict.fromkeys((units.coordinator, *units.by_provider.values(), *units.by_company.values()))
        rows: list[tuple[str, int | None, str]] = [
            *(("coordinator", unit, self.mapping.mailbox("coordinator", unit)) for unit in theirs),
            ("alarm_team", units.alarm_team, boxes.alarm_team),
            ("authority", units.authority, boxes.authority),
            *([("night", None, boxes.night)] if boxes.night else []),
            *(("night", unit, mailbox) for unit, mailbox in boxes.night_by_unit.items()),
            ("escalation", None, boxes.escalation),
            ("it", None, boxes.it),
        ]
        for role, unit, mailbox in rows:
            if role != self.reads_as:
                yield self.words.role(role), self.words.unit(unit) if unit else "–", mailbox


def _read(trial: Reading, words: Words) -> str:
    """The nights and times that were read from a text."""
    nights = [f"{night}: {at}" for night, _, at in night_rows(trial.times)]
    if trial.kept:
        nights.append(words.say("guide", "nights_kept"))
    elif not all(trial.times.nights):
        nights.append(words.say("guide", "nights_none"))
    start = f"{period(trial.start, None).removesuffix(' och tills vidare')}: " if trial.start else ""
    return start + "; ".join(nights)
