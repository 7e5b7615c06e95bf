"""The promises, compared with what really happened at the simulated vendors."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from adapter.domain.decision import Phase
from adapter.domain.ledger import Act, ActKind, ActState, Look, ScheduleRecord, ScheduleStatus
from adapter.domain.night_letters import look_key
from adapter.domain.night_watch import CLOCK_CHANGE, found_late
from adapter.domain.reported_visits import reported
from adapter.store import cases, look_log, outbox, tables
from adapter.store.cases import Case
from adapter.store.tables import persons
from connectors.mock.phoniro.schedules import Schedule
from connectors.mock.phoniro.state import LOOKED
from tests.mappings.text_claims import denied
from tests.simulation.lives import ZONE, Life

if TYPE_CHECKING:
    from tests.simulation.town import Town

MARK = re.compile(r"\[(TK-[0-9A-Z]{6})/(\d+)-\w+\]")
CASE = re.compile(r"TK-[0-9A-Z]{6}")
FRESH = timedelta(minutes=10)
"""So long before an opening all gates must have held: facts are fresh for two minutes, and then an act may be under
way, its effect late, and a vendor's clock wrong."""
CALM_HOURS = 2
"""Hours without a storm within which an end or a pause must have had its effect: one poll, and retries."""
CORRECTED_HOURS = 26
"""The same if evidence was corrected afterwards, because it is read again daily."""
UNFINISHED = (ActState.PENDING, ActState.SENDING, ActState.UNKNOWN)
TOLD = re.compile("pausa|återkallat|avlidit", re.IGNORECASE)
"""The letters and mails that tell of a pause."""
KNOWN_AFTER = timedelta(minutes=35)
"""So long after its time a look's outcome is known."""
SKEW = timedelta(minutes=4)
"""More than the vendors' clocks may differ."""
IN_AND_OUT = (({"install"}, {"collect", "cancel", "cancel_or_fetch"}), ({"plan"}, {"plan_void"}))


SETTLED = timedelta(hours=13)
"""So long after a look it doesn't change any more, and the whole night was read once more."""


def reference_of(schedule: Schedule) -> str:
    """The reference of the case that made it."""
    return schedule.new.external_reference.rpartition("-")[0]


def _surprises_nobody(life: Life, at: datetime) -> bool:
    """A planned absence, even if something else was found later; or a day that no decision covers."""
    truth = life.truth(at)
    away = truth is not None and any(map(truth.is_away, (at, life.as_told(at))))
    return away or life.forbids(at) == "no decision in force"


def as_it_was(schedules: list[Schedule], at: datetime) -> ScheduleRecord | None:
    """The case's newest schedule at that instant, by Phoniro's own history."""
    known = [(s, v) for s in schedules if (v := s.version_at(at)) is not None]
    if not known:
        return None
    version = known[-1][1]
    ended, paused = version.ended(at), version.pausing(at)
    status = ScheduleStatus.ENDED if ended else ScheduleStatus.PAUSED if paused else ScheduleStatus.OPEN
    return ScheduleRecord(len(known), status, version.valid_from, version.valid_to, None, at)


LATE = "late"
"""The looks of an outage are told together, in mails that are about no case."""


class Broken(AssertionError):
    """A promise was broken."""


def _looks_known(c: Connection) -> tuple[dict[tuple[str, datetime], Look], Counter[str]]:
    """Looks by Phoniro's schedule id and instant, and how often each was told, by case and key."""
    s, a = tables.schedules.c, tables.acts.c
    ids = {(row.ref, row.n): row.remote_id for row in c.execute(select(s.ref, s.n, s.remote_id))}
    by_ref = look_log.since(c, "exempel", datetime.min.replace(tzinfo=UTC))
    known = {(ids[ref, look.n], _instant(look)): look for ref, some in by_ref.items() for look in some}
    mails = c.execute(select(a.ref, a.key).where(a.key.like("look:%"), a.state != ActState.DROPPED))
    told = Counter(f"{row.ref}:{row.key.rpartition(':')[0]}" for row in mails)
    told[LATE] = len(c.execute(select(a.key).where(a.key.like("outage:%"))).all())
    return known, told


def _nearest(known: dict[tuple[str, datetime], Look], schedule_id: str, at: datetime) -> Look | None:
    """The look at Phoniro's instant, which differs from ours in the nights of the clock change."""
    near = [look for (of, when), look in known.items() if of == schedule_id and abs(when - at) <= CLOCK_CHANGE]
    return min(near, key=lambda look: abs(_instant(look) - at), default=None)


