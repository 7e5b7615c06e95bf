"""The part of ``adapter check`` that asks Lifecare: whether it answers, what the key may read (L12), how its clock
stands, and whether everything that the mapping names is in its catalogues (LA3, LA6)."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapter.cli.findings import Finding, fault, fine, note
from adapter.domain.policy import WriteBack
from connectors.errors import ContractBroken, NotFound, Transient, Unauthorised, VendorError
from connectors.lifecare import query
from connectors.lifecare.client import LifecareClient
from mappings.mapping import MunicipalMapping

SKEW_LIMIT = timedelta(minutes=1)
CATALOGUES = ("headlines", "provider_headlines", "provider_units", "service_configurations")
CATEGORIES = "service_configurations (categories)"
TYPES = "service_configurations (types)"

Code = str | int


@dataclass(frozen=True, slots=True)
class Entry:
    """What a catalogue says of a code. Nothing can be written under a heading, or to a unit, that isn't active."""

    name: str | None
    active: bool = True


Catalogues = Mapping[str, Mapping[Code, Entry]]
"""Entries by catalogue and code. ``service_configurations`` is two, of categories and of types."""


async def check_lifecare(
    client: LifecareClient, mapping: MunicipalMapping, now: Callable[[], datetime]
) -> AsyncIterator[Finding]:
    """Reads only; the vendor's errors become findings."""
    more = [query.SERVICE_PLANS] if mapping.plans else []
    more += query.WRITE_BACK if mapping.reported_visits.mode is not WriteBack.OFF else ()
    access = await client.access(*more)
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
        catalogues = await read_catalogues(client)
    except VendorError as error:
        yield fault("Lifecare catalogues", str(error), _do(error, "the catalogues"))
        return
    # A service need not have a category; it has a type.
    if empty := [name for name, entries in catalogues.items() if not entries and name != CATEGORIES]:
        yield fault(
            "Lifecare catalogues",
            f"empty: {', '.join(empty)}. A wrong address reads as empty lists",
            "Check lifecare.base_url and lifecare.domain; if they are right, ask the vendor what the key may see",
        )
        return
    for key, code, catalogue in codes_of(mapping):
        yield _compare(key, code, catalogue, catalogues[catalogue].get(code))


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
    server = (await client.list(query.PROVIDER_UNITS)).server_time
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


async def read_catalogues(client: LifecareClient) -> Catalogues:
    """The catalogues that the mapping's codes come from. Raises ``VendorError``."""
    services = (await client.list(query.SERVICE_CONFIGURATIONS)).items
    return {
        "headlines": {h.id: Entry(h.name) for h in (await client.list(query.HEADLINES)).items},
        "provider_headlines": {
            h.id: Entry(h.name, h.is_active is not False) for h in (await client.list(query.PROVIDER_HEADLINES)).items
        },
        "provider_units": {
            u.id: Entry(u.name, u.active is not False)
            for u in (await client.list(query.PROVIDER_UNITS)).items
            if not u.deleted
        },
        CATEGORIES: {s.category_id: Entry(s.category_name) for s in services if s.category_id is not None},
        TYPES: {s.type_id: Entry(s.type_name) for s in services},
    }


def codes_of(mapping: MunicipalMapping) -> Iterator[tuple[str, Code, str]]:
    """Every heading, unit and service code of the mapping: its key there, the code, and the catalogue it is from."""
    for signal, heading in mapping.signals.items():
        yield f"signals.{signal.value}", heading, "headlines"
    for name in ("coordinator", "alarm_team", "authority", "plan"):
        headings = getattr(mapping.messages, name)
        yield f"messages.{name}.write_under", headings.write_under, "provider_headlines"
        yield f"messages.{name}.read_under", headings.read_under, "headlines"
    units = mapping.units
    for name in ("coordinator", "alarm_team", "authority"):
        yield f"units.{name}", getattr(units, name), "provider_units"
    yield from ((f"units.by_provider.{key}", unit, "provider_units") for key, unit in units.by_provider.items())
    yield from ((f"units.by_company.{key}", unit, "provider_units") for key, unit in units.by_company.items())
    yield from (("organisations.by_unit", unit, "provider_units") for unit in mapping.organisations.by_unit)
    yield from (("mailboxes.by_unit", unit, "provider_units") for unit in mapping.mailboxes.by_unit)
    yield from (("plans.camera_types", code, TYPES) for code in (mapping.plans.camera_types if mapping.plans else ()))
    for service in ("camera", "alarm"):
        codes = getattr(mapping.services, service)
        yield from ((f"services.{service}.categories", code, CATEGORIES) for code in codes.categories)
        yield from ((f"services.{service}.types", code, TYPES) for code in codes.types)

    visits = mapping.reported_visits
    if visits.mode is not WriteBack.OFF:
        named = {
            "service_category": (visits.service_category, CATEGORIES),
            "service_type": (visits.service_type, TYPES),
        }
        yield from ((f"reported_visits.{key}", code, of) for key, (code, of) in named.items() if code is not None)


def _compare(key: str, code: Code, catalogue: str, entry: Entry | None) -> Finding:
    if entry is None:
        resource = catalogue.partition(" ")[0]
        do = f"Correct {key} in the mapping: the ids stand in GET {resource}, and Lifecare's administrator knows them"
        return fault(key, f"{code} is not in {catalogue}", do)
    name = f"{code} {entry.name or '(no name)'}"
    if not entry.active:
        do = f"Have it activated in Lifecare, or give another id for {key}: nothing can be written there"
        return fault(key, f"{name} is not active in {catalogue}", do)
    return fine(key, name)
