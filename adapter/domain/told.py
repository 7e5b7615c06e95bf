"""What each reader was last told, and how a new letter comes to be wanted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from adapter.domain.calendar import after_quiet_hours
from adapter.domain.ledger import Act, ActKind, Wanted, What
from adapter.domain.routine import Letter
from adapter.domain.situation import Situation

COORDINATOR, ALARM_TEAM, AUTHORITY, PLAN = "coordinator", "alarm_team", "authority", "plan"
NIGHT = "night"
"""Who works at night: reached by mail alone."""


class Told:
    """What each reader was last told, folded from the ledger. A letter that could only be asked for by mail counts as
    one (LA9)."""

    def __init__(self, acts: Iterable[Act]) -> None:
        self.acts = [a for a in acts if a.kind in (ActKind.MESSAGE, ActKind.MAIL) and a.counts]
        self.letters = [a for a in self.acts if "letter" in a.what]

    def last(self, to: str, *letters: Letter) -> Act | None:
        return next(
            (a for a in reversed(self.letters) if a.what["to"] == to and (not letters or a.what["letter"] in letters)),
            None,
        )

    def topic(self, topic: str) -> Act | None:
        return next((a for a in reversed(self.acts) if a.key.startswith(f"{topic}:")), None)

    def count(self, topic: str) -> int:
        return sum(1 for a in self.acts if a.key.startswith(f"{topic}:"))

    def values(self, to: str, letters: tuple[Letter, ...], name: str) -> set[str]:
        """Everything told under a JSON list's name in these letters."""
        found: set[str] = set()
        for act in self.letters:
            if act.what["to"] == to and act.what["letter"] in letters:
                found |= set(json.loads(str(act.what.get(name) or "[]")))
        return found


class Writer:
    """Collects the letters wanted. What can't be written as a note, for a person whom the key can't see, is asked for
    by mail."""

    def __init__(self, s: Situation) -> None:
        self.s = s
        self.told = Told(s.ledger.acts)
        self.letters: list[Wanted] = []
        period = s.mandate.at_or_after(s.today)
        self.unit = period.unit_id if period else self._last_unit()
        self.execution = self._execution()
        self.first_day = min((p.first for p in s.mandate.run), default=s.today).isoformat()
        self.last_day = s.mandate.last_day.isoformat() if s.mandate.last_day else None

    def _last_unit(self) -> int | None:
        act = self.told.last(COORDINATOR)
        unit = act.what.get("unit") if act else None
        return unit if isinstance(unit, int) else None

    def _execution(self) -> int | None:
        """Where the letter stands: the case's execution, while it is there to be written on."""
        period = self.s.mandate.at_or_after(self.s.today)
        candidates = ([period.execution] if period and period.execution else []) + list(self.s.mandate.executions)
        return next((e.id for e in candidates if e.current(self.s.today)), None)

    def topical(self, topic: str, letter: Letter, to: str, **fields: str | int | bool | None) -> None:
        """A letter that tells the present state of a topic, in place of what was told before."""
        self._add(f"{topic}:{self.told.count(topic)}", letter, to, fields, after_quiet_hours(self.s.now, self.s.policy))

    def urgent(self, topic: str, letter: Letter, to: str, fields: What, not_before: datetime | None = None) -> None:
        """The same, quiet hours or not; ``not_before`` (UTC) gives the act that it tells of the time to be seen."""
        self._add(f"{topic}:{self.told.count(topic)}", letter, to, fields, not_before)

    def once(self, key: str, letter: Letter, to: str, **fields: str | int | bool | None) -> None:
        """A letter about one event, told once for ever."""
        if not any(a.key == key for a in self.told.letters):
            self._add(key, letter, to, fields, after_quiet_hours(self.s.now, self.s.policy))

    def night(self, topic: str, mail: str, fields: What, not_before: datetime | None = None) -> None:
        """An urgent mail to those who work at night in the unit, where they have a mailbox."""
        if self.s.policy.has_night_mailbox(self.unit):
            what: What = {**self.s.about, "mail": mail, "to": NIGHT, **fields}
            key = f"{topic}:{self.told.count(topic)}"
            self.letters.append(Wanted(key, ActKind.MAIL, what, why=mail, not_before=not_before))

    def _add(self, key: str, letter: Letter, to: str, fields: What, not_before: datetime | None) -> None:
        what: What = {"letter": letter.value, "to": to, "unit": self.unit, "execution": self.execution, **fields}
        kind = ActKind.MESSAGE
        if self.s.facts.client.value.client_id is None:
            kind, what = ActKind.MAIL, {**self.s.about, "mail": "unwritten", **what}
        self.letters.append(Wanted(key, kind, what, why=letter.value, not_before=not_before))
