"""Turns codes into Swedish words, and instants into local time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from adapter.domain.decision import Attention, StepState, StepView, Unwatched
from adapter.domain.ledger import Act, ActKind, ActState
from adapter.domain.nights import NightTimes, Weekday
from adapter.domain.times_reading import Reading
from adapter.store.order_inbox import WaitingOrder
from mappings.messages.swedish import times_text
from mappings.rtf import visible_text
from mappings.texts import Texts

_MONTHS = ("jan", "feb", "mars", "april", "maj", "juni", "juli", "aug", "sep", "okt", "nov", "dec")
_WEEKDAYS = ("mån", "tis", "ons", "tor", "fre", "lör", "sön")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_WHY = ("why", "causes", "reasons", "letters", "mails")


SIGNS: Mapping[StepState | ActState, str] = {
    StepState.DONE: "✓",
    StepState.AWAITED: "…",
    StepState.LATER: "·",
    StepState.NOT_NEEDED: "–",
    StepState.PROBLEM: "!",
    ActState.PENDING: "…",
    ActState.SENDING: "→",
    ActState.UNKNOWN: "?",
    ActState.DONE: "✓",
    ActState.PARKED: "!",
    ActState.DROPPED: "–",
}
"""The sign for the state of a step or an act, on the page and on a terminal."""


@dataclass(frozen=True, slots=True)
class Words:
    """The text table, and the municipality's ``zone`` for instants."""

    texts: Texts
    zone: tzinfo = UTC

    def say(self, section: str, code: str, /, **params: object) -> str:
        return self.texts.say(section, code, **params)

    def heading(self, code: str, /, **params: object) -> str:
        return self.texts.say("case", code, **params)

    def when(self, instant: datetime | None) -> str:
        """Local date and time: ``3 mars 2026 08:15``; a dash for none."""
        if instant is None:
            return "–"
        local = instant.astimezone(self.zone)
        return f"{self.day(local.date())} {local:%H:%M}"

    def day(self, day: date | None) -> str:
        return "–" if day is None else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def night(self, evening: date) -> str:
        """A night by its evening: ``mån 2 mars``."""
        return f"{_WEEKDAYS[evening.weekday()]} {evening.day} {_MONTHS[evening.month - 1]}"

    def ago(self, instant: datetime | None, now: datetime) -> str:
        """A recent instant as people say it: ``för 12 minuter sedan``, ``i dag 08:15``, ``i går 22:30``; an older one
        as date and time."""
        if instant is None:
            return "–"
        minutes, local = round((now - instant).total_seconds() / 60), instant.astimezone(self.zone)
        if 0 <= minutes < 60:
            return self.say("ages", "just_now" if minutes < 2 else "minutes", count=minutes)
        days = (now.astimezone(self.zone).date() - local.date()).days
        day = {0: "today", 1: "yesterday"}.get(days)
        return f"{self.say('ages', day)} {local:%H:%M}" if day else self.when(instant)

    def age(self, since: datetime, now: datetime) -> str:
        """For how long, in calendar days: ``sedan i dag``, ``sedan i går``, ``i 5 dagar``, ``i 3 veckor``."""
        days = (now.astimezone(self.zone).date() - since.astimezone(self.zone).date()).days
        if days < 2:
            return self.say("ages", "since_yesterday" if days == 1 else "since_today")
        return self.say("ages", "days", count=days) if days < 15 else self.say("ages", "weeks", count=days // 7)

    def unit(self, unit: int | None) -> str:
        """A unit's name, or its number if the municipality hasn't named it."""
        if unit is None:
            return self.say("unit_names", "none")
        named = self.texts.has("units", str(unit))
        return self.say("units", str(unit)) if named else self.say("unit_names", "number", unit=unit)

    def role(self, code: str) -> str:
        return self.say("roles", code)

    def awaited(self, view: StepView, now: datetime) -> str:
        """What is awaited, from whom and for how long: ``tider för tillsyn (koordinatorn, i 5 dagar)``."""
        age = f", {self.age(view.since, now)}" if view.since else ""
        return f"{self.say('awaited', view.id)} ({self.role(view.role.value)}{age})"

    def step_detail(self, view: StepView, now: datetime) -> str:
        """For a done step its evidence and when; for an awaited step from whom and for how long."""
        if view.state is StepState.DONE:
            shown = self.say("evidence", view.evidence or "act")
            number = f" {self._evidence_id(view.evidence_id)}" if view.evidence_id else ""
            return f"{shown}{number} · {self.when(view.at)}" if view.at else f"{shown}{number}"
        if view.state in (StepState.AWAITED, StepState.PROBLEM):
            age = self.age(view.since, now) if view.since else ""
            text = self.heading("awaited_from", role=self.role(view.role.value), age=age).strip()
            reason = f" · {self.say('step_reasons', view.reason)}" if view.reason else ""
            return text + reason
        return self.say("step_reasons", view.reason) if view.reason else ""

    def _evidence_id(self, evidence_id: str) -> str:
        """A date in words; any other id unchanged."""
        return self.day(date.fromisoformat(evidence_id)) if _DAY.fullmatch(evidence_id) else evidence_id

    def late(self, level: int) -> str:
        """The level of lateness in words; empty for 0."""
        return (
            self.say("lateness", ("in_time", "reminded", "reminded_again", "escalated")[min(level, 3)]) if level else ""
        )

    def act(self, kind: ActKind, what: Mapping[str, object]) -> str:
        """What an act does; for a message or a mail its name and reader."""
        to = str(what.get("to") or "")
        if kind is ActKind.MESSAGE:
            letter = self.say("letters", str(what.get("letter") or "message"))
            return letter if to == "plan" else f"{letter} → {self.role(to)}"
        if kind is ActKind.MAIL:
            about = f": {self.say('awaited', str(what['step']))}" if what.get("step") else ""
            return f"{self.say('mails', str(what.get('mail') or 'mail'))}{about} → {self.role(to)}"
        return self.say("acts", kind.value)

    def schedule_detail(self, what: Mapping[str, object]) -> str:
        """The times and validity in an act on the schedule; empty for other acts."""
        if "times" not in what or "valid_from" not in what:
            return ""
        times = str(times_text(NightTimes.from_text(what["times"]))).replace("\n", "; ")
        first = date.fromisoformat(str(what["valid_from"]))
        last = date.fromisoformat(str(what["valid_to"])) if what.get("valid_to") else None
        until = self.heading("until", day=self.day(last)) if last else self.heading("open_end")
        return f"{times} · {self.heading('from', day=self.day(first))} {until}"

    def nights(self, read: Reading) -> list[tuple[str, str]]:
        """What was read from a text about times: each night of the week and its looks."""
        nights: list[tuple[str, str]] = []
        for night, at in zip(Weekday, read.times.nights, strict=True):
            none = "times_kept" if night in read.kept else "times_none"
            nights.append((night.swedish, ", ".join(f"{t:%H:%M}" for t in at) or self.say("status", none)))
        return nights

    def act_state(self, act: Act) -> str:
        return self.say("act_states", act.state.value)

    def why(self, code: str) -> str:
        """Why an act is called for. The code is in one of several sections."""
        section = next((s for s in _WHY if self.texts.has(s, code)), _WHY[0])
        return self.say(section, code)

    def unwatched(self, why: Unwatched, now: datetime) -> str:
        """Why a person is without supervision, and for how long, if known."""
        section = "unwatched" if self.texts.has("unwatched", why.cause) else "causes"
        return self.say(section, why.cause) + (f", {self.age(why.since, now)}" if why.since else "")

    def without(self, why: Unwatched, now: datetime) -> str:
        """That a person is without supervision and why; or that they shall be, while it still runs in Phoniro."""
        code = "shall_be_without" if why.runs else "without"
        return self.say("status", code, why=self.unwatched(why, now))

    def unusable(self, order: WaitingOrder) -> str:
        """Why an order can't be used."""
        problem = order.problem
        params = {"id": order.order_id, "resource": problem.resource, **dict(problem.params)}
        return self.say("attention", problem.code, **params)

    def visible(self, note: str) -> str:
        """A note's text as a reader sees it, also if it is RTF."""
        return visible_text(note)

    def attention(self, notice: Attention) -> str:
        params = dict(notice.params)
        if notice.code == "stale":
            names = params["resources"].split(", ")
            params["resources"] = ", ".join(self.say("resources", name) for name in names)
        return self.say("attention", notice.code, **params)
