"""Broken data, as docs/lifecare.md says: its own case is parked with a reason, and every other case goes on."""

from datetime import timedelta
from typing import Any

import pytest

from adapter.domain.decision import Attention, Phase
from adapter.domain.facts import Signal
from adapter.store import order_inbox
from adapter.store.cases import Case
from connectors.mock.lifecare.acts import Ordered
from mappings.texts import Texts
from tests.world import World

ANNA, BERIT = "19340101TF01", "19340102TF01"
WHOLE = "19340109TF01"
TIMES = "22.30, 02:15 och 05.00"
NO_DATE = "2026-02-30T00:00:00"
PARKS: dict[str, tuple[str, str, Any, str]] = {
    # the row, the field, what stands there (a number of days from today is a date), and the reason
    "an order that ends before it begins": ("orders", "EndDate", -9, "end_before_start"),
    "a decision that ends before it begins": ("sol_decisions", "ToDate", -9, "end_before_start"),
    "an execution that ends before it begins": ("executions", "EndDate", -9, "ends_before_start"),
    "an absence that ends before it begins": ("client_absences", "EndDate", 0, "ends_before_start"),
    "no date in an order": ("orders", "StartDate", NO_DATE, "bad_date"),
    "no date in a service": ("ordered_services", "StartDate", NO_DATE, "bad_row"),
    "no date in a decision": ("sol_decisions", "FromDate", NO_DATE, "bad_date"),
    "no date in an execution": ("executions", "StartDate", NO_DATE, "bad_date"),
    "no date in a client": ("clients", "UpdateTime", NO_DATE, "bad_date"),
    "no date in an absence": ("client_absences", "StartDate", NO_DATE, "bad_date"),
    "no date in a note": ("documentations", "CreatedTime", NO_DATE, "bad_date"),
    "a status never seen": ("orders", "Status", "Suspended", "unknown_value"),
    "a weekday never seen": ("ordered_services", "Details", [{"Weekdays": ["Someday"]}], "unknown_value"),
    "a reason of deregistration never seen": ("clients", "Deregistration", {"Reason": "Vanished"}, "unknown_value"),
    "a decision for another person": ("sol_decisions", "PersonId", "19500505TF05", "foreign_person"),
    "a decision for nobody": ("sol_decisions", "PersonId", None, "no_person"),
}


def breaks(world: World, kind: str, person: str, order: Ordered, execution: int) -> None:
    entity, field, value, _ = PARKS[kind]
    if entity == "client_absences":
        world.lifecare.absence(person, world.today + timedelta(days=30))
    stands = f"{world.today + timedelta(days=value)}T00:00:00" if isinstance(value, int) else value
    world.spoil(entity, world.keys(order, execution)[entity], field, stands)


async def ordered(world: World, *persons: str) -> dict[str, tuple[Ordered, int]]:
    found = {}
    for person in persons:
        world.person(person)
        order = world.order(person)
        found[person] = (order, world.execute(order))
    await world.settle()
    return found


async def by_person(world: World) -> dict[str, Case]:
    return {case.person_id: case for case in await world.cases()}


def told(case: Case) -> dict[str, Attention]:
    decision = case.last_decision
    assert decision is not None
    return {a.code: a for a in decision.attention}


async def test_each_broken_case_is_parked_with_its_reason_and_the_whole_one_goes_on() -> None:
    async with World(poll_seconds=3600, awaiting_minutes=60) as world:
        persons = {f"193402{n:02d}TF01": kind for n, kind in enumerate(PARKS, 1)}
        found = await ordered(world, *persons, BERIT)
        for _, execution in found.values():
            world.prepare(execution)
        for person, kind in persons.items():
            breaks(world, kind, person, *found[person])
        await world.pass_time(hours=2)
        cases = await by_person(world)
        parked = {kind: {c for c, a in told(cases[p]).items() if a.parks} for p, kind in persons.items()}
        assert parked == {kind: {code} for kind, (_, _, _, code) in PARKS.items()}
        assert {cases[person].phase for person in persons} == {Phase.PREPARING}
        assert cases[BERIT].phase is Phase.ACTIVE
        assert len(world.statuses()) == 1
        mailed = [subject for _, to, subject, _ in world.mail.sent if to.startswith(("samordning", "myndighet"))]
        assert [kind for person, kind in persons.items() if cases[person].ref not in " ".join(mailed)] == []


def unusable(world: World) -> dict[str, str]:
    """The unusable orders without a case, and why, as the status page and the command line show them."""
    waiting = world.db.run_sync(lambda c: order_inbox.unusable_orders(c, "exempel"))
    return {order.order_id: order.problem.code for order in waiting}


NO_CASE: tuple[tuple[str, str, Any, str], ...] = (
    ("orders", "PersonId", None, "no_person"),
    ("orders", "StartDate", NO_DATE, "bad_date"),
    ("ordered_services", "StartDate", NO_DATE, "bad_row"),
    ("orders", "Status", "Suspended", "unknown_value"),
)


