"""A schedule in Phoniro's answer, and one in a request."""

from datetime import UTC, date, datetime, time
from typing import Any

from connectors.phoniro.wire import Customer, NewSchedule, Rule

ID = "5b0f8f5e-2f0b-4c0e-9f39-1d6b7d8a0001"
AT = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
SCHEDULE: dict[str, Any] = {
    "id": ID,
    "status": "active",
    "externalReference": "TK-7F3K2M-1",
    "customerExternalId": "c-1",
    "organisationId": "o-1",
    "type": "camera_night",
    "timeZone": "Europe/Stockholm",
    "validFrom": "2026-03-02",
    "validTo": None,
    "rules": [{"weekdays": ["tue"], "times": ["02:15"]}],
    "createdAt": "2026-03-01T08:00:00Z",
    "updatedAt": "2026-03-01T08:00:00Z",
}
CUSTOMER = Customer(external_id="c-1", organisation_id="o-1", protected_identity=True)


def new_schedule(**changes: Any) -> NewSchedule:
    fields: dict[str, Any] = {
        "external_reference": "TK-7F3K2M-1",
        "customer_external_id": "c-1",
        "organisation_id": "o-1",
        "time_zone": "Europe/Stockholm",
        "valid_from": date(2026, 3, 2),
        "rules": (Rule(weekdays=("mon", "tue"), times=(time(22, 30),)),),
    }
    return NewSchedule(**(fields | changes))
