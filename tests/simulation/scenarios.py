"""Short stories that each need some protections. Each takes a second, ends well with them, and names the promise that
breaks where one is taken out."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapter.domain.facts import Signal
from adapter.domain.ledger import ActState, Wanted
from adapter.domain.reported_visits import visit_wanted
from adapter.engine import jobs, look_reader, runtime
from adapter.engine.worker import work
from adapter.store import cases, look_log, outbox
from connectors.mock.faults import Kind, Rule
from connectors.mock.phoniro.night_plan import Told
from tests.simulation.loop import SetClock
from tests.simulation.promises import Broken
from tests.watch.written_back import changes, mapping_with
from tests.world import ANNA, World, down

SENT = 5
"""Notes until supervision runs: received, install, times, plan."""
Story = Callable[[], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """``instead`` replaces the thing of that name, and then ``story`` breaks."""

    what: str
    name: str
    instead: object
    story: Story


MUTANTS: list[Mutant] = []


def needs(what: str, name: str, instead: object) -> Callable[[Story], Story]:
    """The story below needs this protection, which is taken out where ``instead`` replaces the thing of that name."""

    def noted(story: Story) -> Story:
        MUTANTS.append(Mutant(what, name, instead, story))
        return story

    return noted


async def _nothing(*_: object) -> None:
    return None


class WorldOfTwoClocks(World):
    """The vendors' clock runs on; the adapter's clock is set now and then."""

    def adapters_clock(self) -> runtime.Clock:
        self.own = SetClock(self.clock)
        return self.own

    async def set_clock(self, step: timedelta) -> None:
        """Like ``Jobs``, which notices it a moment later."""
        self.own.step(step)
        if step < timedelta(0):
            await jobs._shorten_leases(self.rt, -step)

    async def _next(self) -> datetime | None:
        soon = await super()._next()
        return soon - self.own.ahead if soon else None


def _once(world: World, count: int = SENT) -> None:
    texts = [note.text for note in world.lifecare.notes_written()]
    marks = [text.rpartition("[")[2] for text in texts]
    bodies = [text.rpartition("[")[0] for text in texts]
    if len(set(marks)) != len(marks) or len(set(bodies)) != len(bodies) or len(texts) != count:
        raise Broken(f"P4: {len(texts)} notes in place of {count}, {len(set(marks))} marks")
    acts = [version.act for schedule in world.phoniro.schedules for version in schedule.versions]
    if acts != ["created"]:
        raise Broken(f"P4: the schedule was {acts}")


@needs(
    "settle: a lost answer is looked for at once",
    "adapter.engine.tuning.Tuning.settle",
    property(lambda _: timedelta(0), lambda *_: None),
)
async def late_effects() -> None:
    """Notes whose answers were given up are written 25 seconds later."""
    async with World() as world:
        late = Rule(kind=Kind.LATE_EFFECT, method="POST", pattern="/provider_notes", seconds=25, cut=True, times=SENT)
        world.lifecare_faults.add(late)
        world.ready()
        await world.pass_time(hours=2)
        world.lifecare_faults.tick()
        _once(world)


@needs("lease of an act: a write after it", "adapter.engine.act_runner._Turn._in_time", lambda _self: True)
async def a_sleeper() -> None:
    """A process stalls before it sends a note, another one takes over, and the first one wakes up."""
    slept = 0

    async def sleeps(point: str) -> None:
        nonlocal slept
        if point == "act message about to be sent" and not slept:
            slept = 1
            other = world._service()
            object.__setattr__(other.runtime, "pause", None)
            for _ in range(8):
                world.clock.time += timedelta(seconds=61)
                await work(other.runtime)

    async with World(pause=sleeps) as world:
        world.ready()
        await world.pass_time(hours=2)
        _once(world)


@needs(
    "lease of a case, guarded update: given back without its version",
    "adapter.store.due.hold",
    lambda c, case, _owner: cases.the_case(c, case.tenant, case.ref),
)
async def an_old_reading() -> None:
    """A process stalls after it has read a case. What another process reads meanwhile must stay."""
    slept = 0

    async def sleeps(point: str) -> None:
        nonlocal slept
        if point == "case read" and slept == 1:
            slept = 2
            world.note(execution, Signal.CONSENT_WITHDRAWN)
            other = world._service()
            object.__setattr__(other.runtime, "pause", None)
            world.clock.time += timedelta(seconds=61)
            await work(other.runtime)

    async with World(pause=sleeps) as world:
        _, execution = world.ready()
        await world.pass_time(minutes=30)
        slept = 1
        world.lifecare.absence(ANNA, world.today + timedelta(days=9), world.today + timedelta(days=10))
        await world.cycle()
        await world.pass_time(hours=1)
        (schedule,) = world.phoniro.schedules
        acts = [version.act for version in schedule.versions]
        if acts != ["created", "paused"]:
            raise Broken(f"P1: consent was withdrawn, and the schedule was {acts}")


@needs(
    "lookup before resend: unknown is taken for failed",
    "adapter.engine.act_runner._Turn._look",
    lambda self, _context: self._had_no_effect(self.rt.clock.now()),
)
async def a_lost_creation_that_is_no_longer_wanted() -> None:
    """The answer to a creation is lost after its effect, and consent is withdrawn before it is looked up."""
    async with World(settle_seconds=150) as world:
        world.phoniro_faults.add(Rule(kind=Kind.CUT_AFTER, method="POST", pattern="/supervision-schedules[?]"))
        _, execution = world.ready()
        await world.cycle()
        world.note(execution, Signal.CONSENT_WITHDRAWN)
        await world.cycle()
        await world.pass_time(hours=2)
        if world.statuses() != ["paused"]:
            raise Broken("P2: somebody can look though consent was withdrawn two hours ago")


@needs("fresh facts: openings on facts however old", "adapter.engine.act_runner._Turn._outdated", lambda *_: False)
async def old_facts() -> None:
    """Consent is withdrawn while Phoniro doesn't answer, and nothing is read before it does."""
    async with World(poll_seconds=43200, awaiting_minutes=600) as world:
        dead = down(world.phoniro)
        _, execution = world.ready()
        await world.cycle()
        await world.pass_time(minutes=20)
        world.note(execution, Signal.CONSENT_WITHDRAWN)
        world.phoniro_faults.remove(dead)
        await world.pass_time(hours=2)
        if world.statuses():
            raise Broken("P1: a schedule was created without a consent that stands")


