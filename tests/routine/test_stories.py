"""The routine's decisions, carried out at both vendors: notes in the journal, and schedules in Phoniro.
``tests/domain`` tests the decisions and their messages."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, get_args

import pytest

from adapter.domain.decision import Phase
from adapter.domain.facts import Signal
from connectors.mock.lifecare.acts import Ordered, Protection
from connectors.mock.phoniro.schemas import HandChange
from tests.routine.story import Story
from tests.world import ANNA

End = Callable[[Story, Ordered, date], object]
ENDS: dict[str, tuple[End, int]] = {
    "decision ended yesterday": (lambda s, o, day: s.lifecare.decision_end(o.decision_id, day), -1),
    "decision deleted": (lambda s, o, _: s.lifecare.delete("sol_decisions", o.decision_id), 0),
    "order ended today": (lambda s, o, day: s.lifecare.change("orders", o.order_id, EndDate=day), 0),
    "service ended later": (lambda s, o, day: s.lifecare.change("ordered_services", o.service_id, EndDate=day), 2),
}
"""Each way in which the authority can end in Lifecare, and its last day, in days from today."""


@pytest.mark.parametrize("end", ENDS)
async def test_a_running_supervision_ends_after_its_last_day_and_everything_is_taken_back(end: str) -> None:
    happens, days = ENDS[end]
    async with Story() as story:
        order, execution = await story.running(start=story.today - timedelta(days=5))
        schedule = story.phoniro.schedules[0]
        happens(story, order, story.today + timedelta(days=days))
        await story.settle()
        told_at = story.clock.time
        await story.next_day(4)
        after = max(told_at, story.clock.time - timedelta(days=4) + timedelta(days=days + 1))
        assert not list(schedule.looks(after, story.clock.time))
        assert story.done()[-1] == "ended"
        told = await story.told()
        assert [t for t in told if "dates_changed" not in t][-2:] == ["alarm_team collect", "plan plan_void"]
        story.note(execution, Signal.EQUIPMENT_COLLECTED)
        await story.next_day()
        assert story.customer().personal_identity_number is None
        assert await story.told() == ["coordinator ready_to_close"]
        story.lifecare.end_execution(execution)
        await story.next_day(2)
        assert (await story.case()).phase is Phase.CLOSED
        assert (story.done(), await story.told()) == ([], [])


async def test_consent_withdrawn_pauses_at_once_and_given_anew_resumes_each_told_once() -> None:
    async with Story() as story:
        _, execution = await story.running()
        for signal, done, said in (
            (Signal.CONSENT_WITHDRAWN, "paused", "consent_withdrawn"),
            (Signal.CONSENT_SIGNED, "resumed", "resumed"),
        ):
            story.note(execution, signal)
            await story.next_day()
            assert story.done() == [done]
            assert sorted(await story.told()) == [f"authority {said}", f"coordinator {said}"]
            assert len(story.mails()) == 1, "the night staff"


async def test_what_phoniro_knows_of_the_person_follows() -> None:
    async with Story() as story:
        _, execution = await story.running()
        address = story.lifecare.row("clients", ANNA)["Addresses"][0]
        story.lifecare.change("clients", ANNA, Addresses=[{**address, "StreetAddress": "Nya vägen 2"}])
        story.lifecare.change("executions", execution, ProviderUnit={"Id": 7102, "Name": "Hemtjänst Söder"})
        await story.next_day()
        customer = story.customer()
        assert (customer.street_address, customer.organisation_id) == ("Nya vägen 2", "hemtjanst-soder")


async def test_a_schedule_that_somebody_changed_meanwhile_is_read_again_and_decided_again() -> None:
    """412: the change's version was overtaken. In the end Phoniro has what was decided."""
    async with Story() as story:
        order, _ = await story.running()
        (schedule,) = story.phoniro.schedules
        by_hand = {"validTo": story.today + timedelta(days=90)}
        story.phoniro.change_by_hand(schedule.id, HandChange.model_validate(by_hand))
        story.lifecare.decision_end(order.decision_id, last := story.today + timedelta(days=20))
        await story.next_day()
        assert [r.status for r in story.phoniro.received() if r.method == "PATCH"][-2:] == [412, 200]
        assert story.valid_to(schedule.id) == last


# Protected identity

PERSONAL = (ANNA, "19340101-TF01", "Provgatan", "070-0000000", "Test", "Person,")


def everything_written(story: Story) -> str:
    """Every text that left the adapter: notes, mails, and every body sent to Phoniro."""
    bodies = [r.body.decode() for r in story.phoniro.received() if "/connect/" not in r.path]
    return "\n".join([*(n.text for n in story.lifecare.notes_written()), *map(str, story.mail.sent), *bodies])


@pytest.mark.parametrize("way", [way for way in get_args(Protection) if way != "none"])
async def test_nothing_personal_of_a_protected_person_is_written_anywhere(way: Any) -> None:
    async with Story() as story:
        story.person()
        story.lifecare.protect(ANNA, way)
        order = story.order()
        await story.settle()
        story.prepare(story.execute(order))
        await story.next_day()
        assert story.done() == ["created"]
        assert story.customer().protected_identity
        text = everything_written(story)
        assert [word for word in PERSONAL if word in text] == []
        assert (story.lifecare.notes_written() == []) is (way == "invisible"), "LA9: no message can be written"
