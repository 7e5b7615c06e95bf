"""The case source over the simulated Lifecare."""

import json
from datetime import date, timedelta

import pytest

from adapter.domain.facts import OrderStatus, ServiceKind, Signal
from adapter.domain.nights import Granted
from adapter.ports import Failure, PortError
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.catalogue import ALARM_TEAM_UNIT, COORDINATOR_UNIT_SOUTH

from .conftest import OTHER_PERSON, PERSON, Ports

TODAY = date(2026, 3, 9)
ALL = frozenset(Signal)


async def test_all_orders_of_the_person_are_read_with_their_services(world: Ports) -> None:
    camera = world.lifecare.order(PERSON, unit_id=COORDINATOR_UNIT_SOUTH.id)
    world.lifecare.order(PERSON, "alarm")
    world.lifecare.seed_person(OTHER_PERSON)
    world.lifecare.order(OTHER_PERSON)
    orders, problems = await world.source.orders(PERSON)
    assert problems == ()
    assert {o.lines[0].kind for o in orders} == {ServiceKind.CAMERA, ServiceKind.ALARM}
    (order,) = (o for o in orders if o.is_camera)
    assert (order.id, order.status, order.unit_id) == (camera.order_id, OrderStatus.SENT, 7102)
    assert (order.lines[0].decision_id, order.lines[0].granted) == (camera.decision_id, Granted(3))


@pytest.mark.parametrize("count", [1, 2])
async def test_a_deleted_decision_comes_back_marked_as_deleted(world: Ports, count: int) -> None:
    """Every second deleted row holds little more than its id."""
    made = [world.lifecare.order(PERSON) for _ in range(count)][-1]
    world.lifecare.delete("sol_decisions", made.decision_id)
    decisions, problems = await world.source.decisions(PERSON, frozenset({made.decision_id}))
    assert problems == ()
    assert {d.id: d.deleted for d in decisions}[made.decision_id]


async def test_a_decision_of_somebody_else_is_told_and_never_used(world: Ports) -> None:
    world.lifecare.seed_person(OTHER_PERSON)
    foreign = world.lifecare.order(OTHER_PERSON)
    decisions, problems = await world.source.decisions(PERSON, frozenset({foreign.decision_id}))
    assert decisions == ()
    assert [p.code for p in problems] == ["foreign_person"]
    assert OTHER_PERSON not in str(problems)


async def test_a_decision_that_vanished_is_absent(world: Ports) -> None:
    made = world.lifecare.order(PERSON)
    world.lifecare.vanish("sol_decisions", made.decision_id)
    assert await world.source.decisions(PERSON, frozenset({made.decision_id})) == ((), ())


async def test_executions_have_their_unit_and_their_deletion(world: Ports) -> None:
    made = world.lifecare.order(PERSON)
    kept = world.lifecare.start_execution(made.order_id, unit_id=ALARM_TEAM_UNIT.id)
    gone = world.lifecare.start_execution(made.order_id)
    world.lifecare.delete("executions", gone)
    executions, problems = await world.source.executions(PERSON)
    assert problems == ()
    assert {e.id: e.deleted for e in executions} == {kept: False, gone: True}
    assert next(e for e in executions if e.id == kept).unit_id == 7201


async def test_rows_of_somebody_else_are_told_and_a_deleted_stub_that_names_nobody_counts(world: Ports) -> None:
    """The API answers with anybody's rows (L11); a deleted row may hold only its id (L7)."""
    order = world.lifecare.order(PERSON).order_id
    rows = [{"Id": 1, "PersonId": PERSON}, {"Id": 2, "PersonId": OTHER_PERSON}, {"Id": 3, "Deleted": True}, {"Id": 4}]
    rows += [{"Id": n, "PersonId": whose, "EndDate": "later"} for n, whose in ((5, OTHER_PERSON), (6, PERSON))]
    for row in rows:
        execution = world.lifecare.start_execution(order)
        world.lifecare.tables["executions"].rows[execution].rendered = json.dumps(row).encode()
    executions, problems = await world.source.executions(PERSON)
    assert [(e.id, e.deleted) for e in executions] == [(1, False), (3, True)]
    told = [(p.code, dict(p.params)["id"]) for p in problems]
    assert told == [("foreign_person", "5"), ("bad_date", "6"), ("foreign_person", "2"), ("no_person", "4")]


async def test_absences_are_read_with_the_deleted_ones_marked(world: Ports) -> None:
    kept = world.lifecare.absence(PERSON, TODAY, TODAY + timedelta(days=3))
    for _ in range(2):
        world.lifecare.delete("client_absences", world.lifecare.absence(PERSON, TODAY))
    absences, problems = await world.source.absences(PERSON)
    assert problems == ()
    standing = [a for a in absences if not a.deleted]
    assert [(a.id, a.first_day, a.last_day) for a in standing] == [(kept, TODAY, TODAY + timedelta(days=3))]
    assert len(absences) == 3


async def test_a_client_that_the_key_can_not_see_is_protected_without_an_id(world: Ports) -> None:
    world.lifecare.protect(PERSON, "invisible")
    client, problems = await world.source.client(PERSON)
    assert client.protected
    assert client.client_id is None
    assert problems == ()


