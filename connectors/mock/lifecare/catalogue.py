"""What an installation of Lifecare has set up beforehand: headings, units, services, personnel. All ids are invented.

An example mapping may use these very ids, so they are constants and never renumbered. A heading stands in two
catalogues that share no number (LA3): ``headline_id`` is what notes are read by, ``provider_headline_id`` what they are
written under. Companies and order providers are those of LA9, service categories, types and time units those of LA6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Heading:
    """A sökord, as it stands in both catalogues (LA3)."""

    key: str
    name: str
    headline_id: str
    provider_headline_id: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A provider unit: who a note is written to."""

    id: int
    name: str
    company_id: int
    company_name: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class ServiceType:
    """A service that can be granted and ordered, and the category that it belongs to."""

    key: str
    code: int
    name: str
    category_id: int
    category_name: str


@dataclass(frozen=True, slots=True)
class Personnel:
    """Somebody who may write in Lifecare; ``user_id`` is the signature."""

    key: str
    id: int
    signature: str
    first_name: str
    last_name: str
    title: str
    role_id: str

    @property
    def person_id(self) -> str:
        """The person's own test number."""
        return f"1980{self.id % 1000 // 100:02d}01TF{self.id // 100}"


_SIGNALS = (
    Heading("times_agreed", "Överenskomna tillsynstider", "S101", 5101),
    Heading("installation_booked", "Installation bokad", "S102", 5102),
    Heading("keys_collected", "Nycklar inhämtade", "S103", 5103),
    Heading("appendix_signed", "Bilaga 1 undertecknad", "S104", 5104),
    Heading("consent_signed", "Samtycke undertecknat", "S105", 5105),
    Heading("consent_withdrawn", "Samtycke återkallat", "S106", 5106),
    Heading("liability_signed", "Ansvarsförbindelse undertecknad", "S107", 5107),
    Heading("ready_for_start", "Klart för start av tillsyn", "S108", 5108),
    Heading("end_heard", "Uppgift om avslut har kommit till utföraren", "S109", 5109),
    Heading("times_changed", "Ändrade tillsynstider", "S110", 5110),
    Heading("pickup_booked", "Hämtning av kamerapaket bokad", "S111", 5111),
    Heading("equipment_collected", "Kamerapaket hämtat", "S112", 5112),
    Heading("cohabitant_consent", "Samtycke från sammanboende", "S113", 5113),
    Heading("information_given", "Information lämnad", "S114", 5114),
)
_MESSAGES = (
    Heading("to_coordinator", "Meddelande till koordinator", "S201", 5201),
    Heading("to_alarm_team", "Meddelande till larmgruppen", "S202", 5202),
    Heading("to_authority", "Meddelande till myndighet", "S203", 5203),
    Heading("plan", "Genomförandeplan, tillsynstider natt", "S204", 5204),
)

SIGNALS: Final = tuple(heading.key for heading in _SIGNALS)
HEADINGS: Final = MappingProxyType({heading.key: heading for heading in (*_SIGNALS, *_MESSAGES)})
OTHER_HEADING: Final = Heading("other", "Social dokumentation", "S901", 5901)
INACTIVE_HEADING: Final = Heading("inactive", "Utgått sökord", "S999", 5999)

COORDINATOR_UNIT: Final = Unit(7101, "Hemtjänst Norr", 71, "Hemtjänst Norr, egen regi")
COORDINATOR_UNIT_SOUTH: Final = Unit(7102, "Hemtjänst Söder", 72, "Hemtjänst Söder, egen regi")
ALARM_TEAM_UNIT: Final = Unit(7201, "Larmgruppen", 73, "Larm och natt, egen regi")
AUTHORITY_UNIT: Final = Unit(7301, "Myndighet äldre", 70, "Myndigheten")
INACTIVE_UNIT: Final = Unit(7999, "Nedlagd enhet", 71, "Hemtjänst Norr, egen regi", active=False)
_UNITS = (COORDINATOR_UNIT, COORDINATOR_UNIT_SOUTH, ALARM_TEAM_UNIT, AUTHORITY_UNIT, INACTIVE_UNIT)
UNITS: Final = MappingProxyType({unit.id: unit for unit in _UNITS})
ORDER_PROVIDERS: Final = MappingProxyType({COORDINATOR_UNIT.id: "UTFNORR", COORDINATOR_UNIT_SOUTH.id: "UTFSODER"})

