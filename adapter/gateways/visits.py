"""Looks written back to Lifecare as reported visits (LA11, LA12)."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from adapter.domain.ledger import LOOK_DONE, Act, ActKind, LookOutcome
from adapter.domain.night_watch import CLOCK_CHANGE
from adapter.domain.policy import WriteBack
from adapter.gateways.port_errors import unmapped
from adapter.ports import CaseContext, Effect, Failure, PortError
from connectors.errors import Conflict, NotFound, Refused, Unauthorised
from connectors.lifecare import wire
from connectors.lifecare.client import LifecareClient
from connectors.phoniro.client import PhoniroClient
from connectors.phoniro.wire import Supervision
from connectors.rows import BrokenRow
from mappings.content import whole
from mappings.mapping import MunicipalMapping
from mappings.phoniro import look_outcome

VENDOR, LISTED_BY = "lifecare", "phoniro"
TABLE = "reported_visits"
TOGETHER = timedelta(minutes=15)
"""Phoniro's looks are read in spans of this length, one call each."""
FRESH = timedelta(minutes=2)
"""For how long the looks that were read are used."""
KNOWN = timedelta(hours=1)
"""For how long the person behind a user id is remembered. Both are kept in memory only."""


class VisitExecutor:
    """Carries out acts of the kinds ``visit`` (reports a visit) and ``remove_visit`` (takes it back).

    It is safe to repeat: a visit has the look's id at Phoniro (``ExternalId``). When an answer was lost, the visit is
    looked for by that id, and once more before it is sent again. If Lifecare already has a visit with that id, it is
    taken over, and corrected if it says something else. Phoniro is asked who looked when the visit is sent; that is
    never stored.
    """

    vendor = VENDOR

    def __init__(
        self, lifecare: LifecareClient, phoniro: PhoniroClient, mapping: MunicipalMapping, clock: Callable[[], datetime]
    ) -> None:
        self._lifecare = lifecare
        self._table = mapping.reported_visits
        self._looked = _WhoLooked(phoniro, clock)
        self._clock = clock
        self._staff: dict[str, tuple[datetime, str]] = {}

    async def perform(self, act: Act, case: CaseContext) -> Effect:
        if self._table.mode is not WriteBack.ON:
            raise unmapped("looks are not written back", VENDOR)
        with _as_refused():
            return await (self._report(act, case) if act.kind is ActKind.VISIT else self._remove(act))

    async def find(self, act: Act, case: CaseContext) -> Effect | None:
        with _as_refused():
            found = await self._known(act, case)
        if act.kind is ActKind.REMOVE_VISIT:
            return Effect({"removed": True}) if found is None else None
        return Effect({"visit": found.id, "found": True}) if found and _says(found, act) else None

    async def _report(self, act: Act, case: CaseContext) -> Effect:
        if case.protected and not self._table.protected:
            return Effect({"withheld": "protected"})
        visit = await self._visit(act, case)
        # At the first attempt nothing can be there. Later a visit that is there is taken over or corrected.
        known = await self._known(act, case) if act.attempts > 1 or not act.key.startswith("1:") else None
        if known is None:
            try:
                return Effect({"visit": await self._lifecare.report_visit(visit)})
            except (Refused, Conflict):
                known = await self._known(act, case)
                if known is None:
                    raise
        if _says(known, act):
            return Effect({"visit": known.id, "found": True})
        corrected = visit.model_copy(update={"id": known.id})
        return Effect({"visit": await self._lifecare.report_visit(corrected), "corrected": True})

    async def _remove(self, act: Act) -> Effect:
        try:
            await self._lifecare.delete_reported_visit(_look(act), self._table.reporting_system)
        except NotFound:
            return Effect({"removed": True, "found": False})
        return Effect({"removed": True})

    async def _known(self, act: Act, case: CaseContext) -> wire.ReportedVisit | None:
        """The look's visit in Lifecare. A visit of another person is never touched (L11)."""
        rows = (await self._lifecare.reported_visits(_look(act))).items
        ours = [r for r in rows if r.reporting_system == self._table.reporting_system and not r.deleted]
        found = ours[0] if ours else None
        if found and found.client_person_id != case.person_id and found.execution_id != _execution(act, case):
            raise PortError(Failure.REFUSED, "the visit with that id is another person's", vendor=VENDOR)
        return found

    async def _visit(self, act: Act, case: CaseContext) -> wire.ReportVisit:
        table, execution = self._table, _execution(act, case)
        for key in table.missing:
            raise unmapped(f"{TABLE}.{key} is missing in the mapping", VENDOR, lacks=(TABLE, key))
        if execution is None:
            raise unmapped("the case has no known execution", VENDOR, lacks=("execution", str(act.what["case"])))
        user_id, person_id = await self._who(act)
        service = wire.ReportedService(
            service_type=wire.CodeText(code=table.service_type),
            service_category=wire.CodeText(code=table.service_category),
            execution_id=execution,
        )
        return wire.ReportVisit(
            external_id=_look(act),
            reporting_system=table.reporting_system,
            client_person_id=case.person_id,
            personnel_person_id=person_id,
            personnel_user_id=user_id,
            execution_id=execution,
            provider_unit_id=whole(act.what, "unit") or case.unit,
            start_time=_instant(act, "begun"),
            end_time=_instant(act, "ended"),
            services=(service,),
        )

    async def _who(self, act: Act) -> tuple[str, str]:
        """Who looked: their user id and personal number in Lifecare (LA11)."""
        look = await self._looked.of(_look(act), _instant(act, "due"))
        outcome = look and look_outcome(look.outcome)
        if look is None or outcome not in LOOK_DONE or outcome is LookOutcome.VISIT:
            reason = "Phoniro doesn't list the look as done; nothing was sent"
            raise PortError(Failure.NOT_FOUND, reason, vendor=LISTED_BY)
        user_id = self._table.user_id(look.operator_id) if look.operator_id else None
        if user_id is None:
            reason = f"{TABLE}.personnel: who looked is not mapped"
            raise unmapped(reason, VENDOR, lacks=(f"{TABLE}.personnel", ""))
        known = self._staff.get(user_id)
        if known is None or self._clock() - known[0] > KNOWN:
            rows = (await self._lifecare.personnels(user_id)).items
            numbers = [row.person_id for row in rows if row.person_id and not row.deleted and row.active is not False]
            if len(numbers) != 1:
                raise unmapped("who looked is not known to Lifecare", VENDOR, lacks=("personnels", ""))
            kept = {each: read for each, read in self._staff.items() if self._clock() - read[0] <= KNOWN}
            known = (self._clock(), numbers[0])
            self._staff = kept | {user_id: known}
        return user_id, known[1]