async def test_signals_are_read_on_the_executions_asked_for(world: Ports) -> None:
    made = world.lifecare.order(PERSON)
    first, second = (world.lifecare.start_execution(made.order_id) for _ in range(2))
    world.lifecare.note_as("coordinator", first, "times_agreed", "Varje natt 22:30")
    world.lifecare.note_as("alarm_team", second, "consent_signed", "hemlig text")
    world.lifecare.note_as("alarm_team", first, "S901", "en vanlig anteckning")
    wrong = world.lifecare.note_as("alarm_team", first, "ready_for_start", "klart")
    world.lifecare.error_mark(wrong)
    notes, problems = await world.source.notes(frozenset({first, second}), ALL, TODAY)
    assert problems == ()
    assert {(n.signal, n.execution_id, n.text) for n in notes} == {
        (Signal.TIMES_AGREED, first, "Varje natt 22:30"),
        (Signal.CONSENT_SIGNED, second, ""),
    }
    assert {n.signal for n in (await world.source.notes(frozenset({second}), ALL, TODAY))[0]} == {Signal.CONSENT_SIGNED}
    some = frozenset({Signal.TIMES_AGREED, Signal.READY_FOR_START})
    assert {n.signal for n in (await world.source.notes(frozenset({first, second}), some, TODAY))[0]} == {
        Signal.TIMES_AGREED
    }


async def test_orders_changed_on_a_day_tell_which_may_be_a_cameras(world: Ports) -> None:
    camera, other = world.lifecare.order(PERSON), world.lifecare.order(PERSON, "shower")
    window = await world.source.orders_updated_on(TODAY)
    assert {(i.id, i.person_id, i.maybe_camera) for i in window.items} == {
        (camera.order_id, PERSON, True),
        (other.order_id, PERSON, False),
    }
    assert window.server_time == world.clock.time
    before = {i.id: i.fingerprint for i in window.items}
    world.clock.time += timedelta(minutes=5)
    world.lifecare.accept(camera.order_id)
    after = {i.id: i.fingerprint for i in (await world.source.orders_updated_on(TODAY)).items}
    assert after[camera.order_id] != before[camera.order_id]
    assert after[other.order_id] == before[other.order_id]


@pytest.mark.parametrize("feed", ["decisions", "executions", "clients", "absences"])
async def test_each_change_feed_tells_whom_it_concerns(world: Ports, feed: str) -> None:
    world.clock.time += timedelta(hours=1)
    since = world.clock.time - timedelta(seconds=1)
    made = world.lifecare.order(PERSON)
    world.lifecare.start_execution(made.order_id)
    world.lifecare.absence(PERSON, TODAY)
    world.lifecare.protect(PERSON)
    window = await world.source.changed_since(feed, since)
    assert {i.person_id for i in window.items} == {PERSON}
    assert (await world.source.changed_since(feed, world.clock.time + timedelta(hours=1))).items == ()


async def test_urgent_notes_are_all_current_ones_and_show_when_one_is_error_marked(world: Ports) -> None:
    execution = world.lifecare.start_execution(world.lifecare.order(PERSON).order_id)
    note = world.lifecare.note_as("coordinator", execution, "consent_withdrawn", "återkallat")
    world.lifecare.note_as("coordinator", execution, "consent_signed", "inte brådskande")
    (before,) = (await world.source.urgent_notes()).items
    assert (before.id, before.person_id) == (f"{note}:{execution}", None)
    world.lifecare.error_mark(note)
    after = (await world.source.urgent_notes()).items
    assert all(i.fingerprint != before.fingerprint for i in after)


async def test_of_what_a_list_shows_no_more_the_link_is_known_by_its_id_whatever_signs_that_holds(world: Ports) -> None:
    execution = world.lifecare.start_execution(world.lifecare.order(PERSON).order_id)
    note = world.lifecare.note_as("coordinator", execution, "consent_withdrawn", "återkallat")
    row = {**world.lifecare.row("documentations", note), "Id": "JN:1:2"}
    shown = json.dumps(row, default=str)
    for rendered in (shown, shown.replace('"Status": "Current"', '"Status": ["Current"]')):
        world.lifecare.tables["documentations"].rows[note].rendered = rendered.encode()
        (item,) = (await world.source.urgent_notes()).items
        assert (item.id.partition(":")[2], item.link) == (str(execution), str(execution))


async def test_a_resource_without_a_licence_is_unauthorised_and_names_the_resource(world: Ports) -> None:
    world.lifecare.settings.unlicensed.add("client_absences")
    with pytest.raises(PortError, match="client_absences") as error:
        await world.source.absences(PERSON)
    assert (error.value.failure, error.value.vendor) == (Failure.UNAUTHORISED, "lifecare")
    assert PERSON not in str(error.value)


@pytest.mark.parametrize(
    ("rule", "failure"),
    [
        (Rule(kind=Kind.STATUS_BEFORE, status=503, retry_after=120, times=None), Failure.TRANSIENT),
        (Rule(kind=Kind.GARBAGE, times=None), Failure.CONTRACT),
        (Rule(kind=Kind.CUT_BEFORE, times=None), Failure.TRANSIENT),
    ],
)
async def test_what_goes_wrong_is_told_in_the_ports_words(world: Ports, rule: Rule, failure: Failure) -> None:
    world.lifecare_faults.add(rule)
    with pytest.raises(PortError) as error:
        await world.source.executions(PERSON)
    assert error.value.failure is failure
    assert PERSON not in str(error.value)
    if rule.retry_after:
        assert error.value.retry_after == 120


async def test_one_unread_list_of_services_fails_the_whole_reading_of_orders(world: Ports) -> None:
    for _ in range(3):
        world.lifecare.order(PERSON)
    world.lifecare_faults.add(Rule(kind=Kind.STATUS_BEFORE, pattern="ordered_services", skip=1, times=None))
    with pytest.raises(PortError):
        await world.source.orders(PERSON)
