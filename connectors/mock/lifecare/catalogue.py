"""What an installation of Lifecare has set up beforehand: headings, units, services, personnel. All ids are invented.

An example mapping may use the very ids below, so they are constants and never renumbered:

=====================  ===================================================================================
headings               ``HEADINGS[key]``: ``headline_id`` (string, ``GET headlines``, what notes are read by) and
                       ``provider_headline_id`` (integer, ``GET provider_headlines``, what notes are written under).
                       Two catalogues that share no number (LA3). Signals are S101 to S112 and 5101 to 5112,
                       messages S201 to S204 and 5201 to 5204. S901/5901 is an unrelated heading, 5999 is inactive.
provider units         7101 Hemtjänst Norr, 7102 Hemtjänst Söder (coordinators), 7201 Larmgruppen, 7301 Myndighet äldre,
                       7999 is inactive.
companies              71 (owns 7101), 72 (owns 7102), 73 (owns 7201), 70 (owns 7301): ``Order.Company`` (LA9).
order providers        ``UTFNORR``, ``UTFSODER``: ``Order.Provider.Id`` (LA9).
service categories     40 Trygghetskamera, 41 Trygghetslarm, 42 Hemtjänst: ``Order.ServiceCategoryId`` (LA6).
service types          4010 Tillsyn via trygghetskamera, natt; 4110 Trygghetslarm; 4210 Dusch; 4220 Städning:
                       ``OrderedService.ServiceType.Code`` (LA6).
time units             1 Dag, 2 Vecka, 3 Månad, 4 Natt: ``OrderedServiceDetail.TimeUnit`` (LA6).
personnel              9001 is the adapter itself (signature ``TKADAPT``, title ``Systemkonto``); 9101 coordinator,
                       9201 alarm team, 9301 assessor, 9401 night staff.
=====================  ===================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


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

    key: str
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
    """Somebody who may write in Lifecare."""

    key: str
    id: int
    signature: str
    first_name: str
    last_name: str
    title: str
    role_id: str


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

COORDINATOR_UNIT: Final = Unit("coordinator_north", 7101, "Hemtjänst Norr", 71, "Hemtjänst Norr, egen regi")
COORDINATOR_UNIT_SOUTH: Final = Unit("coordinator_south", 7102, "Hemtjänst Söder", 72, "Hemtjänst Söder, egen regi")
ALARM_TEAM_UNIT: Final = Unit("alarm_team", 7201, "Larmgruppen", 73, "Larm och natt, egen regi")
AUTHORITY_UNIT: Final = Unit("authority", 7301, "Myndighet äldre", 70, "Myndigheten")
INACTIVE_UNIT: Final = Unit("closed", 7999, "Nedlagd enhet", 71, "Hemtjänst Norr, egen regi", active=False)
UNITS: Final = MappingProxyType(
    {
        unit.key: unit
        for unit in (COORDINATOR_UNIT, COORDINATOR_UNIT_SOUTH, ALARM_TEAM_UNIT, AUTHORITY_UNIT, INACTIVE_UNIT)
    }
)
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
PERSONNEL: Final = MappingProxyType(
    {
        person.key: person
        for person in (
            ADAPTER,
            Personnel("coordinator", 9101, "KOTEST", "Kim", "Koordinator", "Koordinator", "KOORD"),
            Personnel("alarm_team", 9201, "LATEST", "Love", "Larmgrupp", "Larmtekniker", "LARM"),
            Personnel("assessor", 9301, "BHTEST", "Bo", "Handläggare", "Biståndshandläggare", "BIST"),
            Personnel("night_staff", 9401, "NATEST", "Nour", "Nattpersonal", "Undersköterska", "NATT"),
        )
    }
)

ABSENCE_REASONS: Final = MappingProxyType({1: "Sjukhus", 2: "Korttidsboende", 3: "Bortrest"})
END_REASONS: Final = MappingProxyType({1: "Insatsen avslutad", 2: "Avliden", 3: "Byte av utförare"})
