"""Unknown is not failed (P4): whatever becomes of a write's answer, the write has its effect once."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from adapter.domain.ledger import VISIT_KINDS, ActKind, ActState
from adapter.engine.retry_policy import SAFE_TO_REPEAT
from connectors.mock.faults import Kind, Rule
from tests.reliability.mortal import MortalWorld
from tests.world import World

CALLS: dict[ActKind, tuple[str, dict[str, Any]]] = {
    ActKind.MESSAGE: ("lifecare", {"method": "POST", "pattern": "/provider_notes"}),
    ActKind.PUT_PERSON: ("phoniro", {"method": "PUT", "pattern": "/customers/"}),
    ActKind.EMPTY_PERSON: ("phoniro", {"method": "PUT", "pattern": "/customers/", "skip": 2}),
    ActKind.CREATE: ("phoniro", {"method": "POST", "pattern": "/supervision-schedules[?]"}),
    ActKind.CHANGE: ("phoniro", {"method": "PATCH"}),
    ActKind.PAUSE: ("phoniro", {"method": "POST", "pattern": "/pause"}),
    ActKind.RESUME: ("phoniro", {"method": "POST", "pattern": "/resume"}),
    ActKind.END: ("phoniro", {"method": "POST", "pattern": "/end"}),
}
"""The call that each kind of act makes; mail doesn't use HTTP."""

LOST: dict[str, dict[str, Any]] = {
    "cut before the effect": {"kind": Kind.CUT_BEFORE},
    "cut after the effect": {"kind": Kind.CUT_AFTER},
    "500 after the effect": {"kind": Kind.STATUS_AFTER, "status": 500},
    "500 before the effect": {"kind": Kind.STATUS_BEFORE, "status": 500},
    "garbage after the effect": {"kind": Kind.GARBAGE},
    "an empty answer after the effect": {"kind": Kind.EMPTY},
    "another shape after the effect": {"kind": Kind.WRONG_SCHEMA},
    "an effect that comes late": {"kind": Kind.LATE_EFFECT, "seconds": 25, "cut": True},
}


pytestmark = pytest.mark.usefixtures("many_starts")


async def life(kinds: Iterable[ActKind], *, list_lag: float = 0, **fault: Any) -> dict[str, Any]:
    """The result of a whole life in which the first two calls of each of these kinds met a fault."""
    world = MortalWorld()
    world.phoniro.list_lag_seconds = list_lag
    plans = {"lifecare": world.lifecare_faults, "phoniro": world.phoniro_faults}
    rules = {}
    async with world:
        for kind in kinds:
            vendor, call = CALLS[kind]
            rules[kind] = (plans[vendor], plans[vendor].add(Rule.model_validate({"times": 2, **call, **fault})))
        await world.a_whole_life()
        for kind, (plan, rule) in rules.items():
            assert any(hit.rule_id == rule for hit in plan.hits), f"nothing befell a {kind.value}"
        return await world.end_state()


def test_every_kind_of_act_says_how_it_is_made_safe_to_repeat_and_is_tried_here() -> None:
    assert set(SAFE_TO_REPEAT) == set(ActKind)
    # Visits are tested in ``tests/watch/test_write_back.py``, because they need nights.
    assert {*CALLS, ActKind.MAIL, *VISIT_KINDS} == set(ActKind)


@pytest.mark.parametrize("fault", LOST)
async def test_every_kind_of_write_has_its_effect_once(fault: str, undisturbed: dict[str, Any]) -> None:
    """Slow, as a whole life is lived with each fault."""
    assert await life(CALLS, **LOST[fault]) == undisturbed


@pytest.mark.parametrize("lag", [20, 600])
async def test_a_creation_is_found_though_the_list_lags(lag: int, undisturbed: dict[str, Any]) -> None:
    assert await life([ActKind.CREATE], list_lag=lag, kind=Kind.CUT_AFTER) == undisturbed


async def test_a_mail_whose_answer_was_lost_is_sent_again_as_the_same_mail() -> None:
    async with World(poll_seconds=43200, awaiting_minutes=600) as world:
        world.mail.loses = 2
        world.person()
        world.order()
        await world.pass_time(days=8)
        (reminder, *_) = [a for a in await world.acts() if a.kind is ActKind.MAIL]
        assert reminder.state is ActState.DONE
        again = [mail for mail in world.mail.sent if mail[0] == world.mail.sent[0][0]]
        assert len(again) == 3
        assert len(set(again)) == 1, "the same id, text and receiver each time"
        assert world.clock.time - reminder.created_at > timedelta(minutes=1)
