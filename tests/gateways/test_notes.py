"""Messages over the simulated Lifecare: written once, whatever gets lost."""

from dataclasses import replace
from typing import Any

import pytest

from adapter.domain.ledger import Act, ActKind
from adapter.ports import Failure, PortError
from connectors.lifecare.client import LifecareClient
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.catalogue import COORDINATOR_UNIT_SOUTH

from .conftest import PERSON, REFERENCE, TIMES, Ports

LOST = Rule(kind=Kind.CUT_AFTER, method="POST", pattern="provider_notes")


def message(world: Ports, to: str = "authority", letter: str = "end_heard", **what: str | int | bool | None) -> Act:
    return world.act(
        ActKind.MESSAGE, letter=letter, to=to, **{"unit": None, "execution": None, "deceased": False, **what}
    )


@pytest.mark.parametrize(
    ("to", "unit", "written_to", "heading"),
    [
        ("authority", 7102, 7301, "to_authority"),
        ("alarm_team", 7102, 7201, "to_alarm_team"),
        ("coordinator", 7102, 7102, "to_coordinator"),
        ("coordinator", None, 7101, "to_coordinator"),
        ("plan", 7102, 7102, "plan"),
    ],
)
async def test_a_message_is_written_to_its_unit_under_its_heading(
    world: Ports, to: str, unit: int | None, written_to: int, heading: str
) -> None:
    act = message(world, to, "plan", unit=unit, times=TIMES, first_look=None, last_look=None)
    effect = await world.executor.perform(act, world.context())
    (note,) = world.lifecare.notes_written()
    assert (note.unit_id, note.heading, note.personnel_id) == (written_to, heading, 9001)
    assert note.text.endswith("\n\n[TK-7F3K2M/01]")
    assert "Varje natt: 22:30 och 02:15" in note.text
    assert effect.result["note"] == note.note_id


async def test_a_heading_is_named_by_its_name_in_lifecare_once_that_is_known(world: Ports) -> None:
    async def written() -> str:
        act = message(world, "coordinator", "fewer_granted", granted=1, found=3, when="2026-04-01")
        await world.executor.perform(act, world.context())
        return world.lifecare.notes_written()[-1].text

    world.lifecare_faults.add(Rule(kind=Kind.STATUS_BEFORE, status=503, pattern="headlines", times=3))
    await world.source.read_headings()
    assert "under rubriken för ändrade tillsynstider" in await written()
    await world.source.read_headings()
    assert "under rubriken ”Ändrade tillsynstider”" in await written()


async def test_a_key_without_a_licence_for_the_catalogue_asks_for_it_once(world: Ports) -> None:
    world.lifecare.settings.unlicensed.add("headlines")
    for _ in range(3):
        await world.source.read_headings()
    world.lifecare.settings.unlicensed.clear()
    await world.source.read_headings()
    act = message(world, "coordinator", "fewer_granted", granted=1, found=3, when="2026-04-01")
    await world.executor.perform(act, world.context())
    assert "rubriken för ändrade tillsynstider" in world.lifecare.notes_written()[-1].text


async def test_no_message_holds_anything_personal(world: Ports) -> None:
    await world.executor.perform(message(world), world.context())
    (note,) = world.lifecare.notes_written()
    client = world.lifecare.row("clients", PERSON)
    for personal in (PERSON, client["LastName"], client["Addresses"][0]["StreetAddress"]):
        assert personal not in note.text


async def test_a_message_stands_on_the_execution_where_there_is_one(world: Ports) -> None:
    execution = world.lifecare.start_execution(world.lifecare.order(PERSON).order_id)
    act = message(world, execution=execution)
    await world.executor.perform(act, world.context())
    assert world.lifecare.notes_written()[0].execution_id == execution
    assert await world.executor.find(act, world.context()) is not None


async def test_a_message_whose_answer_was_lost_is_found_by_its_mark(world: Ports) -> None:
    act, other = message(world), message(world)
    world.lifecare_faults.add(LOST)
    assert await world.fails(act) is Failure.AMBIGUOUS
    assert await world.executor.find(act, world.context()) is not None
    assert await world.executor.find(other, world.context()) is None


