"""How a new letter or mail comes to be wanted."""

from __future__ import annotations

from datetime import datetime

from adapter.domain.calendar import after_quiet_hours
from adapter.domain.ledger import ActKind, ActState, Wanted, What
from adapter.domain.routine import Letter
from adapter.domain.situation import Situation
from adapter.domain.told import NIGHT


def mail_of(s: Situation, key: str, what: What, not_before: datetime | None = None) -> Wanted:
    """A mail about the case: ``what`` says which (``mail``) and to whom."""
    return Wanted(key, ActKind.MAIL, {**s.about, **what}, why=str(what["mail"]), not_before=not_before)


def daytime_mail(s: Situation, key: str, what: What) -> Wanted:
    """The same, outside quiet hours."""
    return mail_of(s, key, what, after_quiet_hours(s.now, s.policy))


class Writer:
    """Collects the letters wanted. What can't be written as a note, for a person whom the key can't see, is asked for
    by mail."""

    def __init__(self, s: Situation) -> None:
        self.s = s
        self.told = s.told
        self.letters: list[Wanted] = []
        self.unit = s.last_unit
        self.execution = self._execution()
        self.first_day = min((p.first for p in s.mandate.run), default=s.today).isoformat()
        self.last_day = s.mandate.last_day.isoformat() if s.mandate.last_day else None

    def _execution(self) -> int | None:
        """Where the letter stands: the case's execution, while it is there to be written on."""
        s = self.s
        candidates = [s.period.execution if s.period else None, *s.mandate.executions]
        return next((e.id for e in candidates if e and e.current(s.today)), None)

    def topical(self, topic: str, letter: Letter, to: str, **fields: str | int | bool | None) -> None:
        """A letter that tells the present state of a topic, in place of what was told before."""
        self._add(f"{topic}:{self.told.count(topic)}", letter, to, fields, after_quiet_hours(self.s.now, self.s.policy))

    def settled(self, topic: str, letter: Letter, to: str, **fields: str | int | bool | None) -> None:
        """A change of what was told before, after a short calm: what is changed again and again is told once."""
        key = f"{topic}:{self.told.count(topic)}"
        waits = next((a for a in self.s.ledger.acts if a.key == key and a.state is ActState.PENDING), None)
        calm = (waits.created_at if waits else self.s.now) + self.s.policy.settle_changes
        held = after_quiet_hours(max(calm, self.s.now), self.s.policy) or calm
        self._add(key, letter, to, fields, held if held > self.s.now else None)

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
            what: What = {"mail": mail, "to": NIGHT, **fields}
            self.letters.append(mail_of(self.s, f"{topic}:{self.told.count(topic)}", what, not_before))

    def _add(self, key: str, letter: Letter, to: str, fields: What, not_before: datetime | None) -> None:
        what: What = {"letter": letter.value, "to": to, "unit": self.unit, "execution": self.execution, **fields}
        kind = ActKind.MESSAGE
        if self.s.facts.client.value.client_id is None:
            kind, what = ActKind.MAIL, {**self.s.about, "mail": "unwritten", **what}
        self.letters.append(Wanted(key, kind, what, why=letter.value, not_before=not_before))
