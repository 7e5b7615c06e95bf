"""Broken data, as docs/lifecare.md says: its own case is parked with a reason, and every other case goes on."""

from collections.abc import Callable
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
TIMES = "22.30, 02:15 och 05.00"
Breaks = Callable[[World, Ordered, int], object]
Mend = Callable[[], object]


def set_raw(world: World, entity: str, key: Any, field: str, value: Any) -> None:
    """Put a value into a row that Lifecare's own forms wouldn't accept."""
    row = world.lifecare.tables[entity].rows[key]
    world.lifecare.change(entity, key, **{field: row.data[field]})
    row.data[field], row.rendered = value, None


def reversed_order(world: World, order: Ordered, _execution: int) -> None:
    world.lifecare.change("orders", order.order_id, EndDate=world.today - timedelta(days=9))


def reversed_execution(world: World, _order: Ordered, execution: int) -> None:
    world.lifecare.change("executions", execution, EndDate=world.today - timedelta(days=9))


def reversed_decision(world: World, order: Ordered, _execution: int) -> None:
    world.lifecare.change("sol_decisions", order.decision_id, ToDate=world.today - timedelta(days=9))
    set_raw(world, "sol_decisions", order.decision_id, "FromDate", f"{world.today}T00:00:00")


def absence_of(world: World, order: Ordered) -> int:
    return world.lifecare.absence(person_of(world, order), world.today + timedelta(days=30))


def reversed_absence(world: World, order: Ordered, _execution: int) -> None:
    world.lifecare.change("client_absences", absence_of(world, order), EndDate=world.today)


def person_of(world: World, order: Ordered) -> str:
    return str(world.lifecare.row("orders", order.order_id)["PersonId"])


def no_date(entity: str, field: str) -> Breaks:
    def breaks(world: World, order: Ordered, execution: int) -> None:
        keys: dict[str, Callable[[], Any]] = {
            "orders": lambda: order.order_id,
            "ordered_services": lambda: order.service_id,
            "sol_decisions": lambda: order.decision_id,
            "executions": lambda: execution,
            "clients": lambda: person_of(world, order),
            "client_absences": lambda: absence_of(world, order),
            "documentations": lambda: world.lifecare.tables["documentations"].where("ExecutionId", execution)[-1].key,
        }
        set_raw(world, entity, keys[entity](), field, "2026-02-30T00:00:00")

    return breaks


def unknown_reason(world: World, order: Ordered, _execution: int) -> None:
    set_raw(world, "clients", person_of(world, order), "Deregistration", {"Reason": "Vanished"})


def unknown_status(world: World, order: Ordered, _execution: int) -> None:
    world.lifecare.change("orders", order.order_id, Status="Suspended")


def unknown_weekday(world: World, order: Ordered, _execution: int) -> None:
    detail = world.lifecare.row("ordered_services", order.service_id)["Details"][0]
    world.lifecare.change("ordered_services", order.service_id, Details=[{**detail, "Weekdays": ["Someday"]}])


def foreign_decision(world: World, order: Ordered, _execution: int) -> None:
    world.lifecare.change("sol_decisions", order.decision_id, PersonId="19500505TF05")


def nobodys_decision(world: World, order: Ordered, _execution: int) -> None:
    world.lifecare.change("sol_decisions", order.decision_id, PersonId=None)


PARKS: dict[str, tuple[Breaks, str]] = {
    "an order that ends before it begins": (reversed_order, "end_before_start"),
    "a decision that ends before it begins": (reversed_decision, "end_before_start"),
    "an execution that ends before it begins": (reversed_execution, "ends_before_start"),
    "an absence that ends before it begins": (reversed_absence, "ends_before_start"),
    "no date in an order": (no_date("orders", "StartDate"), "bad_date"),
    "no date in a service": (no_date("ordered_services", "StartDate"), "bad_row"),
    "no date in a decision": (no_date("sol_decisions", "FromDate"), "bad_date"),
    "no date in an execution": (no_date("executions", "StartDate"), "bad_date"),
    "no date in a client": (no_date("clients", "UpdateTime"), "bad_date"),
    "no date in an absence": (no_date("client_absences", "StartDate"), "bad_date"),
    "no date in a note": (no_date("documentations", "CreatedTime"), "bad_date"),
    "a status never seen": (unknown_status, "unknown_value"),
    "a weekday never seen": (unknown_weekday, "unknown_value"),
    "a reason of deregistration never seen": (unknown_reason, "unknown_value"),
    "a decision for another person": (foreign_decision, "foreign_person"),
    "a decision for nobody": (nobodys_decision, "no_person"),
}


async def both_ordered(world: World) -> dict[str, tuple[Ordered, int]]:
    found = {}
    for person in (ANNA, BERIT):
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
        found: dict[str, tuple[Ordered, int]] = {}
        for person in (*persons, BERIT):
            world.person(person)
            order = world.order(person)
            found[person] = (order, world.execute(order))
        await world.settle()
        for _, execution in found.values():
            world.prepare(execution)
        for person, kind in persons.items():
            PARKS[kind][0](world, *found[person])
        await world.pass_time(hours=2)
        cases = await by_person(world)
        parked = {kind: {c for c, a in told(cases[p]).items() if a.parks} for p, kind in persons.items()}
        assert parked == {kind: {code} for kind, (_, code) in PARKS.items()}
        assert {cases[person].phase for person in persons} == {Phase.PREPARING}
        assert cases[BERIT].phase is Phase.ACTIVE
        assert len(world.statuses()) == 1
        mailed = " ".join(
            subject for _, to, subject, _ in world.mail.sent if to.startswith(("samordning", "myndighet"))
        )
        assert [kind for person, kind in persons.items() if cases[person].ref not in mailed] == []


