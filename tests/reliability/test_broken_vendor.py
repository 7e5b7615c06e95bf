"""A broken vendor stops nothing that doesn't need it and isn't called without pause. Once it is back, what waited is
sent at an even pace (P6)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select

from adapter.domain.ledger import ActState
from adapter.engine.circuit_breaker import IN_A_ROW, Breaker, Breakers
from adapter.engine.retry_policy import RULES
from adapter.engine.worker import EVENLY
from adapter.ports import Failure, PortError
from adapter.store.tables import acts
from connectors.mock.lifecare.acts import Ordered
from tests.conftest import Logs
from tests.outside import person
from tests.world import World, down

_READY = select(acts.c.ref, acts.c.ready_at).where(acts.c.n == 1)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FIRST, CAP = timedelta(seconds=15), timedelta(seconds=60)
VENDORS_FAULT = {Failure.TRANSIENT, Failure.UNAUTHORISED, Failure.AMBIGUOUS, Failure.CONTRACT}
WITHOUT_A_CALL = {Failure.NOT_SENT, Failure.UNMAPPED}


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def fails(breaker: Breaker, now: datetime, failure: Failure = Failure.TRANSIENT, times: int = 1) -> None:
    for _ in range(times):
        breaker.failure(now, PortError(failure, "no", vendor=breaker.vendor))


def opened() -> Breaker:
    breaker = Breaker("phoniro", FIRST, CAP)
    fails(breaker, NOON, times=IN_A_ROW)
    return breaker


@pytest.mark.parametrize("failure", Failure)
def test_what_a_vendor_did_wrong_opens_it_and_nothing_else(failure: Failure) -> None:
    breaker = Breaker("phoniro", FIRST, CAP)
    fails(breaker, NOON, times=IN_A_ROW - 1)
    fails(breaker, NOON, failure)
    assert breaker.closed is (failure not in VENDORS_FAULT)
    fails(breaker, NOON)
    assert breaker.closed is (failure not in VENDORS_FAULT | WITHOUT_A_CALL), "only an answer shows that it works"


@pytest.mark.parametrize("failure", Failure)
def test_an_answer_of_any_kind_closes_it_and_an_act_that_was_never_sent_does_not(failure: Failure) -> None:
    breaker = opened()
    assert breaker.allows(after(15))
    fails(breaker, after(15), failure)
    assert breaker.closed is (failure not in VENDORS_FAULT | WITHOUT_A_CALL)
    assert breaker.recovered is breaker.closed


def test_a_dead_vendor_is_tried_at_growing_intervals_one_call_at_a_time() -> None:
    breaker, now, tried = opened(), NOON, list[float]()
    for second in range(400):
        now = after(second)
        if breaker.allows(now):
            assert not breaker.allows(now), "a probe is one call"
            tried.append(second)
            fails(breaker, now)
    assert tried == [15, 45, 105, 165, 225, 285, 345]
    assert breaker.down_since == NOON


def test_a_probe_that_is_never_heard_of_again_is_followed_by_another() -> None:
    breaker = opened()
    assert breaker.allows(after(15))
    assert [second for second in range(16, 60) if breaker.allows(after(second))] == [30, 45]


def test_each_vendor_of_each_municipality_has_its_own() -> None:
    breakers = Breakers()
    fails(breakers.of("one", "phoniro"), NOON, times=IN_A_ROW)
    assert not breakers.of("one", "phoniro").closed
    assert breakers.of("one", "lifecare").closed
    assert breakers.of("two", "phoniro").closed
    assert breakers.down() == {("one", "phoniro"): NOON}


def test_every_failure_has_a_rule() -> None:
    assert set(RULES) == set(Failure)
    assert {failure for failure, rule in RULES.items() if rule.vendor_fault} == VENDORS_FAULT


async def running(world: World, people: int = 1) -> list[Ordered]:
    """Cases whose supervision runs."""
    orders = await prepared(world, people)
    await world.pass_time(minutes=40)
    assert world.statuses() == ["active"] * people
    return orders


async def prepared(world: World, people: int) -> list[Ordered]:
    """Cases with everything noted that their schedules need."""
    orders = []
    for n in range(people):
        world.person(person(n))
        orders.append(world.order(person(n)))
        world.prepare(world.execute(orders[-1]))
    await world.settle()
    return orders


async def test_an_end_in_phoniro_does_not_wait_for_lifecare() -> None:
    async with World() as world:
        (order,) = await running(world)
        world.lifecare.decision_end(order.decision_id, world.today)
        await world.pass_time(hours=1)
        down(world.lifecare)
        notes = len(world.notes())
        await world.pass_time(hours=24)
        assert world.statuses() == ["ended"]
        assert len(world.notes()) == notes
        world.lifecare_faults.clear()
        await world.pass_time(hours=1)
        assert len(world.notes()) > notes, "whom it concerns is told once Lifecare is back"


async def test_the_alarm_teams_message_does_not_wait_for_phoniro() -> None:
    async with World() as world:
        down(world.phoniro)
        await world.taken_in()
        assert {a.key for a in await world.acts() if a.state is ActState.DONE} >= {"received:0", "assignment:0"}


async def test_neither_waits_for_mail() -> None:
    async with World(poll_seconds=43200, awaiting_minutes=600, retry_cap_seconds=14400) as world:
        world.mail.fails = 10**6
        world.person()
        order = world.order()
        await world.pass_time(days=5)
        assert world.mail.tried, "a reminder waits for the mail server"
        assert not world.mail.sent
        world.prepare(world.execute(order))
        await world.settle()
        assert world.statuses() == ["active"]


async def test_a_dead_vendor_is_not_hammered_and_is_told_of_once(logs: Logs) -> None:
    async with World() as world:
        down(world.phoniro)
        await prepared(world, people=8)
        await world.pass_time(minutes=10)
        before = len(world.phoniro_faults.hits)
        await world.pass_time(hours=1)
        calls = len(world.phoniro_faults.hits) - before
        assert 59 <= calls <= 61 * 3, "one act a minute, however many wait; its safe calls are tried three times"
        assert len(logs.events("vendor_down")) == 1
        assert logs.events("vendor_up") == []


async def test_the_first_success_lets_all_go_that_waits_evenly(logs: Logs) -> None:
    async with World() as world:
        rule = down(world.phoniro)
        await prepared(world, people=10)
        await world.pass_time(hours=1)
        world.phoniro_faults.remove(rule)
        back = world.clock.time
        own = {row.ref: row.ready_at for row in await world.db.run(lambda c: c.execute(_READY).all())}
        await world.pass_time(minutes=3)
        assert len(logs.events("vendor_up")) == 1
        assert world.statuses() == ["active"] * 10, "none waits for the end of its own delay"
        at = {case.ref: put.done_at for case in await world.cases() if (put := (await world.acts(case.ref))[0]).done_at}
        assert len(at) == 10
        probe = min(at.values())
        assert probe - back <= timedelta(seconds=60)
        waited = sorted(done_at for ref, done_at in at.items() if own[ref] > probe)
        assert len(waited) >= 7, "the others' own delays were over by then"
        assert {later - sooner for sooner, later in pairwise(waited)} == {EVENLY}


async def test_a_pause_that_never_succeeds_keeps_the_vendor_down_for_nobody_else() -> None:
    """Pauses and ends are tried first when a vendor may be back. If one can't be done, other acts get their turn."""
    async with World() as world:
        await running(world)
        rule = down(world.phoniro)
        world.lifecare.decease(person(0))
        world.person(person(1))
        world.prepare(world.execute(world.order(person(1))))
        await world.settle()
        await world.pass_time(hours=1)
        assert world.statuses() == ["active"]
        world.phoniro_faults.remove(rule)
        down(world.phoniro, pattern="/pause")
        await world.pass_time(minutes=20)
        assert world.statuses() == ["active", "active"], "the other one's supervision begins"
        world.phoniro_faults.clear()
        await world.pass_time(minutes=30)
        assert world.statuses() == ["paused", "active"]
