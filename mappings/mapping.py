"""A municipality's own codes, units, headings and patience. One TOML file, all of which is checked before anything
runs.

``mappings/example.toml`` shows and explains every key.
"""

import tomllib
from collections.abc import Collection
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
from pydantic import Field, ValidationError

from adapter.domain.facts import OPTIONAL, Signal
from adapter.domain.nights import NightWindow
from adapter.domain.policy import Lateness, Policy
from adapter.domain.routine import STEPS
from connectors.phoniro.wire import EndReason
from mappings.file_faults import MappingError, faults_of, nearest, twice
from mappings.sections import (
    DEFAULT_END_REASONS,
    DEFAULT_PATIENCE,
    Author,
    Day,
    Mailboxes,
    Messages,
    Municipality,
    Organisations,
    Part,
    Patience,
    Plans,
    ReportedVisits,
    Routine,
    Services,
    Text,
    Units,
)


class MunicipalMapping(Part):
    """All of one municipality's file. Raises nothing by itself: ``load_mapping`` reads and checks it."""

    go_live: Day = Field(description="the first order date that the adapter deals with; earlier ones are left alone")
    municipality: Municipality = Field(description="who the file is for")
    services: Services = Field(description="which services are which")
    signals: dict[Signal, Text] = Field(description="the headline that each signal is read under")
    messages: Messages = Field(description="where messages are written and read back")
    author: Author = Field(description="whom the adapter writes as")
    units: Units = Field(description="the receiving units")
    organisations: Organisations = Field(description="Phoniro's organisations")
    mailboxes: Mailboxes = Field(description="where mail goes")
    forms: dict[Text, Text] = Field({}, description="where the routine's forms are: a link or a place, by their names")
    plans: Plans | None = Field(None, description="which plans show that the times stand in one; none are read without")
    routine: Routine = Routine()
    reported_visits: ReportedVisits = ReportedVisits()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.municipality.zone)

    @property
    def window(self) -> NightWindow:
        return self.routine.night.window

    def signal_of(self, headline_id: str) -> Signal | None:
        """The signal that a heading means. None if it means nothing to us."""
        return next((signal for signal, heading in self.signals.items() if heading == headline_id), None)

    def organisation(self, unit_id: int | None) -> str:
        """Phoniro's organisation of a unit, the default one if the unit is unknown or None."""
        return self.organisations.by_unit.get(unit_id or 0, self.organisations.default)

    def unit_of(self, provider_id: str | None, company_id: int | None) -> int:
        """The coordinator's unit while there is no execution (LA9)."""
        by_company = self.units.by_company.get(company_id or 0, self.units.coordinator)
        return self.units.by_provider.get(provider_id or "", by_company)

    def maybe_camera(self, category: int | None) -> bool:
        """Whether an order of this category can hold a camera service."""
        camera = self.services.camera
        return category is None or category in camera.categories or bool(camera.types)

    def receiving_unit(self, to: str, coordinator: int | None) -> int:
        """The unit to which a message ``to`` a recipient is written. ``coordinator`` is the case's own unit, if known.
        The plan is the coordinator's."""
        named = {"alarm_team": self.units.alarm_team, "authority": self.units.authority}
        return named.get(to, coordinator or self.units.coordinator)

    def mailbox(self, to: str, unit_id: int | None) -> str:
        """The address of mail ``to`` a role, ``escalation`` or ``it``. An assessor reads the authority's mailbox. Mail
        to nobody we know goes to those who run the adapter."""
        boxes = self.mailboxes
        if to in ("coordinator", "plan"):
            return boxes.by_unit.get(unit_id or 0, boxes.coordinator)
        if to == "night":
            return boxes.night_by_unit.get(unit_id or 0, boxes.night or boxes.it)
        named = {
            "alarm_team": boxes.alarm_team,
            "authority": boxes.authority,
            "assessor": boxes.authority,
            "escalation": boxes.escalation,
            "followup": boxes.followup or boxes.it,
        }
        return named.get(to, boxes.it)

    @property
    def patience_by_unit(self) -> dict[int, tuple[int, int]]:
        return {u: (p.tolerance_minutes, p.retry_after_minutes) for u, p in self.routine.looks_by_unit.items()}

    @property
    def late(self) -> dict[str, Patience]:
        """By step, and by the cause of a pause that somebody must mend."""
        return {**DEFAULT_PATIENCE, **self.routine.late}

    def end_reason(self, reason: str) -> EndReason:
        """Phoniro's word for why we end, ``other`` if it has none."""
        return {**DEFAULT_END_REASONS, **self.routine.end_reasons}.get(reason, "other")

    def policy(self, year: int) -> Policy:
        """What ``decide`` needs to know. Holidays are known from the year before ``year`` to five years after."""
        routine = self.routine
        return Policy(
            zone=self.zone,
            window=self.window,
            deviation_grace=timedelta(hours=routine.deviation_grace_hours),
            renewal_gap_days=routine.renewal_gap_days,
            last_day_is_home=routine.last_day_is_home,
            late={step: Lateness(days.remind, days.again, days.escalate) for step, days in self.late.items()},
            quiet=(routine.quiet.start, routine.quiet.end) if routine.quiet else None,
            holidays=holidays_between(year - 1, year + 5),
            by_hand_after=timedelta(minutes=routine.by_hand_after_minutes),
            patience=(routine.tolerance_minutes, routine.retry_after_minutes),
            patience_by_unit=self.patience_by_unit,
            watch_grace=timedelta(minutes=routine.watch_grace_minutes),
            gates=OPTIONAL & self.signals.keys(),
            consent_review_months=routine.consent_review_months,
            most_looks_at_once=routine.most_looks_at_once,
            write_back=self.reported_visits.mode,
            write_back_protected=self.reported_visits.protected,
            plans=self.plans is not None,
            plans_by_night=self.plans is not None and self.plans.night_staff,
            followup_mails=self.mailboxes.followup is not None,
            open_absence_days=routine.open_absence_days,
            schedule_ahead_days=routine.schedule_ahead_days,
            settle_changes=timedelta(minutes=routine.settle_changes_minutes),
            night_units=frozenset({*self.mailboxes.night_by_unit, *([None] if self.mailboxes.night else [])}),
        )


