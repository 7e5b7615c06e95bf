"""The adapter's counts agree with a second count from the simulated vendors' own histories."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from adapter.domain.facts import Signal
from adapter.domain.ledger import Act, ActKind, ActState, Look, LookOutcome
from adapter.domain.nights import NightWindow
from adapter.engine.recount import recount
from adapter.engine.retention import forget
from adapter.followup import tallies
from adapter.followup.tallies import Tally
from adapter.store import counts
from connectors.mock.phoniro.schemas import SetOutcome
from tests.world import ANNA, World

AT = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
"""Half past midnight on the third, in local time."""
ZONE = ZoneInfo("Europe/Stockholm")
BERT, CAJSA = "19350202TF02", "19360303TF03"


def act(kind: ActKind, key: str = "k", **what: str | int | bool | None) -> Act:
    return Act(1, key, kind, ActState.DONE, what, AT)


async def counted(world: World) -> Counter[str]:
    rows = await world.db.run(lambda c: counts.between(c, "exempel", date(2026, 1, 1), date(2027, 12, 31)))
    found: Counter[str] = Counter()
    for row in rows:
        found[row.what] += row.number
    return found


def test_a_day_is_the_local_one_and_a_unit_the_case_s_own() -> None:
    (tally,) = tallies.of_act(act(ActKind.MESSAGE, letter="received", unit=7), AT, 7102, ZONE)
    assert tally == Tally(date(2026, 3, 3), 7102, "message.received")
    (tally,) = tallies.of_act(act(ActKind.MESSAGE, letter="received", unit=7), AT, None, ZONE)
    assert tally.unit == 7


def test_a_reminder_is_counted_by_step_and_level() -> None:
    mail = act(ActKind.MAIL, "late:I4:2026-03-02:3", mail="escalation")
    found = tallies.of_act(mail, AT, 7101, ZONE)
    assert [(t.what, t.value) for t in found] == [("mail.escalation", 0), ("reminded.I4", 3)]


def test_the_word_of_a_missed_look_is_counted_from_its_time() -> None:
    mail = act(ActKind.MAIL, "look:1:20260302T2245Z:0", mail="look_missed")
    (tally,) = tallies.lengths_of_act(mail, AT, 7101, ZONE, (), None)
    assert (tally.what, tally.value) == ("told", 45)


def test_a_look_after_midnight_belongs_to_the_night_before_and_is_unknown_until_it_is_judged() -> None:
    look = Look(1, datetime(2026, 3, 3, 1, 15, tzinfo=UTC), LookOutcome.PENDING)
    tally = tallies.of_look(look, NightWindow(), ZONE, None)
    assert tally == Tally(date(2026, 3, 2), tallies.NO_UNIT, tallies.UNKNOWN)


def test_what_is_taken_back_comes_to_nothing() -> None:
    tally = Tally(date(2026, 3, 2), 1, "look.missed")
    assert tallies.added([tally, tally, *tallies.minus([tally, tally])]) == []


async def test_a_month_of_three_lives_is_counted_as_the_vendors_have_it_and_the_purge_takes_nothing_of_it() -> None:
    """Slow, as three lives are lived to their ends, with a night that is followed look by look."""
    async with World(poll_seconds=6 * 3600, awaiting_minutes=720) as world:
        people = {}
        for person in (ANNA, BERT, CAJSA):
            world.person(person)
            people[person] = world.order(person)
        await world.settle()
        anna, bert = world.execute(people[ANNA]), world.execute(people[BERT])
        world.prepare(anna)
        world.prepare(bert)
        await world.settle()
        one = world.phoniro.schedules[0]
        first = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)
        for due, what in ((first, "missed"), (first + timedelta(hours=3, minutes=45), "camera_offline")):
            world.phoniro.set_outcome(
                SetOutcome.model_validate({"scheduleId": one.id, "dueAt": due, "outcome": what, "toldAt": None})
            )
        await world.pass_time(hours=8)
        await world.watch(datetime(2026, 3, 3, 7, 0, tzinfo=UTC))
        world.note(bert, Signal.CONSENT_WITHDRAWN)
        await world.settle()
        await world.pass_time(days=2)
        world.note(bert, Signal.CONSENT_SIGNED)
        await world.settle()
        await world.pass_time(days=1)
        world.lifecare.decision_end(people[BERT].decision_id, world.today)
        world.lifecare.will_not_be_executed(people[CAJSA].order_id)
        await world.pass_time(days=2)
        world.note(bert, Signal.EQUIPMENT_COLLECTED)
        await world.pass_time(days=1)
        world.lifecare.end_execution(bert, world.today)
        await world.pass_time(days=2)

        found = await counted(world)
        versions = Counter(v.act for s in world.phoniro.schedules for v in s.versions)
        assert {
            "created": found["started"],
            "paused": sum(n for what, n in found.items() if what.startswith("paused.")),
            "resumed": found["resumed"],
            "ended": sum(n for what, n in found.items() if what.startswith("ended.")),
        } == {name: versions[name] for name in ("created", "paused", "resumed", "ended")}
        assert (versions["created"], versions["paused"], versions["resumed"], versions["ended"]) == (2, 1, 1, 1)
        assert found["active"] == len([status for status in world.statuses() if status != "ended"]) == 1
        assert found["lead"] == found["started"]
        assert found["ordered"] == 3
        assert found["withdrawn"] == 1
        assert found["pause.consent_withdrawn"] == 1
        assert found["unwatched.consent_withdrawn"] == 2
        notes = sum(n for what, n in found.items() if what.startswith("message."))
        assert notes == len(world.lifecare.notes_written())
        assert sum(n for what, n in found.items() if what.startswith("mail.")) == len(world.mail.sent)
        assert (found["look.missed"], found["look.camera_offline"], found["told"]) == (1, 1, 2)
        assert found["look.ok"] == 2 * 3 - 2
        assert found["look.unknown"] == 0
        assert await world.db.run(lambda c: recount(c, world.tenant, date(2026, 1, 1), date(2026, 12, 31))) == []

        world.clock.time += timedelta(days=200)
        assert await forget(world.rt) != {"exempel": []}
        assert await counted(world) == found
        assert await world.db.run(lambda c: recount(c, world.tenant, date(2026, 1, 1), date(2026, 12, 31))) == []
