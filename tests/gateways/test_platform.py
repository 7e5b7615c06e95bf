"""Acts over the simulated Phoniro: each has its effect once, and returns the schedule as it is seen afterwards."""

import json
from dataclasses import replace
from datetime import date

import pytest

from adapter.domain.ledger import Act, ActKind, ScheduleStatus, What
from adapter.domain.nights import NightTimes
from adapter.ports import CaseContext, Effect, Failure, PlatformSchedule
from connectors.mock.faults import Kind, Rule
from connectors.mock.phoniro.schemas import HandChange

from .conftest import PERSON, TIMES, Ports, shown

OTHER_TIMES = json.dumps({"mon": ["23:00"]})


async def put(world: Ports) -> Effect:
    return await world.executor.perform(world.act(ActKind.PUT_PERSON, details="d", unit=7101), world.context())


async def scheduled(world: Ports) -> tuple[CaseContext, Effect]:
    """A case with its schedule, and the effect of the creation."""
    await put(world)
    effect = await world.executor.perform(world.create(), world.context())
    assert effect.schedule_id is not None
    return world.context(schedule_ids={1: (effect.schedule_id, effect.etag)}), effect


# The person


async def test_a_person_is_put_as_lifecare_has_them_now(world: Ports) -> None:
    effect = await put(world)
    customer = world.customer()
    client, _ = await world.source.client(PERSON)
    assert customer.personal_identity_number == PERSON
    assert customer.last_name == world.lifecare.row("clients", PERSON)["LastName"]
    assert effect.person == client.details
    assert PERSON not in str(effect)


@pytest.mark.parametrize("how", ["registration", "confidential", "address", "phone", "invisible"])
async def test_of_a_protected_person_nothing_personal_reaches_the_platform(world: Ports, how: str) -> None:
    world.lifecare.protect(PERSON, how)  # type: ignore[arg-type]  # the parameters are its literals
    effect = await put(world)
    customer = world.customer()
    assert customer.protected_identity
    assert customer.personal_identity_number is customer.last_name is customer.street_address is customer.phone is None
    assert effect.person == (await world.source.client(PERSON))[0].details
    sent = b"".join(received.body for received in world.phoniro.received())
    assert PERSON.encode() not in sent


async def test_a_person_who_becomes_protected_is_taken_out_of_the_platform(world: Ports) -> None:
    before = await put(world)
    world.lifecare.protect(PERSON)
    after = await put(world)
    assert world.customer().last_name is None
    assert before.person != after.person


async def test_a_person_whose_last_case_is_closed_is_emptied(world: Ports) -> None:
    await put(world)
    await world.executor.perform(world.act(ActKind.EMPTY_PERSON, details="d", unit=None), world.context())
    customer = world.customer()
    assert customer.personal_identity_number is customer.first_name is customer.last_name is customer.phone is None


# Creation


async def test_a_created_schedule_is_told_with_its_id_and_version(world: Ports) -> None:
    _, effect = await scheduled(world)
    stored = world.phoniro.schedule_by_reference("TK-7F3K2M-1")
    assert stored is not None
    assert effect.schedule_id == stored.id
    assert effect.etag is not None
    assert (shown(effect).n, shown(effect).status) == (1, ScheduleStatus.OPEN)
    assert shown(effect).times == NightTimes.from_json(json.loads(TIMES))
    assert shown(effect).orders == frozenset({"SB-100001"})
    assert (shown(effect).valid_from, shown(effect).valid_to) == (date(2026, 3, 9), None)


async def test_a_creation_whose_answer_was_lost_is_found_by_its_reference(world: Ports) -> None:
    await put(world)
    act = world.create()
    world.phoniro_faults.add(Rule(kind=Kind.CUT_AFTER, method="POST", path="/api/v1/supervision-schedules"))
    assert await world.fails(act) is Failure.AMBIGUOUS
    found = await world.executor.find(act, world.context())
    assert found is not None
    assert found.schedule_id == world.phoniro.schedules[0].id


async def test_a_reference_that_somebody_else_has_is_a_conflict_and_is_not_taken_over(world: Ports) -> None:
    await scheduled(world)
    stranger = replace(world.context(), person_id="19900101TF04")
    world.lifecare.seed_person("19900101TF04")
    await world.executor.perform(world.act(ActKind.PUT_PERSON, details="d", unit=7101), stranger)
    act = world.create()
    assert await world.fails(act, stranger) is Failure.CONFLICT
    assert await world.executor.find(act, stranger) is None
    assert await world.executor.observe(act, stranger) is None


async def test_a_schedule_whose_customer_is_not_there_yet_waits_for_it(world: Ports) -> None:
    assert await world.fails(world.create(), match="isn't there yet") is Failure.TRANSIENT


async def test_a_pause_counts_though_it_can_not_be_read_back(world: Ports) -> None:
    case, _ = await scheduled(world)
    world.phoniro_faults.add(
        Rule(kind=Kind.STATUS_BEFORE, method="GET", path="/api/v1/supervision-schedules/", times=None)
    )
    effect = await world.executor.perform(world.act(ActKind.PAUSE, n=1, reason="absence"), case)
    assert effect.schedule is not None


# Changes


def change(world: Ports, **what: str | int | None) -> Act:
    base: What = {"n": 1, "valid_from": "2026-03-09", "valid_to": "2026-04-30", "times": OTHER_TIMES, "orders": "[]"}
    return world.act(ActKind.CHANGE, **{**base, **what})


