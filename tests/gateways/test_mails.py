"""Mail goes to functional mailboxes, and is the same mail however often it is sent."""

import pytest

from adapter.domain.ledger import Act, ActKind, What
from adapter.ports import Failure

from .conftest import PERSON, Ports


def reminder(world: Ports, **what: str | int) -> Act:
    content: What = {
        "mail": "reminder",
        "to": "coordinator",
        "step": "I4",
        "since": "2026-03-02",
        "level": 1,
        "unit": 7102,
    }
    return world.act(ActKind.MAIL, **{**content, **what})


async def test_a_reminder_goes_to_the_units_mailbox_with_reference_and_nothing_personal(world: Ports) -> None:
    act = reminder(world)
    effect = await world.executor.perform(act, world.context())
    ((message_id, to, subject, body),) = world.mail.sent
    assert to == "samordning.soder@exempelkommun.example"
    assert "TK-7F3K2M" in subject
    assert PERSON not in subject + body + message_id
    assert world.mail.headed == [(act.created_at, "it-drift@exempelkommun.example")], "where answers go"
    assert effect.result["message_id"] == message_id == "<exempel.tk-7f3k2m.01@exempelkommun.example>"


async def test_two_mails_have_two_ids(world: Ports) -> None:
    for _ in range(2):
        await world.executor.perform(reminder(world), world.context())
    assert len({mail[0] for mail in world.mail.sent}) == 2


@pytest.mark.parametrize(("what", "told"), [({"mail": "x"}, "no such template"), ({"since": "x"}, "since")])
async def test_content_that_can_not_be_mailed_is_told(world: Ports, what: dict[str, str], told: str) -> None:
    assert await world.fails(reminder(world, **what), match=told) is Failure.UNMAPPED
    assert world.mail.sent == []


async def test_an_act_that_is_no_longer_this_process_s_is_not_carried_out(world: Ports) -> None:
    assert await world.fails(reminder(world), world.context(may_write=lambda: False)) is Failure.NOT_SENT
    assert world.mail.sent == []
