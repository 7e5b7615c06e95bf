"""Neither a vendor's wish (``Retry-After``) nor its refusal keeps a camera open, or lets a change wait without a word
(PA1, PA2)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from adapter.domain.facts import Signal
from adapter.domain.ledger import Act, ActKind, ActState
from connectors.mock.lifecare.acts import Ordered
from tests.world import ANNA, World, down

Cause = Callable[[World, Ordered, int], object]

CAUSES: dict[str, tuple[str, str, Cause]] = {
    "consent withdrawn": ("/pause", "paused", lambda w, _, e: w.note(e, Signal.CONSENT_WITHDRAWN)),
    "death": ("/pause", "paused", lambda w, _o, _e: w.lifecare.decease(ANNA)),
    "decision deleted": ("/end", "ended", lambda w, o, _: w.lifecare.delete("sol_decisions", o.decision_id)),
}


async def act_of(world: World, kind: ActKind) -> Act:
    return next(act for act in await world.acts() if act.kind is kind)


@pytest.mark.parametrize("token", [False, True], ids=["the act", "its token"])
@pytest.mark.parametrize("cause", CAUSES)
async def test_no_wish_of_a_vendors_keeps_a_camera_open(cause: str, token: bool) -> None:
    path, expected, happens = CAUSES[cause]
    async with World() as world:
        order, execution = await world.active()
        if token:
            world.phoniro.revoke_tokens()
        status, where = (429, "/connect/token") if token else (503, path)
        down(world.phoniro, status, method="POST", pattern=where, times=1, retry_after=3600)
        happens(world, order, execution)
        await world.cycle()
        await world.pass_time(seconds=75)
        assert world.phoniro_faults.hits
        assert world.statuses() == [expected]


async def test_a_change_that_is_refused_for_ever_is_parked_and_told_within_the_hour() -> None:
    async with World() as world:
        _, execution = await world.active()
        down(world.phoniro, 412, method="PATCH")
        world.note(execution, Signal.TIMES_CHANGED, "23:00 och 04:00")
        await world.cycle()
        await world.pass_time(minutes=55)
        change = await act_of(world, ActKind.CHANGE)
        assert change.state is ActState.PARKED
        assert [to.partition("@")[0] for _, to, _, _ in world.mail.sent] == ["natt", "it-drift"]
        tries = len(world.phoniro_faults.hits)
        await world.pass_time(hours=4)
        assert len(world.phoniro_faults.hits) == tries, "nothing goes on in silence"
        world.phoniro_faults.clear()
        world.lifecare.absence(ANNA, world.today + timedelta(days=9), world.today + timedelta(days=10))
        await world.pass_time(hours=1)
        assert (await act_of(world, ActKind.CHANGE)).state is ActState.DONE, "it goes on when the facts change"


async def test_a_conflict_because_somebody_else_wrote_is_no_reason_to_park() -> None:
    async with World() as world:
        _, execution = await world.active()
        for times in ("23:00 och 04:00", "23:15 och 04:00"):
            (schedule,) = world.phoniro.schedules
            world.phoniro.write(schedule, "somebody else")
            world.note(execution, Signal.TIMES_CHANGED, times)
            await world.cycle()
            await world.pass_time(minutes=5)
        assert {a.state for a in await world.acts() if a.kind is ActKind.CHANGE} == {ActState.DONE}


@pytest.mark.parametrize("style", ["weak", "suffixed"])
async def test_a_proxy_that_compresses_stops_no_change(style: str) -> None:
    """PA1"""
    async with World() as world:
        setattr(world.phoniro, "etag_style", style)  # noqa: B010 - one of the literals
        _, execution = await world.active()
        world.note(execution, Signal.TIMES_CHANGED, "23:00 och 04:00")
        await world.cycle()
        await world.pass_time(minutes=5)
        assert (await act_of(world, ActKind.CHANGE)).state is ActState.DONE