def _instant(look: Look) -> datetime:
    """When Phoniro has it, if at all."""
    return datetime.fromtimestamp(int(look.id.rpartition(":")[2]), UTC) if look.id else look.due_at


class Watch:
    """Checks the world after every simulated hour."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.calm: list[tuple[datetime, bool]] = []
        self.looked_at: dict[str, int] = {}
        self.people_done = False
        self._known: dict[str, Life] = {}
        self._notes, self._marks = 0, set[tuple[str, ...]]()
        self._due: list[tuple[Schedule, datetime]] = []
        self._due_until = town.clock.now()
        self._mails = 0
        self._words: list[tuple[datetime, str]] = []
        self._untold: list[tuple[Schedule, datetime]] = []

    def hour(self) -> None:
        now = self.town.clock.now()
        stormy = self.town.weather.stormy(now, timedelta(hours=1))
        self.calm.append((now, not stormy))
        for schedule in self.town.phoniro.schedules:
            self._openings(schedule)
            self._looks(schedule, now)
        self._true(self._new_words())
        self._silence()
        self._once()
        if self.town.nights:
            self._nights(now)

    # --- who is it about --------------------------------------------------------------------------------------------

    def _life(self, schedule: Schedule) -> Life:
        external_id = schedule.new.customer_external_id
        if external_id not in self._known:
            p = persons.c
            owner = select(p.person).where(p.tenant == "exempel", p.external_id == external_id)
            person = self.town.db.run_sync(lambda c: c.scalar(owner))
            known = self.town.db.sealing
            found = next((i for i in self.town.lives if known.person("exempel", i.person_id) == person), None)
            if found is None:
                raise Broken(f"schedule {schedule.new.external_reference} is nobody's")
            self._known[external_id] = found
        return self._known[external_id]

    # --- the promises -----------------------------------------------------------------------------------------------

    def _openings(self, schedule: Schedule) -> None:
        """P1, P3: supervision was opened only with all gates, and ended only by the authority."""
        seen = self.looked_at.get(schedule.id, 0)
        for version in schedule.versions[seen:]:
            life, at = self._life(schedule), version.at
            before = schedule.versions[version.number - 2] if version.number > 1 else None
            could = before is not None and before.can_look(at)
            if version.can_look(at) and not could:
                moments = [at + SKEW - FRESH * n / 20 for n in range(27)]
                if all(life.forbids(moment) for moment in moments):
                    self._broken("P1", schedule, f"{version.act} at {at:%m-%d %H:%M:%S} though {life.forbids(at)}")
            if version.ended(at + timedelta(minutes=5)) and not life.ended_by_authority:
                self._broken("P3", schedule, "ended without a decision of the authority")
            if version.act == "paused" and not any(_surprises_nobody(life, t) for t in (at, at + SKEW)):
                self._untold.append((schedule, at))
        self.looked_at[schedule.id] = len(schedule.versions)

    def _looks(self, schedule: Schedule, now: datetime) -> None:
        """P2: after it is forbidden, nobody can look for longer than a poll and retries."""
        if not schedule.could_look(now):
            return
        life = self._life(schedule)
        reason = life.forbids(now)
        if reason is None:
            return
        limit = CORRECTED_HOURS if life.corrected else CALM_HOURS
        calm = 0
        for at, quiet in reversed(self.calm):
            if life.keeps_shut(at) is None:
                return
            calm += quiet
            if calm > limit:
                self._broken("P2", schedule, f"somebody can look, {calm} calm hours after: {reason}")
                return

    def _new_words(self) -> list[tuple[datetime, str]]:
        """The notes and mails since the last hour, each with when it was written."""
        notes, mails = self.town.lifecare.notes_written(), self.town.mail.taken
        words = [(note.written, note.text) for note in notes[self._notes :]] + mails[self._mails :]
        self._mails = len(mails)
        self._words += words
        return words

    def _true(self, words: list[tuple[datetime, str]]) -> None:
        """P10: no note or mail claims something that Phoniro's own history denies."""
        for at, text in words:
            ref = CASE.search(text)
            theirs = [s for s in self.town.phoniro.schedules if ref and reference_of(s) == ref.group(0)]
            moments = [at + SKEW - FRESH * n / 20 for n in range(27)]
            wrong = [set(denied(text, as_it_was(theirs, moment))) for moment in moments]
            if ref and (claims := set.intersection(*wrong)):
                self.town.broken(f"P10: {ref.group(0)} was told at {at:%m-%d %H:%M:%S} {claims}:\n{text}")

    def _silence(self) -> None:
        """P11: somebody is told of a pause at once."""
        untold = []
        for schedule, since in self._untold:
            ref = reference_of(schedule)
            words = (text for at, text in self._words if at >= since - FRESH and ref in text)
            paused = schedule.now.act == "paused" and schedule.now.at == since
            if not paused or any(map(TOLD.search, words)):
                continue
            untold.append((schedule, since))
            if sum(quiet for at, quiet in self.calm if at > since) > CALM_HOURS:
                self._broken("P11", schedule, f"paused at {since:%m-%d %H:%M:%S}, and nobody was told")
        self._untold = untold

    def _once(self) -> None:
        """P4: no message, schedule or mail twice."""
        notes = self.town.lifecare.notes_written()
        for note in notes[self._notes :]:
            if "dubblett" not in note.text and (found := MARK.search(note.text)):
                mark = found.groups()
                if mark in self._marks:
                    self.town.broken(f"P4: the note {found.group(0)} was written more than once")
                self._marks.add(mark)
        self._notes = len(notes)
        open_ones = Counter(
            s.new.customer_external_id for s in self.town.phoniro.schedules if not s.now.ended(self.town.phoniro.now)
        )
        for number in open_ones.values():
            if number > 1:
                self.town.broken(f"P4: a person has {number} schedules at once")
        for message_id, mails in self.town.mail.sent.items():
            if len(set(mails)) > 1:
                self.town.broken(f"P4: mail {message_id} was sent with different texts")

    def _nights(self, now: datetime) -> None:
        """P12: each due look has its true outcome, or is told as not done. P10: nobody is said to have looked without a
        right, because here nobody does. Checked after two calm hours, and again when nothing more can come."""
        until = now - timedelta(hours=CALM_HOURS)
        self._due += [(s, at) for s in self.town.phoniro.schedules for at in s.looks(self._due_until, until)]
        self._due_until = until
        if not self._due or not all(quiet for _, quiet in self.calm[-CALM_HOURS - 1 :]):
            return
        known, told = self.town.db.run_sync(_looks_known)
        for schedule, at in self._due:
            if self._is_plain(schedule, at, now):
                self._look(schedule, at, _nearest(known, schedule.id, at), told, settled=now - at > SETTLED)
        self._due = [(s, at) for s, at in self._due if now - at <= SETTLED]
        for (schedule_id, at), look in known.items():
            if not look.entitled:
                self._broken("P10", self.town.phoniro.schedule(schedule_id), f"a look without a right at {at}")

    def _is_plain(self, schedule: Schedule, at: datetime, now: datetime) -> bool:
        """Whether the look was certainly due: nothing changed around it or since."""
        changed = any(abs(version.at - at) < timedelta(minutes=15) for version in schedule.versions)
        life = self._life(schedule)
        if at < life.as_told(schedule.versions[0].at):
            return False  # by the adapter's clock, which was ahead, the schedule wasn't made yet
        return not changed and not any(map(life.forbids, (at, at + timedelta(minutes=40), now))) and not life.corrected

    def _look(self, schedule: Schedule, at: datetime, look: Look | None, told: Counter[str], *, settled: bool) -> None:
        phoniro, what = self.town.phoniro, f"the look at {at:%m-%d %H:%M}"
        if look is None or look.judged_at is None:
            self._broken("P12", schedule, f"{what} isn't known")
            return
        listed = phoniro.told(at, schedule.id) is not None
        done = listed and phoniro.supervision(at, schedule.id)["outcome"] in LOOKED
        if settled and look.done != done:
            self._broken("P12", schedule, f"{what} is known as {look.outcome}, done: {done}")
        topic = f"{reference_of(schedule)}:{look_key(look.n, look.due_at)}"
        late = found_late(look, KNOWN_AFTER, ZONE) and told[LATE]
        if look.not_done and told[topic] % 2 == 0 and not late:
            self._broken("P12", schedule, f"{what} isn't done and nobody was told")
        if look.done and told[topic] % 2:
            self._broken("P12", schedule, f"{what} was told as not done and never corrected")

    # --- at the end -------------------------------------------------------------------------------------------------

    def _cases(self) -> list[tuple[Case, tuple[Act, ...]]]:
        def read(c: object) -> list[tuple[Case, tuple[Act, ...]]]:
            found = cases.all_cases(c, "exempel", open_only=False)  # type: ignore[arg-type]  # a connection
            return [(case, outbox.acts(c, case.tenant, case.ref)) for case in found]  # type: ignore[arg-type]

        return self.town.db.run_sync(read)

    def settled(self) -> None:
        """P5: without faults everything is as it should be: the night staff can look where they may, and nothing is
        left over."""
        now = self.town.clock.now()
        able = {self._life(s).person_id for s in self.town.phoniro.schedules if s.could_look(now)}
        people = {case.person_id for case, _ in self._cases()}
        for life in self.town.lives:
            if life.order is None:
                continue
            if life.person_id not in people:
                self.town.broken(f"P5: {life.person_id[-4:]} was ordered a camera and has no case")
            reason = life.forbids(now)
            if (reason is None) != (life.person_id in able):
                self.town.broken(
                    f"P5: {life.person_id[-4:]}: {reason or 'may be looked at'}, and it isn't so at Phoniro"
                )
        self._left_over(now)

    def _left_over(self, now: datetime) -> None:
        for case, acts in self._cases():
            for act in acts:
                if act.state is ActState.PARKED or (act.state in UNFINISHED and act.attempts):
                    self.town.broken(f"P5: {case.ref} act {act.n} {act.key} is left {act.state}: {act.error}")
            if case.error:
                self.town.broken(f"P5: {case.ref}: {case.error}")

    def closed(self) -> None:
        """P7: everything is undone, and the cases are closed."""
        self._left_over(self.town.clock.now())
        for case, acts in self._cases():
            letters = {a.what.get("letter") for a in acts if a.state is ActState.DONE and a.kind is ActKind.MESSAGE}
            waits = ", ".join(f"{a.key} {a.state}" for a in acts if a.state in UNFINISHED)
            if case.phase is not Phase.CLOSED:
                self.town.broken(f"P7: {case.ref} of {case.person_id[-4:]} isn't closed but {case.phase}: {waits}")
            for way_in, way_out in IN_AND_OUT:
                if letters & way_in and not letters & way_out:
                    self.town.broken(f"P7: {case.ref}: {way_in} and no {way_out}")
            written = {m.group(0) for n in self.town.lifecare.notes_written() if (m := MARK.search(n.text))}
            for act in acts:
                mark = f"[{case.ref}/{act.mark}]"
                if act.kind is ActKind.MESSAGE and (act.state is ActState.DONE) != (mark in written):
                    self.town.broken(f"P4: {mark} is {act.state} in the ledger, and written: {mark in written}")
        self._written_back()
        for schedule in self.town.phoniro.schedules:
            if not schedule.now.ended(self.town.phoniro.now):
                self._broken("P7", schedule, "isn't ended")
        for customer in self.town.phoniro.customers.values():
            if customer.first_name or customer.personal_identity_number:
                self.town.broken("P7: a person's data is left at Phoniro")

    def _written_back(self) -> None:
        """P4: in the end each look that was done is one reported visit, and no other look is."""
        if not self.town.writes_back:
            return
        known = self.town.db.run_sync(lambda c: look_log.since(c, "exempel", self.town.start))
        called_for = {look.id for looks in known.values() for look in looks if reported(look)}
        standing = Counter(row["ExternalId"] for row in self.town.lifecare.visits())
        for look_id in sorted(called_for ^ standing.keys() | {one for one, n in standing.items() if n > 1}, key=str):
            number = standing.get(look_id, 0)
            self.town.broken(f"P4: look {look_id} stands {number} times in Lifecare, done: {look_id in called_for}")
        for look_id in standing:
            schedule_id, _, due = look_id.rpartition(":")
            outcome = self.town.phoniro.supervision(datetime.fromtimestamp(int(due), UTC), schedule_id)["outcome"]
            if outcome not in LOOKED:
                self.town.broken(f"P4: look {look_id} stands in Lifecare and was {outcome}")

    def _broken(self, promise: str, schedule: Schedule, what: str) -> None:
        life = self._life(schedule)
        self.town.broken(f"{promise}: {schedule.new.external_reference} of {life.person_id[-4:]}: {what}")
