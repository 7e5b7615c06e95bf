"""Phoniro as the camera platform's ports: acts on persons and schedules, and all schedules for comparison."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta

from adapter.domain.ledger import PERSON_KINDS, SCHEDULE_KINDS, Act, ActKind, ScheduleRecord, ScheduleStatus, What
from adapter.domain.nights import NightWindow
from adapter.gateways.port_errors import as_port_errors, port_error
from adapter.ports import (
    BrokenSchedule,
    CaseContext,
    Effect,
    Failure,
    PlatformSchedule,
    PortError,
    Supervision,
    Supervisions,
)
from connectors.errors import Conflict, NotFound, Refused, VendorError
from connectors.lifecare import wire as lifecare_wire
from connectors.lifecare.client import LifecareClient
from connectors.phoniro.client import PhoniroClient, Versioned
from connectors.phoniro.wire import Schedule
from connectors.rows import BrokenRow
from mappings import phoniro as mapped
from mappings.content import whole
from mappings.lifecare import fingerprint
from mappings.mapping import MunicipalMapping

VENDOR = "phoniro"
LONG_PAST = timedelta(days=2)
"""An end is sent as an instant this long ago, and Phoniro ends at once. With the present instant somebody could still
look, for as long as our clock is ahead of Phoniro's."""
ExternalId = Callable[[str], Awaitable[str]]
"""Gives a person's id in Phoniro by their key. It is made once and is never a personal number."""