@needs(
    "end before message: all acts of a case in one queue", "adapter.store.outbox._leading", lambda rows: list(rows[:1])
)
async def a_dead_lifecare() -> None:
    """A message can't be written in Lifecare, but e-tillsyn is paused in Phoniro anyway."""
    async with World() as world:
        _, execution = world.ready()
        await world.pass_time(minutes=30)
        down(world.lifecare, method="POST")
        world.note(execution, Signal.TIMES_CHANGED, "23:00 och 04:00")
        await world.pass_time(hours=1)
        world.note(execution, Signal.CONSENT_WITHDRAWN)
        await world.pass_time(hours=2)
        if world.statuses() != ["paused"]:
            raise Broken("P2: somebody can look though consent was withdrawn two hours ago")


_settle_wanted = outbox.settle_wanted


def _keys_not_unique(conn: Any, case: cases.Case, wanted: Sequence[Wanted], **more: Any) -> outbox.Settled:
    return _settle_wanted(conn, case, [replace(w, key=f"{w.key}:{case.version}") for w in wanted], **more)


@needs(
    "a note's mark: it is sent again without being sought",
    "adapter.gateways.notes.NoteExecutor._marked",
    lambda *_: None,
)
@needs(
    "unique key of an act: each decision's acts are new ones", "adapter.store.outbox.settle_wanted", _keys_not_unique
)
async def decided_again() -> None:
    """A case is decided again while the outcome of its acts is unknown."""
    async with World() as world:
        world.lifecare_faults.add(Rule(kind=Kind.CUT_AFTER, method="POST", pattern="/provider_notes", times=SENT))
        world.person()
        order = world.order()
        await world.cycle()
        world.prepare(world.execute(order))
        await world.cycle()
        await world.pass_time(hours=2)
        _once(world)
        if {act.state for act in await world.acts()} != {ActState.DONE}:
            raise Broken("P5: an act was left undone")


@needs("a clock set back: delays last until the clock is there again", "adapter.engine.jobs._shorten_leases", _nothing)
async def a_clock_set_by_an_hour() -> None:
    """By then Phoniro has been away for twenty minutes or for one: its breaker is open, or there are only delays."""
    await _set_by(timedelta(hours=1), 20)
    await _set_by(timedelta(hours=-1), 1)


@needs(
    "a clock set back: a vendor that is down is tried when the clock is there again",
    "adapter.engine.circuit_breaker.Breaker.probe_due",
    lambda self, now: self.probe_at is not None and self.probe_at <= now,
)
async def a_clock_set_by_a_day() -> None:
    """The same, the other way round."""
    await _set_by(timedelta(days=1), 1)
    await _set_by(timedelta(days=-1), 20)


async def _set_by(step: timedelta, minutes: float) -> None:
    """Consent is withdrawn while Phoniro is away, the adapter's clock is set, and Phoniro comes back. Nobody can look
    for long, whatever delay the pause had by the old clock. When consent is given again, nobody is left without
    supervision. Then the clock is set right."""
    async with WorldOfTwoClocks(awaiting_minutes=10) as world:
        _, execution = world.ready()
        await world.pass_time(minutes=30)
        _once(world)
        dead = down(world.phoniro)
        world.note(execution, Signal.CONSENT_WITHDRAWN)
        await world.cycle()
        await world.pass_time(minutes=minutes)
        await world.set_clock(step)
        world.phoniro_faults.remove(dead)
        await world.pass_time(minutes=20)
        if world.statuses() != ["paused"]:
            raise Broken(f"P2: the clock was set by {step}, and somebody can look 20 minutes later")
        world.note(execution, Signal.CONSENT_SIGNED)
        await world.cycle()
        await world.pass_time(minutes=20)
        if world.statuses() != ["active"]:
            raise Broken(f"P5: the clock was set by {step}, and nobody can look though consent was given")
        await world.set_clock(-step)
        await world.pass_time(minutes=20)
        marks = [note.text.rpartition("[")[2] for note in world.lifecare.notes_written()]
        if len(set(marks)) != len(marks):
            raise Broken(f"P4: the clock was set by {step}, and a note came twice")
        if {act.state for act in await world.acts()} != {ActState.DONE}:
            raise Broken(f"P5: the clock was set by {step}, and an act was left undone")