@cache
def holidays_between(first_year: int, last_year: int) -> frozenset[date]:
    """Days beside Saturdays and Sundays that aren't working days in Sweden: public holidays, and the eves on which
    nobody works: midsommarafton, julafton and nyårsafton."""
    years = range(first_year, last_year + 1)
    return frozenset(holidays.country_holidays("SE", years=years, categories=("public", "de_facto")))


def load_mapping(path: Path) -> MunicipalMapping:
    """Read and check the file. Raises ``MappingError``, which lists every fault in it as ``file: key: reason``."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise MappingError([f"{path.name}: can't be read ({error.strerror}); give the path of the mapping"]) from None
    except UnicodeDecodeError:
        raise MappingError([f"{path.name}: is not UTF-8 text; save it again as UTF-8"]) from None
    except RecursionError:
        raise MappingError([f"{path.name}: is nested too deeply"]) from None
    except ValueError as error:  # TOMLDecodeError, and what else it raises: for a number of thousands of digits, say
        raise MappingError([f"{path.name}: is not TOML: {error}"]) from None
    faults: list[str] = []
    mapping: MunicipalMapping | None = None
    try:
        mapping = MunicipalMapping.model_validate(document)
    except ValidationError as failure:
        faults += faults_of(failure, MunicipalMapping)
    faults += _missing_signals(document)
    faults += _double_meanings(document)
    faults += _unknown_keys(document)
    if mapping is None or faults:
        raise MappingError([f"{path.name}: {fault}" for fault in faults])
    return mapping


def _section(document: dict[str, Any], *names: str) -> dict[str, Any]:
    found: Any = document
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _missing_signals(document: dict[str, Any]) -> list[str]:
    given = document.get("signals")
    if not isinstance(given, dict):
        return []
    return [
        f"signals.{signal}: is missing: the headline that this signal is read under"
        for signal in Signal
        if signal not in given and signal not in OPTIONAL
    ]


def _unknown_keys(document: dict[str, Any]) -> list[str]:
    """Unknown keys of the two tables that have no fields: steps that wait for a person, and reasons to end."""
    known: dict[str, Collection[str]] = {"late": DEFAULT_PATIENCE, "end_reasons": DEFAULT_END_REASONS}
    waits_not = f"waits for no person, so that nothing is late; those that do are {', '.join(DEFAULT_PATIENCE)}"
    return [
        f"routine.{name}.{key}: {waits_not if name == 'late' and key in STEPS else 'is unknown' + nearest(key, keys)}"
        for name, keys in known.items()
        for key in _section(document, "routine", name)
        if key not in keys
    ]


def _double_meanings(document: dict[str, Any]) -> list[str]:
    """Codes that stand twice. The raw file is checked, so that they are told together with its other faults."""

    def numbered(*names: str) -> dict[str, object]:
        listed = _section(document, *names[:-1]).get(names[-1])
        codes = enumerate(listed if isinstance(listed, list) else [], 1)
        return {f"{'.'.join(names)}, number {n}": code for n, code in codes}

    messages = _section(document, "messages")
    written = {f"messages.{to}.write_under": _section(messages, to).get("write_under") for to in messages}
    read = {f"messages.{to}.read_under": _section(messages, to).get("read_under") for to in messages}
    signals = {f"signals.{name}": heading for name, heading in _section(document, "signals").items()}
    faults = twice(signals | read, "heading") + twice(written, "heading")
    for kind in ("categories", "types"):
        faults += twice(numbered("services", "camera", kind) | numbered("services", "alarm", kind), "code")
    return faults + twice(numbered("services", "nightly_units"), "code")