CAMERA: Final = ServiceType("camera", 4010, "Tillsyn via trygghetskamera, natt", 40, "Trygghetskamera")
ALARM: Final = ServiceType("alarm", 4110, "Trygghetslarm", 41, "Trygghetslarm")
SHOWER: Final = ServiceType("shower", 4210, "Dusch", 42, "Hemtjänst")
CLEANING: Final = ServiceType("cleaning", 4220, "Städning", 42, "Hemtjänst")
SERVICE_TYPES: Final = MappingProxyType({service.key: service for service in (CAMERA, ALARM, SHOWER, CLEANING)})

DAY: Final = 1
WEEK: Final = 2
MONTH: Final = 3
NIGHT: Final = 4
TIME_UNITS: Final = MappingProxyType({DAY: "Dag", WEEK: "Vecka", MONTH: "Månad", NIGHT: "Natt"})

ADAPTER: Final = Personnel("adapter", 9001, "TKADAPT", "Trygghetskamera", "Adapter", "Systemkonto", "SYS")
_PERSONNEL = (
    ADAPTER,
    Personnel("coordinator", 9101, "KOTEST", "Kim", "Koordinator", "Koordinator", "KOORD"),
    Personnel("alarm_team", 9201, "LATEST", "Love", "Larmgrupp", "Larmtekniker", "LARM"),
    Personnel("assessor", 9301, "BHTEST", "Bo", "Handläggare", "Biståndshandläggare", "BIST"),
    Personnel("night_staff", 9401, "NATEST", "Nour", "Nattpersonal", "Undersköterska", "NATT"),
)
PERSONNEL: Final = MappingProxyType({person.key: person for person in _PERSONNEL})

ABSENCE_REASONS: Final = MappingProxyType({1: "Sjukhus", 2: "Korttidsboende", 3: "Bortrest"})
END_REASONS: Final = MappingProxyType({1: "Insatsen avslutad", 2: "Avliden", 3: "Byte av utförare"})


def code_text(code: int, text: str) -> dict[str, Any]:
    """A code with its text."""
    return {"Code": code, "Text": text}


def category_fields(service: ServiceType) -> dict[str, Any]:
    """A service's category as executions and headlines carry it: once, and once more in obsolete fields."""
    return {
        "ServiceCategory": code_text(service.category_id, service.category_name),
        "ServiceCategoryId": service.category_id,
        "ServiceCategoryName": service.category_name,
    }


def rows() -> Mapping[str, list[dict[str, Any]]]:
    """The rows that are there from the start, by resource."""
    active = dict.fromkeys((*HEADINGS.values(), OTHER_HEADING), True) | {INACTIVE_HEADING: False}
    category = category_fields(CAMERA)
    return {
        "headlines": [
            {
                "Id": heading.headline_id,
                "Name": heading.name,
                "Permissions": {"CanCreate": on, "CanRead": True, "CanUpdate": on},
                **category,
            }
            for heading, on in active.items()
        ],
        "provider_headlines": [
            {
                "Id": heading.provider_headline_id,
                "Name": heading.name,
                "IsActive": on,
                "ServiceCategoryId": CAMERA.category_id,
                "ServiceCategoryName": CAMERA.category_name,
            }
            for heading, on in active.items()
        ],
        "provider_units": [
            {"Id": u.id, "Name": u.name, "CompanyId": u.company_id, "CompanyName": u.company_name, "Active": u.active}
            for u in UNITS.values()
        ],
        "personnels": [
            {
                "PersonId": person.person_id,
                "UserId": person.signature,
                "Signature": person.signature,
                "Title": person.title,
                "FirstName": person.first_name,
                "LastName": person.last_name,
                "FullName": f"{person.first_name} {person.last_name}",
            }
            for person in PERSONNEL.values()
        ],
        "service_configurations": [
            {
                "TypeId": service.code,
                "TypeName": service.name,
                "CategoryId": service.category_id,
                "CategoryName": service.category_name,
                "UpdateTime": datetime(2020, 1, 1, 8, tzinfo=UTC),
                "DisplayOrder": place,
                "StartDate": date(2020, 1, 1),
            }
            for place, service in enumerate(SERVICE_TYPES.values())
        ],
    }
