"""What follows from an error: tried again for ever, parked and told, or set aside if it is our own (P5, P6)."""

import random
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from adapter.domain.decide import decide
from adapter.domain.decision import Decision, Phase
from adapter.domain.facts import Facts
from adapter.domain.ledger import Act, ActKind, ActState, Ledger
from adapter.domain.policy import Policy
from adapter.engine import reconcile
from adapter.engine.jobs import _begin as begin
from adapter.engine.retry_policy import backoff
from adapter.engine.tuning import Tuning
from adapter.gateways.executors import Executors
from adapter.ports import CaseContext, Effect, Failure, PortError
from tests.conftest import Logs
from tests.world import ANNA, World, down

TUNING = Tuning()
BERTIL = "19350202TF02"


class Always(random.Random):
    def __init__(self, drawn: float) -> None:
        super().__init__()
        self.drawn = drawn

    def random(self) -> float:
        return self.drawn


def test_delays_double_up_to_a_cap_and_never_stop() -> None:
    delays = [backoff(n, TUNING, Always(0)).total_seconds() for n in (1, 2, 3, 4, 5, 6, 7, 8, 1000, 10**9)]
    assert delays == [15, 30, 60, 120, 240, 480, 900, 900, 900, 900]


def test_what_failed_together_does_not_come_back_together() -> None:
    drawn = {backoff(7, TUNING, random.Random(seed)) for seed in range(50)}
    assert len(drawn) == 50
    assert timedelta(minutes=15) <= min(drawn) < max(drawn) < timedelta(minutes=15) * 1.25


@pytest.mark.parametrize(
    ("attempts", "asked", "stop", "seconds"),
    [
        (1, 600, False, 600),
        (7, 1, False, 900),
        (1, 86400, False, 900),
        (1, 1e300, False, 900),
        (1, 600, True, 15),
        (3, 600, True, 60),
    ],
)
def test_a_vendor_is_tried_no_sooner_than_it_asked_for_within_our_own_delays(
    attempts: int, asked: float, stop: bool, seconds: float
) -> None:
    """PA2: at most our longest delay, and for a pause or an end at most our first."""
    error = PortError(Failure.TRANSIENT, "busy", vendor="phoniro", retry_after=asked)
    assert backoff(attempts, TUNING, Always(0), error, stop=stop) == timedelta(seconds=seconds)


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "a date"])
async def test_retry_after_is_honoured_as(as_date: bool) -> None:
    async with World() as world:
        asked = {"retry_after": 600, "retry_after_as_date": as_date}
        down(world.lifecare, 429, method="POST", pattern="/provider_notes", times=1, **asked)
        await world.taken_in()
        await world.pass_time(hours=1)
        hit = world.lifecare_faults.hits[0].at
        first, second = sorted(note.written for note in world.lifecare.notes_written())
        assert first - hit >= timedelta(seconds=599), "a date has whole seconds"
        assert first - hit < timedelta(seconds=660)
        assert second >= first


async def test_what_always_fails_is_tried_for_ever() -> None:
    async with World() as world:
        down(world.lifecare, 429, method="POST", pattern="/provider_notes")
        world.person()
        world.order()
        await world.pass_time(hours=8)
        tries = sorted({hit.at for hit in world.lifecare_faults.hits})
        assert world.clock.time - tries[-1] < timedelta(minutes=20)
        assert max(later - sooner for sooner, later in pairwise(tries)) < timedelta(minutes=20)
        world.lifecare_faults.clear()
        await world.pass_time(minutes=20)
        assert len(world.notes()) == 2


@pytest.mark.parametrize("cause", ["other facts", "a start with other settings"])
async def test_what_is_refused_is_parked_and_told_once_and_goes_on_by_itself_with(cause: str) -> None:
    async with World() as world:
        down(world.phoniro, 422, method="POST", pattern="/supervision-schedules[?]", times=1)
        world.ready()
        await world.settle()
        await world.pass_time(hours=3)
        (create,) = [a for a in await world.acts() if a.kind is ActKind.CREATE]
        assert (create.state, create.attempts) == (ActState.PARKED, 1), "what is refused isn't tried again"
        told = [a.key for a in await world.acts() if a.kind is ActKind.MAIL and a.state is ActState.DONE]
        assert [key.partition(":")[0] for key in told] == ["parked"], "the IT function, once"
        if cause == "other facts":
            world.lifecare.absence(ANNA, world.today + timedelta(days=9), world.today + timedelta(days=10))
        else:
            world.restart()
            await begin(world.rt)
        await world.pass_time(hours=1)
        assert world.statuses() == ["active"]


async def test_a_case_that_makes_our_code_raise_is_set_aside_and_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:

    orders: dict[str, str] = {}

    def chokes(facts: Facts, ledger: Ledger, now: datetime, policy: Policy) -> Decision:
        if orders[ANNA] in {order.id for order in facts.orders.value}:
            raise ZeroDivisionError("these facts")
        return decide(facts, ledger, now, policy)

    async with World() as world:
        for who in (ANNA, BERTIL):
            world.person(who)
            order = world.order(who)
            orders[who] = order.order_id
            world.prepare(world.execute(order))
        monkeypatch.setattr(reconcile, "decide", chokes)
        await world.settle()
        await world.pass_time(hours=2)
        phases = {case.person_id: case.phase for case in await world.cases()}
        assert phases == {ANNA: Phase.PREPARING, BERTIL: Phase.ACTIVE}
        (told,) = logs.events("case_poisoned")
        assert "chokes" in told["exception"], "with its traceback"
        monkeypatch.setattr(reconcile, "decide", decide)
        await world.pass_time(hours=1)
        assert {case.phase for case in await world.cases()} == {Phase.ACTIVE}, "it goes on once it can"


async def test_an_act_that_makes_our_code_raise_is_looked_for_and_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    async with World() as world:
        perform = Executors.perform

        async def chokes(self: Executors, act: Act, case: CaseContext) -> Effect:
            if act.kind is ActKind.CREATE:
                raise ZeroDivisionError("this act")
            return await perform(self, act, case)

        monkeypatch.setattr(Executors, "perform", chokes)
        world.ready()
        await world.settle()
        await world.pass_time(hours=2)
        states = {a.kind: a.state for a in await world.acts()}
        assert states[ActKind.MESSAGE] is ActState.DONE
        assert states[ActKind.CREATE] is not ActState.DONE
        assert len(logs.events("case_poisoned")) == 1
        monkeypatch.setattr(Executors, "perform", perform)
        await world.pass_time(hours=1)
        assert world.statuses() == ["active"]


async def test_a_case_of_which_something_could_never_be_read_is_told_of_once_and_goes_on_when_it_can() -> None:
    async with World() as world:
        unread = down(world.lifecare, 401, pattern="/client_absences")
        world.ready()
        await world.pass_time(hours=2)
        assert world.statuses() == []
        ((_, to, _, body),) = world.mail.sent
        assert to == "it-drift@exempelkommun.example"
        assert "aldrig gått att läsa frånvar" in " ".join(body.split()), "what it is"
        world.lifecare_faults.remove(unread)
        await world.pass_time(hours=2)
        assert world.statuses() == ["active"]
        assert [to.partition("@")[0] for _, to, _, _ in world.mail.sent] == ["it-drift", "natt"]
