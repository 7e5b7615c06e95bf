"""Pauses: each begins and ends by itself with its cause, hides no end, and is told to whom it concerns."""

from __future__ import annotations

from datetime import timedelta

from adapter.domain.decision import Phase
from adapter.domain.facts import Signal
from tests.routine.story import Story
from tests.world import ANNA

COORDINATOR_AND_AUTHORITY = ["authority consent_withdrawn", "coordinator consent_withdrawn"]


def away(story: Story, first: int, last: int | None) -> int:
    ends = None if last is None else story.today + timedelta(days=last)
    return story.lifecare.absence(ANNA, story.today + timedelta(days=first), ends)


async def test_absences_become_one_pause_each_and_resume_by_themselves_without_a_word() -> None:
    async with Story() as story:
        await story.running()
        away(story, -4, -2)
        await story.next_day()
        assert story.done() == [], "it was over when it was first seen"
        away(story, 0, 2)
        away(story, 1, 3)
        await story.next_day(5)
        assert story.done() == ["paused", "resumed"], "two that overlap are one"
        open_ended = away(story, 0, None)
        await story.next_day(3)
        assert story.done() == ["paused"]
        story.lifecare.change("client_absences", open_ended, EndDate=story.today)
        await story.next_day()
        assert story.done() == ["resumed"]
        changed = away(story, 1, 3)
        await story.settle()
        story.lifecare.change(
            "client_absences", changed, StartDate=story.today, EndDate=story.today + timedelta(days=1)
        )
        await story.next_day(2)
        assert story.done() == ["paused", "resumed"]
        deleted = away(story, 0, None)
        await story.next_day()
        story.lifecare.delete("client_absences", deleted)
        await story.next_day()
        assert story.done() == ["paused", "resumed"]
        assert (await story.told(), story.mails()) == ([], [])


async def test_an_absence_never_hides_an_end() -> None:
    async with Story() as story:
        order, _ = await story.running()
        away(story, 0, None)
        await story.next_day()
        story.lifecare.decision_end(order.decision_id, story.today - timedelta(days=1))
        await story.next_day()
        assert story.done() == ["paused", "ended"]
        assert (await story.told())[-2:] == ["alarm_team collect", "plan plan_void"]


async def test_consent_withdrawn_pauses_at_once_and_given_anew_resumes_each_told_once() -> None:
    async with Story() as story:
        order, execution = await story.running()
        story.note(execution, Signal.CONSENT_WITHDRAWN)
        await story.settle()
        assert story.done() == ["paused"]
        assert sorted(await story.told()) == COORDINATOR_AND_AUTHORITY
        await story.next_day(9)
        assert (story.done(), await story.told()) == ([], []), "nothing but a decision ends it"
        said = [subject.partition(" i ärende")[0].partition(", ärende")[0] for subject in story.mails()]
        reminded = ["Påminnelse", "Påminnelse igen", "Inte löst efter påminnelser"]
        assert said == ["Nattillsyn via trygghetskamera är pausad", *reminded], "the night staff, then the authority"
        story.note(execution, Signal.CONSENT_SIGNED)
        await story.next_day()
        assert story.done() == ["resumed"]
        assert sorted(await story.told()) == ["authority resumed", "coordinator resumed"]
        story.note(execution, Signal.CONSENT_WITHDRAWN)
        await story.settle()
        assert story.done() == ["paused"]
        assert sorted(await story.told()) == COORDINATOR_AND_AUTHORITY
        story.lifecare.decision_end(order.decision_id, story.today)
        await story.next_day()
        assert story.done()[-1] == "ended"


async def test_a_death_pauses_at_once_is_told_in_its_own_words_and_ends_by_the_decision() -> None:
    async with Story() as story:
        order, _ = await story.running()
        story.lifecare.decease(ANNA)
        await story.settle()
        assert story.done() == ["paused"]
        assert sorted(await story.told()) == ["alarm_team deceased", "coordinator deceased"]
        await story.next_day(9)
        assert (story.done(), await story.told()) == ([], [])
        assert len(story.mails()) == 1, "the night staff hears of the pause; nobody is reminded of supervision"
        story.lifecare.decision_end(order.decision_id, story.today - timedelta(days=1))
        await story.next_day()
        assert story.done()[-1] == "ended"
        assert await story.told() == ["alarm_team collect", "plan plan_void"]
        letter = story.lifecare.notes_written()[-2].text
        assert "anhörig" in letter
        assert "boka en tid med brukaren" not in letter


async def test_what_the_provider_alone_did_pauses_and_is_told_and_goes_on_when_it_is_put_right() -> None:
    async with Story() as story:
        order, execution = await story.running()
        story.lifecare.will_not_be_executed(order.order_id)
        await story.next_day()
        assert story.done() == ["paused"]
        assert sorted(await story.told()) == ["authority paused", "coordinator paused"]
        story.lifecare.accept(order.order_id)
        await story.next_day()
        assert story.done() == ["resumed"]
        assert sorted(await story.told()) == ["authority resumed", "coordinator resumed"]
        story.lifecare.end_execution(execution, story.today - timedelta(days=1))
        await story.next_day()
        assert story.done() == ["paused"]
        assert (await story.case()).phase is Phase.PAUSED


async def test_emigrated_is_told_and_no_more() -> None:
    async with Story() as story:
        await story.running()
        story.lifecare.deregister(ANNA, "Emigrated")
        await story.next_day(3)
        assert story.done() == []
        assert await story.told() == ["coordinator deregistered"]