async def test_a_change_replaces_times_and_last_day(world: Ports) -> None:
    case, created = await scheduled(world)
    effect = await world.executor.perform(change(world), case)
    assert shown(effect).valid_to == date(2026, 4, 30)
    assert shown(effect).times == NightTimes.from_json(json.loads(OTHER_TIMES))
    assert effect.etag != created.etag


async def test_new_patience_is_changed_in_place_and_seen_again(world: Ports) -> None:
    case, created = await scheduled(world)
    assert shown(created).patience == (30, 15)
    act = world.act(ActKind.CHANGE, n=1, tolerance=20, retry_after=10)
    assert await world.executor.find(act, case) is None
    effect = await world.executor.perform(act, case)
    assert (shown(effect).patience, shown(effect).times) == ((20, 10), shown(created).times)
    assert await world.executor.find(act, case) is not None


async def test_a_change_by_somebody_else_in_between_is_a_conflict_and_is_observed(world: Ports) -> None:
    case, created = await scheduled(world)
    world.phoniro.change_by_hand(str(created.schedule_id), HandChange.model_validate_json('{"validTo": "2026-03-31"}'))
    act = change(world)
    assert await world.fails(act, case) is Failure.CONFLICT
    seen = await world.executor.observe(act, case)
    assert seen is not None
    assert shown(seen).valid_to == date(2026, 3, 31)
    assert seen.etag != created.etag


# Pause, resume, end


def op(world: Ports, kind: ActKind) -> Act:
    return world.act(kind, n=1, reason="consent_withdrawn")


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        (ActKind.PAUSE, ScheduleStatus.PAUSED, "paused"),
        (ActKind.RESUME, ScheduleStatus.OPEN, "active"),
        (ActKind.END, ScheduleStatus.ENDED, "ended"),
    ],
)
async def test_each_act_is_told_as_it_is_seen_afterwards(
    world: Ports, kind: ActKind, status: ScheduleStatus, word: str
) -> None:
    case, created = await scheduled(world)
    effect = await world.executor.perform(op(world, kind), case)
    assert shown(effect).status is status
    assert world.phoniro.status(str(created.schedule_id)) == word


async def test_an_end_is_sent_with_an_instant_long_past_and_nobody_can_look_from_then_on(world: Ports) -> None:
    """Phoniro ends at once. Nobody can look longer because our clock is ahead."""
    case, created = await scheduled(world)
    await world.executor.perform(op(world, ActKind.END), case)
    sent = world.phoniro.received()[-2]
    assert json.loads(sent.body) == {"endAt": "2026-03-07T09:00:00Z", "reason": "consent_withdrawn"}
    assert not world.phoniro.schedule(str(created.schedule_id)).now.can_look(world.clock.time)


@pytest.mark.parametrize("kind", [ActKind.PAUSE, ActKind.RESUME, ActKind.END, ActKind.CHANGE])
@pytest.mark.parametrize("done", [True, False])
async def test_an_act_whose_answer_was_lost_is_found_if_and_only_if_it_was_done(
    world: Ports, kind: ActKind, done: bool
) -> None:
    case, _ = await scheduled(world)
    if kind is ActKind.RESUME:
        await world.executor.perform(op(world, ActKind.PAUSE), case)
    act = change(world) if kind is ActKind.CHANGE else op(world, kind)
    method = "PATCH" if kind is ActKind.CHANGE else "POST"
    fault = Kind.CUT_AFTER if done else Kind.CUT_BEFORE
    world.phoniro_faults.add(Rule(kind=fault, method=method, path="/api/v1/supervision-schedules/"))
    assert await world.fails(act, case) is Failure.AMBIGUOUS
    assert ((await world.executor.find(act, case)) is not None) is done


async def test_pausing_a_schedule_that_has_ended_is_a_conflict_and_shows_the_end(world: Ports) -> None:
    case, _ = await scheduled(world)
    await world.executor.perform(op(world, ActKind.END), case)
    assert await world.fails(op(world, ActKind.PAUSE), case) is Failure.CONFLICT
    seen = await world.executor.observe(op(world, ActKind.PAUSE), case)
    assert shown(seen).status is ScheduleStatus.ENDED


async def test_a_schedule_whose_id_is_not_known_is_found_by_its_reference(world: Ports) -> None:
    await scheduled(world)
    effect = await world.executor.perform(op(world, ActKind.END), world.context())
    assert shown(effect).status is ScheduleStatus.ENDED


async def test_a_schedule_that_is_nowhere_is_not_found(world: Ports) -> None:
    assert await world.fails(op(world, ActKind.END)) is Failure.NOT_FOUND


async def test_content_that_can_not_be_used_is_told_and_nothing_is_sent(world: Ports) -> None:
    case, _ = await scheduled(world)
    before = world.phoniro.received()
    assert await world.fails(change(world, times="22:30"), case, match="times are no night times") is Failure.UNMAPPED
    assert world.phoniro.received() == before


# Comparison


async def test_all_schedules_are_told_for_comparison(world: Ports) -> None:
    case, created = await scheduled(world)
    await world.executor.perform(op(world, ActKind.END), case)
    await world.executor.perform(world.create(n=2), case)
    found = [s async for page in world.tenant.platform.schedules() for s in page if isinstance(s, PlatformSchedule)]
    assert [(s.reference, s.record.n, s.record.status) for s in found] == [
        ("TK-7F3K2M-1", 1, ScheduleStatus.ENDED),
        ("TK-7F3K2M-2", 2, ScheduleStatus.OPEN),
    ]
    assert found[0].id == created.schedule_id