class _WhoLooked:
    """Remembers Phoniro's looks for some minutes, so that all looks of one time are read once and not one by one."""

    def __init__(self, phoniro: PhoniroClient, clock: Callable[[], datetime]) -> None:
        self._phoniro = phoniro
        self._clock = clock
        self._read: dict[tuple[datetime, datetime], tuple[datetime, Mapping[str, Supervision]]] = {}
        self._reading = asyncio.Lock()

    async def of(self, look_id: str, due: datetime) -> Supervision | None:
        """The look, or None if it isn't listed. ``due`` is its time by our schedule; Phoniro's may differ."""
        start = due - timedelta(seconds=due.timestamp() % TOGETHER.total_seconds())
        around = (start - CLOCK_CHANGE - TOGETHER, start + CLOCK_CHANGE + 2 * TOGETHER)
        async with self._reading:
            return (await self._within(start, start + TOGETHER)).get(look_id) or (await self._within(*around)).get(
                look_id
            )

    async def _within(self, start: datetime, end: datetime) -> Mapping[str, Supervision]:
        now = self._clock()
        self._read = {span: kept for span, kept in self._read.items() if now - kept[0] <= FRESH}
        if (start, end) not in self._read:
            rows = [row async for row in self._phoniro.supervisions(start, end)]
            self._read[start, end] = (now, {row.id: row for row in rows if not isinstance(row, BrokenRow)})
        return self._read[start, end][1]


@contextmanager
def _as_refused() -> Iterator[None]:
    """Only visits need this licence, so a refused sign-in doesn't mean that Lifecare is down (L12). A sign-in that
    Phoniro refuses stays as it is."""
    try:
        yield
    except Unauthorised as error:
        if error.vendor != VENDOR:
            raise
        raise Refused(error.message, vendor=VENDOR, call=error.call, status=error.status) from None


def _look(act: Act) -> str:
    return str(act.what["look"])


def _execution(act: Act, case: CaseContext) -> int | None:
    return whole(act.what, "execution") or case.execution


def _instant(act: Act, name: str) -> datetime:
    return datetime.fromisoformat(str(act.what[name]))


def _says(found: wire.ReportedVisit, act: Act) -> bool:
    """Whether a visit has the act's begin and end, to the second."""
    sent = (_instant(act, "begun"), _instant(act, "ended"))
    return all(
        at is not None and at.replace(microsecond=0) == ours.replace(microsecond=0)
        for at, ours in zip((found.start_time, found.end_time), sent, strict=True)
    )
