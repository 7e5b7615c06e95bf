"""The simulated Lifecare answers and accepts what the vendor's own description says."""

import copy
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import httpx
import pytest
from jsonschema import Draft4Validator

from connectors.mock.lifecare import catalogue
from connectors.mock.lifecare.notes import NoteRequest
from connectors.mock.lifecare.resources import RESOURCES, Resource
from connectors.mock.lifecare.simulator import SimulatedLifecare
from connectors.mock.lifecare.visits import ServiceReport, VisitReport
from tests.contracts import NAMES, definition, has_feed, needs_lifecare, searchable, swagger
from tests.mock.lifecare_client import TF03, get, note, post_note, send, visit

NOW = datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=UTC)
NOTE_ANSWER = "ProviderNote.V2.JournalNoteV2Dto"
NOTE_REQUEST = "ProviderNote.V2.CreateProviderJournalNoteRequest"

pytestmark = needs_lifecare


@cache
def validator(name: str) -> Draft4Validator:
    """Compares a row with its definition. A field that the description doesn't name is an error."""
    definitions = copy.deepcopy(swagger()["definitions"])
    for each in definitions.values():
        each["additionalProperties"] = False
    documentation = definitions[NAMES + "Common.V1.Documentation"]
    documentation["required"].remove("ExecutionId")  # LA4: a note without an execution is read back without one
    return Draft4Validator({"$ref": f"#/definitions/{NAMES}{name}", "definitions": definitions})


def without_nulls(value: Any) -> Any:
    """Swagger 2.0 has no word for null, but the gateway sends it (L15)."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def read(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def lived_in() -> SimulatedLifecare:
    """A Lifecare in which everything possible has happened."""
    lifecare = SimulatedLifecare(lambda: NOW)
    lifecare.seed_person(TF03, entry_code="0000")
    lifecare.seed_person("19900101TF04")
    for number in range(8):
        end = date(2026, 12, 31) if number % 2 else None
        ordered = lifecare.order(TF03, end=end, decision_end=end, service_end=end, weekdays=("Monday", "Sunday"))
        lifecare.accept(ordered.order_id)
        execution = lifecare.start_execution(ordered.order_id, unit_id=None if number == 3 else 7101)
        first = lifecare.note_as("alarm_team", execution, "times_agreed", "22:30", occurred=NOW)
        second = lifecare.replace_note(first, "23:00")
        if number % 2:
            lifecare.error_mark(second)
            lifecare.end_execution(execution, end)
        lifecare.absence(TF03, date(2026, 4, 1), end)
        lifecare.service_plan(TF03, start=date(2026, 3, 2), end=end, follow_up=end)
    for service in ("alarm", "shower", "cleaning"):
        lifecare.order(TF03, service, status="Registered", frequency=None)
    lifecare.delete("sol_decisions", 200001)
    lifecare.delete("sol_decisions", 200002)
    lifecare.delete("executions", 400003)
    lifecare.delete("client_absences", 500001)
    lifecare.decease(TF03, date(2026, 3, 1))
    lifecare.protect(TF03, "address")
    read(post_note(lifecare, note(30001, isSigned=True)))
    read(send(lifecare, "POST", "v1/reported_visits", visit(400001)))
    return lifecare


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=lambda resource: resource.name)
def test_every_row_is_as_described(resource: Resource) -> None:
    lifecare = lived_in()
    lists = [read(get(lifecare, resource.name))]
    if resource.feed:
        lists.append(read(get(lifecare, resource.name, gt="2020-01-01T00:00:00")))
    if resource.by_id:
        lists.append([read(get(lifecare, f"{resource.name}/{row[resource.key or '']}")) for row in lists[0]])
    for rows in lists:
        assert rows
        for row in rows:
            validator(resource.definition).validate(without_nulls(row))


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=lambda resource: resource.name)
def test_what_can_be_asked_is_as_described(resource: Resource) -> None:
    path = f"/api/v1/{resource.name}"
    assert resource.feed == has_feed(path)
    assert resource.by_id == (f"{path}/{{id}}" in swagger()["paths"])
    assert dict(resource.searchable) == searchable(resource.definition)


def test_a_written_note_is_answered_and_required_as_described() -> None:
    answer = read(post_note(lived_in(), note(30001, isSigned=True)))
    validator(NOTE_ANSWER).validate(without_nulls(answer))
    required = {field.alias for field in NoteRequest.model_fields.values() if field.is_required()}
    assert required == set(definition(NOTE_REQUEST)["required"])


def test_a_reported_visit_takes_what_the_description_has_and_requires_what_it_requires() -> None:
    for model, name in (
        (VisitReport, "ReportedVisit.V1.ReportedVisit"),
        (ServiceReport, "ReportedVisit.V1.ReportedService"),
    ):
        fields = {field.alias: field.is_required() for field in model.model_fields.values()}
        assert set(fields) <= set(definition(name)["properties"])
        assert {field for field, required in fields.items() if required} == set(definition(name)["required"])


def test_an_order_reads_as_it_was_made() -> None:
    lifecare = lived_in()
    found = read(get(lifecare, "ordered_services", q="OrderId='SB-100002'"))
    [detail] = found[0]["Details"]
    assert (detail["Frequency"], detail["Periodicity"], detail["TimeUnit"]) == (3, 1, catalogue.NIGHT)
    assert detail["Weekdays"] == ["Monday", "Sunday"]
    assert found[0]["ServiceType"]["Code"] == catalogue.CAMERA.code
    assert found[0]["EndDate"][:10] == "2026-12-31"