def unusable(world: World) -> list[tuple[str, str]]:
    """The unusable orders without a case, and why, as the status page and the command line show them."""
    return [
        (h.order_id, h.problem.code) for h in world.db.run_sync(lambda c: order_inbox.unusable_orders(c, "exempel"))
    ]


def nobodys(world: World, order: Ordered) -> Mend:
    world.lifecare.change("orders", order.order_id, PersonId=None)
    return lambda: world.lifecare.change("orders", order.order_id, PersonId=ANNA)


def no_date_in_the_order(world: World, order: Ordered) -> Mend:
    good = world.lifecare.row("orders", order.order_id)["StartDate"]
    set_raw(world, "orders", order.order_id, "StartDate", "2026-02-30T00:00:00")
    return lambda: world.lifecare.change("orders", order.order_id, StartDate=good)


def no_date_in_its_service(world: World, order: Ordered) -> Mend:
    row = world.lifecare.tables["ordered_services"].rows[order.service_id]
    good, row.data["StartDate"], row.rendered = row.data["StartDate"], "2026-02-30T00:00:00", None

    def mend() -> None:
        row.data["StartDate"], row.rendered = good, None

    return mend


def status_never_seen(world: World, order: Ordered) -> Mend:
    world.lifecare.change("orders", order.order_id, Status="Suspended")
    return lambda: world.lifecare.change("orders", order.order_id, Status="Sent")


NO_CASE: dict[str, tuple[Callable[[World, Ordered], Mend], str]] = {
    "an order with no person": (nobodys, "no_person"),
    "a date that is no date": (no_date_in_the_order, "bad_date"),
    "a service that can't be read": (no_date_in_its_service, "bad_row"),
    "a status never seen": (status_never_seen, "unknown_value"),
}


@pytest.mark.parametrize("kind", NO_CASE)
async def test_a_new_order_that_can_not_be_used_is_told_once_by_its_id_and_goes_on_once_it_is_mended(kind: str) -> None:
    breaks, code = NO_CASE[kind]
    async with World(poll_seconds=3600) as world:
        world.person(ANNA)
        world.person(BERIT)
        order, other = world.order(ANNA), world.order(BERIT)
        mend = breaks(world, order)
        await world.settle()
        assert set(await by_person(world)) == {BERIT}
        world.prepare(world.execute(other))
        await world.pass_time(hours=2)
        assert unusable(world) == [(order.order_id, code)]
        (mail,) = [mail for mail in world.mail.sent if order.order_id in mail[2]]
        assert mail[1].startswith("samordning")
        assert not [word for word in (ANNA, "Test", "19340101") if word in mail[2] + mail[3]]
        mend()
        await world.pass_time(hours=2)
        cases = await by_person(world)
        assert set(cases) == {ANNA, BERIT}
        assert cases[BERIT].phase is Phase.ACTIVE
        assert unusable(world) == []


async def test_an_order_that_can_not_be_used_of_somebody_with_a_case_is_told_by_the_case_alone() -> None:
    async with World(poll_seconds=3600) as world:
        await both_ordered(world)
        status_never_seen(world, world.order(ANNA))
        await world.pass_time(hours=2)
        assert told((await by_person(world))[ANNA])["unknown_value"].parks
        assert unusable(world) == []


@pytest.mark.parametrize("known", [False, True], ids=["from the first day", "later"])
async def test_a_client_that_can_not_be_read_parks_the_case_with_the_field_until_it_is_mended(known: bool) -> None:
    async with World(poll_seconds=3600) as world:
        world.person(ANNA)
        row = world.lifecare.tables["clients"].rows[ANNA]
        execution = world.execute(world.order(ANNA))
        if known:
            await world.settle()
        set_raw(world, "clients", ANNA, "Active", {"no": "value"})
        await world.settle()
        world.prepare(execution)
        await world.pass_time(hours=2)
        notice = told(await world.case())["bad_row"]
        assert (notice.parks, dict(notice.params)["field"]) == (True, "Active")
        assert [body for _, to, _, body in world.mail.sent if to.startswith("samordning") and "Active" in body]
        assert world.statuses() == []
        row.data["Active"], row.rendered = True, None  # corrected, but no feed shows that
        await world.pass_time(hours=2)
        assert (await world.case()).phase is Phase.ACTIVE


async def test_a_number_that_fails_its_checksum_is_told_and_stops_nothing() -> None:
    number = "193401019999"
    async with World(poll_seconds=3600) as world:
        world.person(number)
        execution = world.execute(world.order(number))
        await world.settle()
        world.prepare(execution)
        await world.pass_time(hours=2)
        case = await world.case()
        assert not told(case)["checksum"].parks
        assert case.phase is Phase.ACTIVE


async def test_a_note_of_5_megabytes_is_told_back_and_costs_nobody_else() -> None:
    async with World(poll_seconds=3600, awaiting_minutes=60) as world:
        found = await both_ordered(world)
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
        found = await both_ordered(world)
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


@pytest.mark.parametrize("code", [*(code for _, code in PARKS.values()), "checksum"])
def test_every_reason_has_words_that_name_where_to_look(code: str) -> None:
    texts = Texts.load("sv")
    assert texts.has("attention", code)
    assert code == "checksum" or texts.params_of("attention", code) & {"resource", "order"}