async def test_a_new_order_that_can_not_be_used_is_told_once_by_its_id_and_goes_on_once_it_is_mended() -> None:
    async with World(poll_seconds=3600) as world:
        mends, unused = [], {}
        for n, (entity, field, value, code) in enumerate(NO_CASE):
            world.person(f"1934010{n + 1}TF01")
            order = world.order(f"1934010{n + 1}TF01")
            mends.append(world.spoil(entity, world.keys(order, 0)[entity], field, value))
            unused[order.order_id] = code
        world.prepare((await ordered(world, WHOLE))[WHOLE][1])
        await world.pass_time(hours=2)
        assert {person: case.phase for person, case in (await by_person(world)).items()} == {WHOLE: Phase.ACTIVE}
        assert unusable(world) == unused
        for order_id in unused:
            (mail,) = [mail for mail in world.mail.sent if order_id in mail[2]]
            assert mail[1].startswith("samordning")
            assert not [word for word in ("1934010", "Test") if word in mail[2] + mail[3]]
        for mend in mends:
            mend()
        await world.pass_time(hours=2)
        assert len(await world.cases()) == 5
        assert unusable(world) == {}


async def test_an_order_that_can_not_be_used_of_somebody_with_a_case_is_told_by_the_case_alone() -> None:
    async with World(poll_seconds=3600) as world:
        await ordered(world, ANNA, BERIT)
        world.lifecare.change("orders", world.order(ANNA).order_id, Status="Suspended")
        await world.pass_time(hours=2)
        assert told((await by_person(world))[ANNA])["unknown_value"].parks
        assert unusable(world) == {}


@pytest.mark.parametrize("known", [False, True], ids=["from the first day", "later"])
async def test_a_client_that_can_not_be_read_parks_the_case_with_the_field_until_it_is_mended(known: bool) -> None:
    async with World(poll_seconds=3600) as world:
        world.person(ANNA)
        execution = world.execute(world.order(ANNA))
        if known:
            await world.settle()
        mend = world.spoil("clients", ANNA, "Active", {"no": "value"})
        await world.settle()
        world.prepare(execution)
        await world.pass_time(hours=2)
        notice = told(await world.case())["bad_row"]
        assert (notice.parks, dict(notice.params)["field"]) == (True, "Active")
        assert [body for _, to, _, body in world.mail.sent if to.startswith("samordning") and "Active" in body]
        assert world.statuses() == []
        mend()
        await world.pass_time(hours=2)
        assert (await world.case()).phase is Phase.ACTIVE


async def test_a_number_that_fails_its_checksum_is_told_and_stops_nothing() -> None:
    number = "193401019999"
    async with World(poll_seconds=3600) as world:
        _, execution = (await ordered(world, number))[number]
        world.prepare(execution)
        await world.pass_time(hours=2)
        case = await world.case()
        assert not told(case)["checksum"].parks
        assert case.phase is Phase.ACTIVE


async def test_a_note_of_5_megabytes_is_told_back_and_costs_nobody_else() -> None:
    async with World(poll_seconds=3600, awaiting_minutes=60) as world:
        found = await ordered(world, ANNA, BERIT)
        for person, (_, execution) in found.items():
            world.prepare(execution, "22:30 " * 900_000 if person == ANNA else TIMES)
        await world.pass_time(hours=2)
        cases = await by_person(world)
        assert "times_refused" in told(cases[ANNA])
        assert cases[BERIT].phase is Phase.ACTIVE
        world.note(found[ANNA][1], Signal.TIMES_AGREED, TIMES)
        await world.pass_time(hours=2)
        assert (await by_person(world))[ANNA].phase is Phase.ACTIVE


@pytest.mark.parametrize("how", ["error_mark", "replace", "delete", "vanish"])
async def test_a_note_that_no_longer_stands_after_it_was_acted_upon_pauses_within_a_day(how: str) -> None:
    async with World(poll_seconds=6 * 3600, awaiting_minutes=120) as world:
        found = await ordered(world, ANNA, BERIT)
        for _, execution in found.values():
            world.prepare(execution)
        await world.pass_time(hours=2)
        assert (await by_person(world))[ANNA].phase is Phase.ACTIVE
        heading = world.service.tenants["exempel"].mapping.signals[Signal.CONSENT_SIGNED]
        rows = world.lifecare.tables["documentations"].where("ExecutionId", found[ANNA][1])
        (consent,) = [str(row.key) for row in rows if row.data["HeadlineId"] == heading]
        if how == "error_mark":
            world.lifecare.error_mark(consent)
        elif how == "replace":
            newer = world.lifecare.replace_note(consent, "Fel person.")
            world.lifecare.error_mark(newer)
        else:
            world.lifecare.delete_note(consent, vanished=how == "vanish")
        await world.pass_time(hours=25)
        cases = await by_person(world)
        assert cases[ANNA].phase is Phase.PAUSED
        assert cases[BERIT].phase is Phase.ACTIVE


@pytest.mark.parametrize("code", sorted({code for _, _, _, code in PARKS.values()}))
def test_every_reason_has_words_that_name_where_to_look(code: str) -> None:
    assert Texts.load("sv").params_of("attention", code) & {"resource", "order"}
