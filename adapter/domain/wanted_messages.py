"""How letters and mails come to be wanted, for every part of the decision."""

from datetime import datetime

from adapter.domain.already_told import NIGHT
from adapter.domain.calendar import after_quiet_hours
from adapter.domain.ledger import ActKind, ActState, Wanted, What
from adapter.domain.routine import Letter
from adapter.domain.situation import Situation


class WantedMessages:
    """Collects what is ``wanted``, and in ``wakes`` the instants (UTC) at which the same facts will want more. If the
    key can't see the person, a letter can't be written as a note and is asked for by mail.

    What is told under a *topic* is told again when it changes: its keys are numbered. What is told under a *key* is
    told once for ever.
    """

    def __init__(self, s: Situation) -> None:
        self.s = s
        self.told = s.told
        self.wanted: list[Wanted] = []
        self.wakes: list[datetime] = []
        self.unit = s.last_unit
        self.execution = self._execution()
        self.first_day = min((p.first for p in s.mandate.run), default=s.today).isoformat()
        self.last_day = s.mandate.last_day.isoformat() if s.mandate.last_day else None

    def _execution(self) -> int | None:
        """The execution that a letter is written on, if one is there to write on."""
        s = self.s
        candidates = [s.period.execution if s.period else None, *s.mandate.executions]
        return next((e.id for e in candidates if e and e.current(s.today)), None)

    def topical(self, topic: str, letter: Letter, to: str, **fields: str | int | bool | None) -> None:
        """A letter with the present state of a topic. It replaces what was told before."""
        self._letter(self._next(topic), letter, to, fields, self._daytime())

    def settled(self, topic: str, letter: Letter, to: str, **fields: str | int | bool | None) -> None:
        """A letter with a change, after a short wait: what changes again and again is told once."""
        key = self._next(topic)
        waits = next((a for a in self.s.ledger.acts if a.key == key and a.state is ActState.PENDING), None)
        calm = (waits.created_at if waits else self.s.now) + self.s.policy.settle_changes
        held = after_quiet_hours(max(calm, self.s.now), self.s.policy) or calm
        self._letter(key, letter, to, fields, held if held > self.s.now else None)

    def urgent(self, topic: str, letter: Letter, to: str, fields: What, not_before: datetime | None = None) -> None:
        """As ``topical``, but in quiet hours too. ``not_before`` (UTC) gives the act that it tells of time to be
        seen."""
        self._letter(self._next(topic), letter, to, fields, not_before)

    def once(self, key: str, letter: Letter, to: str, **fields: str | int | bool | None) -> None:
        """A letter about one event."""
        if not any(a.key == key for a in self.told.letters):
            self._letter(key, letter, to, fields, self._daytime())

    def mail(self, key: str, what: What) -> None:
        """A mail outside quiet hours, once. ``what`` says which mail (``mail``) and to whom (``to``)."""
        if not any(a.key == key for a in self.told.acts):
            self._mail(key, what, self._daytime())

    def urgent_mail(self, topic: str, what: What, not_before: datetime | None = None) -> None:
        """A mail about a topic, in quiet hours too."""
        self._mail(self._next(topic), what, not_before)

    def night(self, topic: str, mail: str, fields: What, not_before: datetime | None = None) -> None:
        """An urgent mail to the unit's night mailbox, if there is one."""
        if self.s.policy.has_night_mailbox(self.unit):
            self.urgent_mail(topic, {"mail": mail, "to": NIGHT, **fields}, not_before)

    def _next(self, topic: str) -> str:
        return f"{topic}:{self.told.count(topic)}"

    def _daytime(self) -> datetime | None:
        return after_quiet_hours(self.s.now, self.s.policy)

    def _mail(self, key: str, what: What, not_before: datetime | None) -> None:
        about = {**self.s.about, **what}
        self.wanted.append(Wanted(key, ActKind.MAIL, about, why=str(what["mail"]), not_before=not_before))

    def _letter(self, key: str, letter: Letter, to: str, fields: What, not_before: datetime | None) -> None:
        what: What = {"letter": letter.value, "to": to, "unit": self.unit, "execution": self.execution, **fields}
        kind = ActKind.MESSAGE
        if self.s.facts.client.value.client_id is None:
            kind, what = ActKind.MAIL, {**self.s.about, "mail": "unwritten", **what}
        self.wanted.append(Wanted(key, kind, what, why=letter.value, not_before=not_before))
