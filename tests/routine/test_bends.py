"""Keys, deviations, protected identity and deadlocks, over the simulated vendors."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest

from adapter.domain.decision import Phase, StepState
from adapter.domain.facts import Signal
from adapter.engine.request_worker import take_in
from adapter.store import events
from connectors.mock.lifecare.acts import Protection
from tests.routine.story import Story
from tests.world import ANNA

PERSONAL = (ANNA, "19340101-TF01", "Provgatan", "070-0000000", "Test", "Person,")


# Keys (I6)


async def test_whether_keys_are_needed_is_told_with_why_and_told_again_if_it_changes_before_the_installation() -> None:
    async with Story() as story:
        await story.ordered(other_service=False)
        install = story.lifecare.notes_written()[-1].text
        assert "Nycklar: behöver hämtas in" in install
        assert "inte har någon annan pågående insats" in install
        alarm = story.another("alarm")
        await story.next_day()
        assert await story.told() == ["alarm_team keys"]
        assert story.lifecare.notes_written()[-1].text.startswith(
            "Ändrat: nycklar behövs inte\n\nBrukaren har nu larm."
        )
        story.another("shower")
        await story.next_day()
        assert await story.told() == [], "still not needed"
        story.lifecare.decision_end(alarm.decision_id, story.today)
        await story.next_day()
        assert await story.told() == [], "another service is left"


# Deviations


async def test_installed_before_the_order_was_executed_is_told_once_after_its_grace_and_gone_when_mended() -> None:
    async with Story() as story:
        order = await story.ordered()
        (other,) = story.lifecare.tables["executions"].rows
        story.prepare(int(other))
        await story.pass_time(hours=9)
        await story.next_day()
        assert sorted(await story.told()) == ["alarm_team times", "coordinator not_executed"]
        assert "not_executed" in await story.attention()
        await story.next_day()
        assert (await story.told(), story.done()) == ([], [])
        story.execute(order)
        await story.next_day()
        assert story.done() == ["created"]
        assert sorted(await story.told()) == ["coordinator started", "plan plan"]
        assert await story.attention() == []


async def test_ready_without_consent_is_told_once_gone_when_mended_and_told_again_of_a_new_note() -> None:
    async with Story() as story:
        execution = story.execute(await story.ordered())
        story.note(execution, Signal.LIABILITY_SIGNED)
        first = story.note(execution, Signal.READY_FOR_START)
        await story.next_day()
        assert await story.told() == ["coordinator no_consent"]
        assert await story.attention() == ["no_consent"]
        story.lifecare.error_mark(first)
        await story.next_day(2)
        assert (await story.told(), await story.attention()) == ([], [])
        story.note(execution, Signal.READY_FOR_START)
        await story.next_day()
        assert await story.told() == ["coordinator no_consent"]
        story.note(execution, Signal.CONSENT_SIGNED)
        await story.next_day()
        assert (await story.told(), await story.attention()) == ([], [])
        assert story.done() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("22:30, 00:30, 02:15 och 05:00", "tider per natt för alla nätter är 4"),
        ("kl 14:00", "utanför natten"),
        ("ring dottern först", "går inte att tolka"),
    ],
)
async def test_times_that_contradict_the_order_or_cannot_be_read_are_told_back_once_with_the_reason(
    text: str, said: str
) -> None:
    async with Story() as story:
        execution = story.execute(await story.ordered())
        story.prepare(execution, text)
        await story.next_day()
        assert await story.told() == ["coordinator times_refused"]
        assert said in story.lifecare.notes_written()[-1].text
        assert await story.step("I4") is StepState.PROBLEM
        await story.next_day(2)
        assert (await story.told(), story.done()) == ([], [])
        story.note(execution, Signal.TIMES_AGREED, "22:30 och 05:00")
        await story.next_day()
        assert sorted(await story.told()) == ["alarm_team times", "coordinator started", "plan plan"]
        assert (story.done(), await story.attention()) == (["created"], [])


# Protected identity


def everything_written(story: Story) -> str:
    """All that left the adapter with words in it: notes, mails, and every body sent to Phoniro."""
    bodies = [r.body.decode() for r in story.phoniro.received() if "/connect/" not in r.path]
    return "\n".join([*(n.text for n in story.lifecare.notes_written()), *map(str, story.mail.sent), *bodies])


WAYS = [way for way in get_args(Protection) if way != "none"]


@pytest.mark.parametrize("way", WAYS)
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


@pytest.mark.parametrize("way", WAYS)
async def test_becoming_protected_takes_away_what_was_sent_to_phoniro(way: Any) -> None:
    async with Story() as story:
        await story.running()
        story.lifecare.seed_person("19340102TF02")  # a Lifecare that shows nobody at all would be taken as down
        assert story.customer().personal_identity_number == ANNA
        story.lifecare.protect(ANNA, way)
        await story.next_day()
        told = story.customer()
        assert told.protected_identity
        details = (told.personal_identity_number, told.first_name, told.last_name, told.street_address, told.phone)
        assert details == (None,) * 5


# A deadlock


async def test_a_step_with_nowhere_to_be_noted_is_asked_about_once_and_opened_by_hand_with_who_and_why(
    tmp_path: Path,
) -> None:
    async with Story() as story:
        story.person(other_service=False)
        order = story.order()
        await story.settle()
        execution = story.execute(order)
        story.prepare(execution)
        story.note(execution, Signal.KEYS_COLLECTED)
        await story.next_day()
        assert story.done() == ["created"]
        story.lifecare.decision_end(order.decision_id, story.today)
        await story.next_day()
        story.lifecare.end_execution(execution, story.today - story.today.resolution)
        story.mails()
        await story.next_day(4)
        (asked,) = story.mails()
        case = await story.case()
        assert asked == f"Fråga om ärende {case.ref}: hämtning av kamerapaketet"
        file = tmp_path / "resync.toml"
        at = story.clock.time.isoformat()
        file.write_text(
            f'[[done]]\ncase = "{case.ref}"\nsignal = "equipment_collected"\nat = {at}\n'
            'who = "koordinator Norra"\nwhy = "hämtad i går, ingen verkställighet kvar"\n',
            encoding="utf-8",
        )
        await take_in(story.rt, file)
        await story.next_day(2)
        assert (await story.case()).phase is Phase.CLOSED
        audit = await story.db.run(partial(events.of_case, tenant=case.tenant, ref=case.ref))
        (told,) = [event.data for event in audit if event.name == "case.declared"]
        assert (told["who"], told["why"]) == ("koordinator Norra", "hämtad i går, ingen verkställighet kvar")
        (journal,) = [note.text for note in story.lifecare.notes_written() if "koordinator Norra" in note.text]
        assert "för hand" in journal, "the coordinator reads it in the journal"