class PlatformExecutor:
    """Carries out the acts at Phoniro. Each kind is safe to repeat:

    ``put_person``, ``empty_person``: a PUT of the whole person, which is read from Lifecare each time. Sending it again
    changes nothing.
    ``create``: ``externalReference`` is unique for ever. A second one is refused with the first one's id. That schedule
    is then taken over if its customer is ours.
    ``change``: carries the version last seen. If the change was carried out already, or somebody else made one, it is
    refused (412), and the case is read again.
    ``pause``, ``resume``, ``end``: sending them again changes nothing. They carry no version, so the schedule is read
    after each, and the effect holds what was read. ``end`` is sent with an instant long past, never a future one.
    """

    vendor = VENDOR

    def __init__(
        self,
        phoniro: PhoniroClient,
        lifecare: LifecareClient,
        mapping: MunicipalMapping,
        *,
        external_id: ExternalId,
        clock: Callable[[], datetime],
        key: bytes,
    ) -> None:
        """``key`` is the secret of the person's fingerprint, the same as the case source's."""
        self._phoniro = phoniro
        self._lifecare = lifecare
        self._mapping = mapping
        self._new_external_id = external_id
        self._clock = clock
        self._key = key

    async def perform(self, act: Act, case: CaseContext) -> Effect:
        match act.kind:
            case ActKind.PUT_PERSON:
                return await self._put_person(act, case)
            case ActKind.EMPTY_PERSON:
                return await self._empty_person(act, case)
            case ActKind.CREATE:
                return await self._create(act, case)
        return await self._act_on_schedule(act, case)

    async def find(self, act: Act, case: CaseContext) -> Effect | None:
        """The effect, if the schedule shows it. A person isn't looked up: the PUT is sent again."""
        if act.kind in PERSON_KINDS:
            return None
        if act.kind is ActKind.CREATE:
            reference = mapped.external_reference(case.reference, mapped.number(act.what))
            found = await self._phoniro.find_schedule(reference)
            ours = found and found.schedule.customer_external_id == await self._external_id(case)
            return self._effect(found, act, adopted=True) if found and ours else None
        schedule_id, _ = await self._schedule_id(act, case)
        effect = self._effect(await self._phoniro.get_schedule(schedule_id), act, adopted=True)
        return effect if effect.schedule and _shows(effect.schedule, act) else None

    async def observe(self, act: Act, case: CaseContext) -> Effect | None:
        """The schedule as it is now. None for a creation: if the schedule were ours, it would have been taken over, so
        the conflict is with somebody else's."""
        if act.kind not in SCHEDULE_KINDS or act.kind is ActKind.CREATE:
            return None
        schedule_id, _ = await self._schedule_id(act, case)
        return self._effect(await self._phoniro.get_schedule(schedule_id), act)

    # The person

    async def _external_id(self, case: CaseContext) -> str:
        return case.external_id or await self._new_external_id(case.person_id)

    async def _put_person(self, act: Act, case: CaseContext) -> Effect:
        row = await self._client(case.person_id)
        organisation = self._mapping.organisation(whole(act.what, "unit"))
        external_id = await self._external_id(case)
        customer = mapped.customer(row, case.person_id, external_id, organisation)
        await self._phoniro.put_customer(customer)
        result: What = {"protected": customer.protected_identity, "organisation": organisation}
        return Effect(result, person=fingerprint(row, case.person_id, self._key))

    async def _client(self, person_id: str) -> lifecare_wire.Client | None:
        try:
            return await self._lifecare.client(person_id)
        except NotFound:
            return None

    async def _empty_person(self, act: Act, case: CaseContext) -> Effect:
        organisation = self._mapping.organisation(whole(act.what, "unit"))
        external_id = await self._external_id(case)
        await self._phoniro.put_customer(mapped.emptied(external_id, organisation, protected=case.protected))
        return Effect({"emptied": True, "organisation": organisation}, person="")

    # Schedules

    async def _create(self, act: Act, case: CaseContext) -> Effect:
        external_id = await self._external_id(case)
        new = mapped.new_schedule(act.what, case.reference, external_id, self._mapping)
        try:
            made = await self._phoniro.create_schedule(new)
        except Conflict as error:
            return await self._taken_over(error, act, new.external_reference, external_id)
        except Refused as error:
            await self._check_customer(external_id, error)
            raise
        return self._effect(made, act, adopted=False)

    async def _taken_over(self, error: Conflict, act: Act, reference: str, external_id: str) -> Effect:
        """Take over the schedule that has the reference, if an earlier try of ours made it; otherwise ``Conflict``."""
        if error.existing_id is None:
            raise error
        found = await self._phoniro.get_schedule(error.existing_id)
        schedule = found.schedule
        if schedule.external_reference != reference or schedule.customer_external_id != external_id:
            reason = "the reference is taken by a schedule of another customer"
            raise Conflict(reason, vendor=VENDOR, call=error.call, status=error.status, existing_id=error.existing_id)
        return self._effect(found, act, adopted=True)

    async def _check_customer(self, external_id: str, refused: Refused) -> None:
        """Phoniro refuses a schedule whose customer isn't there (yet). That failure is transient, and nothing was
        done."""
        try:
            await self._phoniro.get_customer(external_id)
        except NotFound:
            failure = port_error(refused)
            raise PortError(Failure.TRANSIENT, f"{failure}; the customer isn't there yet", vendor=VENDOR) from None
        except VendorError:
            return

    async def _act_on_schedule(self, act: Act, case: CaseContext) -> Effect:
        schedule_id, etag = await self._schedule_id(act, case)
        match act.kind:
            case ActKind.CHANGE:
                changes = mapped.changes(act.what, self._mapping)
                return self._effect(await self._phoniro.patch_schedule(schedule_id, changes, etag), act)
            case ActKind.PAUSE:
                reason = mapped.pause_reason(str(act.what.get("reason")))
                done = await self._phoniro.pause_schedule(schedule_id, reason)
            case ActKind.RESUME:
                done = await self._phoniro.resume_schedule(schedule_id)
            case ActKind.END:
                why = self._mapping.end_reason(str(act.what.get("reason")))
                done = await self._phoniro.end_schedule(schedule_id, self._clock() - LONG_PAST, why)
            case _:
                raise ValueError(f"an act of the kind {act.kind} changes no schedule")
        return self._effect(await self._read_back(done), act)

    async def _schedule_id(self, act: Act, case: CaseContext) -> tuple[str, str | None]:
        n = mapped.number(act.what)
        known = case.schedule_ids.get(n)
        if known is not None:
            return known
        found = await self._phoniro.find_schedule(mapped.external_reference(case.reference, n))
        if found is None:
            raise NotFound(f"the case has no schedule number {n}", vendor=VENDOR, call="GET schedules")
        return found.schedule.id, found.etag

    async def _read_back(self, done: Versioned) -> Versioned:
        """The schedule as it is now. If it can't be read, the act's own answer counts: the act is done in any case."""
        try:
            return await self._phoniro.get_schedule(done.schedule.id)
        except VendorError:
            return done

    def _effect(self, found: Versioned, act: Act, **result: bool) -> Effect:
        schedule = found.schedule
        n = mapped.number(act.what)
        record = mapped.record(schedule, self._mapping.window, self._clock(), n=n, what=act.what)
        result_data: What = {
            "schedule": schedule.id,
            "status": schedule.status,
            "reference": schedule.external_reference,
            **result,
        }
        return Effect(result_data, schedule=record, schedule_id=schedule.id, etag=found.etag)