@needs(
    "facts read in the future: they are younger than any",
    "adapter.engine.act_runner._Turn._outdated",
    lambda self: self.claimed.opens and self.began - self.claimed.facts_at > self.rt.tuning.fresh,
)
async def facts_to_come() -> None:
    """A schedule waits for Phoniro. Its facts were read before the clock was set back, and then consent is withdrawn.
    The old facts don't count as fresh."""
    for step in (timedelta(hours=-1), timedelta(days=-1)):
        async with WorldOfTwoClocks(poll_seconds=43200, awaiting_minutes=600) as world:
            dead = down(world.phoniro, method="POST", pattern="/supervision-schedules")
            _, execution = world.ready()
            await world.cycle()
            await world.pass_time(minutes=20)
            await world.set_clock(step)
            world.note(execution, Signal.CONSENT_WITHDRAWN)
            world.phoniro_faults.remove(dead)
            await world.pass_time(minutes=30)
            if world.statuses():
                raise Broken("P1: a schedule was created without a consent that stands")


@needs(
    "overlap of the looks' window: read from where the last reading ended",
    "adapter.engine.look_reader.span",
    lambda _policy, cursor, now: look_reader.Span(cursor or now, now),
)
@needs("looks that are due: only those that the platform lists", "adapter.domain.night_watch.due_looks", lambda *_: ())
@needs(
    "a look's correction: what was told as not done stays so",
    "adapter.engine.look_reader.is_news",
    lambda look, _before, _earlier: look.not_done,
)
async def a_night() -> None:
    """One look is done late, one isn't even listed, one is listed as missed and corrected in the morning."""
    async with World() as world:
        world.ready()
        await world.settle()
        (schedule,) = world.phoniro.schedules
        evening = world.clock.time.replace(hour=20, minute=0)
        first, second, third = schedule.looks(evening, evening + timedelta(hours=9))
        told: dict[datetime, Told | None] = {first: ((timedelta(minutes=20), "ok"),), second: None}
        told[third] = ((timedelta(minutes=5), "missed"), (timedelta(minutes=200), "ok"))
        world.phoniro.told = lambda due, schedule_id: told[due]  # type: ignore[method-assign]
        world.clock.time = evening
        world.mail.sent.clear()
        await world.watch(evening + timedelta(hours=13), every=timedelta(minutes=25))
        known = await world.db.run(lambda c: look_log.since(c, "exempel", evening))
        outcomes = [look.outcome.value for look in known.get((await world.case()).ref, ())]
        subjects = [subject.split()[0] for _, _, subject, _ in world.mail.sent]
        if outcomes != ["ok", "absent", "ok"] or subjects != ["Nattillsyn", "Nattillsyn", "Rättelse:"]:
            raise Broken(f"P12: the looks are known as {outcomes}, and told were {subjects}")


@needs(
    "a visit's lookup: it is sent again without being sought", "adapter.gateways.visits.VisitExecutor._known", _nothing
)
@needs(
    "a visit taken back: what was written of a look stays",
    "adapter.engine.write_back.visit_wanted",
    lambda ref, look, acts, *more, **of: None if acts else visit_wanted(ref, look, acts, *more, **of),
)
async def a_night_written_back() -> None:
    """One look is done, and the answer to its visit is lost. One is listed as done, and then as missed."""
    with TemporaryDirectory() as folder:
        async with World(mapping=mapping_with(Path(folder))) as world:
            world.ready()
            await world.settle()
            (schedule,) = world.phoniro.schedules
            evening = world.clock.time.replace(hour=20, minute=0)
            first, second, third = schedule.looks(evening, evening + timedelta(hours=9))
            soon, late = timedelta(minutes=5), timedelta(minutes=40)
            told: dict[datetime, Told] = {first: ((soon, "ok"),), second: ((soon, "ok"), (late, "missed"))}
            told[third] = ((soon, "missed"),)
            world.phoniro.told = lambda due, schedule_id: told[due]  # type: ignore[method-assign]
            world.lifecare_faults.add(Rule(kind=Kind.CUT_AFTER, method="POST", pattern="/reported_visits"))
            world.clock.time = evening
            await world.watch(evening + timedelta(hours=9), every=timedelta(minutes=25))
            found, written = [row["StartTime"] for row in world.lifecare.visits()], changes(world.lifecare)
            unfinished = await world.db.run(lambda c: outbox.release_parked(c, "exempel", world.clock.now()))
            if found != [first] or written != ["created", "created", "deleted"] or unfinished:
                raise Broken(f"P4: visits of {len(found)} looks, {written}, {unfinished} parked")