async def test_another_act_of_the_same_number_is_told_apart_by_its_code(world: Ports) -> None:
    act = replace(message(world), code="K4QX")
    await world.executor.perform(act, world.context())
    assert world.lifecare.notes_written()[0].text.endswith("\n\n[TK-7F3K2M/01-K4QX]")
    assert await world.executor.find(act, world.context()) is not None
    for other in (replace(act, code="W2XZ"), replace(act, code=None)):
        assert await world.executor.find(other, world.context()) is None


async def test_an_error_marked_copy_is_found_too(world: Ports) -> None:
    act = message(world)
    await world.executor.perform(act, world.context())
    world.lifecare.error_mark(str(world.lifecare.notes_written()[0].documentation_id))
    assert await world.executor.find(act, world.context()) is not None


async def test_a_mark_that_somebody_else_quotes_is_not_taken_for_ours(world: Ports) -> None:
    act = message(world)
    execution = world.lifecare.start_execution(world.lifecare.order(PERSON).order_id)
    world.lifecare.note_as("coordinator", execution, "to_authority", "svar på [TK-7F3K2M/01]")
    assert await world.executor.find(act, world.context()) is None


async def test_a_quoted_mark_is_not_ours_where_lifecare_ignores_the_signature_asked_for(
    world: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = LifecareClient.documentations

    async def whosever(client: LifecareClient, *, created_signature: str | None = None, **asked: Any) -> Any:
        return await read(client, **asked)

    monkeypatch.setattr(LifecareClient, "documentations", whosever)
    act = message(world)
    execution = world.lifecare.start_execution(world.lifecare.order(PERSON).order_id)
    world.lifecare.note_as("coordinator", execution, "to_authority", f"svar på [{REFERENCE}/{act.n:02}]")
    assert await world.executor.find(act, world.context()) is None
    await world.executor.perform(act, world.context())
    assert await world.executor.find(act, world.context()) is not None


async def test_where_nothing_can_be_read_back_the_second_copy_says_so(world: Ports) -> None:
    world.lifecare.settings.read_back.clear()
    act = message(world)
    world.lifecare_faults.add(LOST)
    with pytest.raises(PortError):
        await world.executor.perform(act, world.context())
    assert await world.executor.find(act, world.context()) is None
    await world.executor.perform(replace(act, attempts=2), world.context())
    first, second = world.lifecare.notes_written()
    assert "kan vara en kopia" not in first.text
    assert "kan vara en kopia" in second.text


async def test_where_notes_can_be_read_back_a_retry_is_no_copy(world: Ports) -> None:
    await world.executor.perform(message(world), world.context())
    await world.executor.perform(replace(message(world), attempts=2), world.context())
    assert all("kopia" not in note.text for note in world.lifecare.notes_written())


async def test_no_note_can_be_written_to_a_client_that_is_not_seen(world: Ports) -> None:
    assert await world.fails(message(world), world.context(client_id=None)) is Failure.UNMAPPED
    assert world.lifecare.notes_written() == []


@pytest.mark.parametrize(
    ("to", "letter", "told"),
    [("nobody", "end_heard", "no heading"), ("authority", "no_letter", "no_letter"), ("plan", "plan", "times")],
)
async def test_content_that_can_not_be_written_is_told_and_nothing_is_sent(
    world: Ports, to: str, letter: str, told: str
) -> None:
    assert await world.fails(message(world, to, letter), match=told) is Failure.UNMAPPED
    assert world.lifecare.notes_written() == []


async def test_a_refusal_is_told_as_one(world: Ports) -> None:
    act = message(world, execution=1)
    assert await world.fails(act) is Failure.REFUSED


async def test_a_message_is_for_lifecare_and_conflicts_with_nothing(world: Ports) -> None:
    act = message(world, unit=COORDINATOR_UNIT_SOUTH.id)
    assert world.executor.vendor(act) == "lifecare"
    assert await world.executor.observe(act, world.context()) is None