def _shows(seen: ScheduleRecord, act: Act) -> bool:
    match act.kind:
        case ActKind.CHANGE:
            return mapped.shows(seen, act.what)
        case ActKind.PAUSE:
            return seen.status is ScheduleStatus.PAUSED
        case ActKind.RESUME:
            return seen.status is ScheduleStatus.OPEN
    return seen.status is ScheduleStatus.ENDED


class PhoniroSchedules:
    """``SchedulePlatform`` over Phoniro."""

    def __init__(self, phoniro: PhoniroClient, mapping: MunicipalMapping, clock: Callable[[], datetime]) -> None:
        self._phoniro = phoniro
        self._mapping = mapping
        self._clock = clock

    async def schedules(self) -> AsyncGenerator[Sequence[PlatformSchedule | BrokenSchedule], None]:
        """Every schedule, also ended ones. ``reference`` is the externalReference. A list carries no versions."""
        with as_port_errors():
            async with aclosing(self._phoniro.schedule_pages()) as pages:
                async for page in pages:
                    seen_at, window = self._clock(), self._mapping.window
                    yield [_listed(row, window, seen_at) for row in page]

    async def supervisions(self, start: datetime, end: datetime) -> Supervisions:
        """All looks from ``start`` to ``end``. A row that can't be read, or whose outcome is an unknown word, is listed
        as broken and never counts as done."""
        rows: list[Supervision] = []
        broken: list[str] = []
        with as_port_errors():
            async for row in self._phoniro.supervisions(start, end):
                if isinstance(row, BrokenRow):
                    broken.append(row.problem)
                elif (outcome := mapped.look_outcome(row.outcome)) is None:
                    broken.append("outcome is an unknown word")
                else:
                    ids = (row.id, row.schedule_id.lower())
                    rows.append(Supervision(*ids, row.due_at, outcome, row.started_at, row.ended_at))
        return Supervisions(tuple(rows), tuple(broken))

    async def schedule(self, schedule_id: str) -> PlatformSchedule | None:
        with as_port_errors():
            try:
                found = await self._phoniro.get_schedule(schedule_id)
            except NotFound:
                return None
            return _seen(found.schedule, found.etag, self._mapping.window, self._clock())


def _listed(row: Schedule | BrokenRow, window: NightWindow, seen_at: datetime) -> PlatformSchedule | BrokenSchedule:
    if isinstance(row, BrokenRow):
        return BrokenSchedule(row.id, row.problem)
    try:
        return _seen(row, None, window, seen_at)
    except Exception as failure:  # noqa: BLE001  # P6: an exception for one row concerns only that row
        return BrokenSchedule(row.id, type(failure).__name__)


def _seen(row: Schedule, etag: str | None, window: NightWindow, seen_at: datetime) -> PlatformSchedule:
    record = mapped.record(row, window, seen_at, n=mapped.number_of(row.external_reference), what={})
    return PlatformSchedule(row.external_reference, row.id, etag, record, row.customer_external_id)
