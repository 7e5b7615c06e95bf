"""The part of ``adapter check`` that asks Lifecare: whether it answers, what the key may read (L12), how its clock
stands, and whether everything that the mapping names is in its catalogues (LA3, LA6)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from adapter.cli.findings import Finding, fault, fine, note
from connectors.errors import ContractBroken, NotFound, Transient, Unauthorised, VendorError
from connectors.lifecare.client import LifecareClient
from mappings.tables import MunicipalMapping

K = TypeVar("K", str, int)

SKEW_LIMIT = timedelta(minutes=1)
CATALOGUES = ("headlines", "provider_headlines", "provider_units", "service_configurations")


@dataclass(frozen=True, slots=True)
class Catalogues:
    """Names by id. Inactive headings and units are known by their ids in ``inactive``, as (catalogue, id)."""

    headlines: Mapping[str, str]
    provider_headlines: Mapping[int, str]
    units: Mapping[int, str]
    categories: Mapping[int, str]
    types: Mapping[int, str]
    inactive: frozenset[tuple[str, str | int]]


async def check_lifecare(
    client: LifecareClient, mapping: MunicipalMapping, now: Callable[[], datetime]
) -> AsyncIterator[Finding]:
    """Reads only. Raises nothing of the vendor's."""
    access = await client.access()
    problems = {name: error for name, error in access.items() if error is not None}
    for finding in _access(problems, len(access)):
        yield finding
    if len(problems) == len(access):
        return
    try:
        yield await _clock(client, now)
        if unread := [name for name in CATALOGUES if name in problems]:
            subject = "Lifecare catalogues"
            yield note(subject, f"can't be compared with the mapping while {', '.join(unread)} can't be read")
            return
        catalogues, empty = await read_catalogues(client)
    except VendorError as error:
        yield fault("Lifecare catalogues", str(error), _do(error, "the catalogues"))
        return
    if empty:
        yield fault(
            "Lifecare catalogues",
            f"empty: {', '.join(empty)}. A wrong address reads as empty lists",
            "Check lifecare.base_url and lifecare.domain; if they are right, ask the vendor what the key may see",
        )
        return
    for finding in compare(mapping, catalogues):
        yield finding


def _access(problems: Mapping[str, VendorError], count: int) -> Iterator[Finding]:
    if not problems:
        yield fine("Lifecare", f"reachable, key accepted, all {count} resources may be read")
        return
    first = next(iter(problems.values()))
    if len(problems) == count and len({type(e) for e in problems.values()}) == 1:
        yield fault("Lifecare", str(first), _do(first, "any resource"))
        return
    if len(problems) < count:
        yield fine("Lifecare", f"reachable, key accepted, {count - len(problems)} of {count} resources may be read")
    for name, error in problems.items():
        yield fault(f"Lifecare {name}", str(error), _do(error, name))


def _do(error: VendorError, what: str) -> str:
    if isinstance(error, Unauthorised):
        if what == "any resource":
            return "Check lifecare.key and lifecare.domain against what the vendor handed out"
        return f"Ask the vendor to license the key for {what}"
    if isinstance(error, Transient):
        return "Check lifecare.base_url, DNS, firewall and proxy from this machine; if others reach it, try again"
    if isinstance(error, ContractBroken | NotFound):
        return "Check lifecare.base_url: what answers there is not Lifecare's API, or another version of it"
    return "Check lifecare.base_url and lifecare.domain; the vendor's words say what it refuses"


async def _clock(client: LifecareClient, now: Callable[[], datetime]) -> Finding:
    before = now()
    server = (await client.provider_units()).server_time
    middle = before + (now() - before) / 2
    if server is None:
        return note("Lifecare clock", "not told by the server (no Date header)")
    skew = server - middle
    seconds = round(abs(skew).total_seconds())
    if abs(skew) <= SKEW_LIMIT:
        return fine("Lifecare clock", f"within {max(seconds, 1)} s of ours")
    way = "ahead of" if skew > timedelta(0) else "behind"
    return fault(
        "Lifecare clock",
        f"{seconds} s {way} ours",
        "Set this machine's clock by NTP; if it is right, tell the vendor. Changes could be seen late or not at all",
    )


async def read_catalogues(client: LifecareClient) -> tuple[Catalogues, list[str]]:
    """The catalogues, and which of them are empty. Raises ``VendorError``."""
    headlines = (await client.headlines()).items
    provider_headlines = (await client.provider_headlines()).items
    units = [u for u in (await client.provider_units()).items if not u.deleted]
    services = (await client.service_configurations()).items
    read = dict(zip(CATALOGUES, (headlines, provider_headlines, units, services), strict=True))
    inactive: set[tuple[str, str | int]] = {
        ("provider_headlines", h.id) for h in provider_headlines if h.is_active is False
    }
    inactive |= {("provider_units", u.id) for u in units if u.active is False}
    catalogues = Catalogues(
        headlines={h.id: h.name or "(no name)" for h in headlines},
        provider_headlines={h.id: h.name or "(no name)" for h in provider_headlines},
        units={u.id: u.name or "(no name)" for u in units},
        categories={s.category_id: s.category_name or "(no name)" for s in services if s.category_id is not None},
        types={s.type_id: s.type_name or "(no name)" for s in services},
        inactive=frozenset(inactive),
    )
    return catalogues, [name for name, rows in read.items() if not rows]


def compare(mapping: MunicipalMapping, known: Catalogues) -> Iterator[Finding]:
    """Every heading, unit and service code of the mapping, under the name that the catalogue has for it."""
    for signal, heading in mapping.signals.items():
        yield _look(f"signals.{signal.value}", heading, known.headlines, "headlines")
    for name in ("coordinator", "alarm_team", "authority", "plan"):
        heading_pair = getattr(mapping.messages, name)
        write, read = heading_pair.write_under, heading_pair.read_under
        yield _look(f"messages.{name}.write_under", write, known.provider_headlines, "provider_headlines", known)
        yield _look(f"messages.{name}.read_under", read, known.headlines, "headlines")
    for key, unit in _units(mapping):
        yield _look(key, unit, known.units, "provider_units", known)
    for service in ("camera", "alarm"):
        codes = getattr(mapping.services, service)
        for category in codes.categories:
            yield _look(f"services.{service}.categories", category, known.categories, "service_configurations")
        for code in codes.types:
            yield _look(f"services.{service}.types", code, known.types, "service_configurations")


def _units(mapping: MunicipalMapping) -> Iterator[tuple[str, int]]:
    units = mapping.units
    for name in ("coordinator", "alarm_team", "authority"):
        yield f"units.{name}", getattr(units, name)
    yield from ((f"units.by_provider.{key}", unit) for key, unit in units.by_provider.items())
    yield from ((f"units.by_company.{key}", unit) for key, unit in units.by_company.items())
    yield from (("organisations.by_unit", unit) for unit in mapping.organisations.by_unit)
    yield from (("mailboxes.by_unit", unit) for unit in mapping.mailboxes.by_unit)


def _look(key: str, code: K, names: Mapping[K, str], catalogue: str, known: Catalogues | None = None) -> Finding:
    name = names.get(code)
    if name is None:
        do = f"Correct {key} in the mapping: the ids stand in GET {catalogue}, and Lifecare's administrator knows them"
        return fault(key, f"{code} is not in {catalogue}", do)
    if known is not None and (catalogue, code) in known.inactive:
        do = f"Have it activated in Lifecare, or give another id for {key}: nothing can be written there"
        return fault(key, f"{code} {name} is not active in {catalogue}", do)
    return fine(key, f"{code} {name}")
