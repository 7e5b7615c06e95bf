"""What stands in the simulated Lifecare, and the changes that any row can see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from connectors.mock.lifecare import catalogue
from connectors.mock.lifecare.quirks import OPEN_ENDS, Settings, seconds
from connectors.mock.lifecare.resources import RESOURCES
from connectors.mock.lifecare.rows import category_fields
from connectors.mock.lifecare.table import Key, Row, Table, utc
from connectors.mock.wire import Clock

_BEGINNING = date(2020, 1, 1)
_ID_STARTS = {
    "client": 30001,
    "order": 100001,
    "order_number": 150001,
    "decision": 200001,
    "investigation": 250001,
    "decision_service": 300001,
    "execution": 400001,
    "absence": 500001,
    "note": 600001,
    "documentation": 700001,
}


class World:
    """The state. Every change is stamped with the server's own clock, which may differ from the caller's."""

    def __init__(self, clock: Clock, *, server_zone: str = "Europe/Stockholm", page_cap: int = 100) -> None:
        self._clock = clock
        self.zone = ZoneInfo(server_zone)
        self._page_cap = page_cap
        self.settings = Settings(page_cap=page_cap)
        self.tables: dict[str, Table] = {}
        self._ids: dict[str, Callable[[], int]] = {}
        self._empty()

    def now(self) -> datetime:
        """The server's present instant, aware, UTC, skewed as set."""
        return utc(self._clock() + seconds(self.settings.skew_seconds))

    def today(self) -> date:
        """The server's present calendar date."""
        return self.now().astimezone(self.zone).date()

    def reset(self) -> None:
        """Forget everything, settings included; the catalogue stands as at the start."""
        self.settings = Settings(page_cap=self._page_cap)
        self._empty()

    def change(self, entity: str, entity_id: Key, **fields: Any) -> None:
        """Set fields of a row as if somebody had edited it.

        ``entity`` is the resource's name in the API (``orders``). ``entity_id`` is what the method that made the row
        returned: for ``clients`` the person id, for ``ordered_services`` the ``service_id`` of :meth:`order`. Dates may
        be ISO texts. Raises KeyError for a row or field that does not exist.
        """
        row = self._table(entity).rows[entity_id]
        unknown = fields.keys() - row.data.keys()
        if unknown:
            raise KeyError(f"{entity} have no field {sorted(unknown)[0]}")
        self._touch(entity, entity_id, {name: _native(name, value) for name, value in fields.items()})

    def delete(self, entity: str, entity_id: Key) -> None:
        """Delete a row: change feeds then tell ``Deleted: true`` (L7), notes get the status ``Deleted``, and what has
        neither is gone. Raises KeyError."""
        if entity == "documentations":
            self._touch(entity, entity_id, {"Status": "Deleted"})
        elif RESOURCES[entity].feed:
            self._table(entity).delete(entity_id, self.now())
        else:
            self.vanish(entity, entity_id)

    def vanish(self, entity: str, entity_id: Key) -> None:
        """Remove a row without any trace. Raises KeyError."""
        self._table(entity).vanish(entity_id)

    def row(self, entity: str, entity_id: Key) -> Mapping[str, Any]:
        """The row as it stands, whoever may see it. Raises KeyError."""
        return self._table(entity).rows[entity_id].data

    def _touch(self, entity: str, entity_id: Key, fields: Mapping[str, Any]) -> Row:
        now = self.now()
        table = self._table(entity)
        stamp = {"UpdateTime": now} if "UpdateTime" in table.rows[entity_id].data else {}
        return table.change(entity_id, {**stamp, **fields}, now)

    def _add(self, entity: str, data: dict[str, Any]) -> Row:
        return self._table(entity).add(data, self.now())

    def _table(self, entity: str) -> Table:
        if entity not in self.tables:
            raise KeyError(f"there is no resource {entity}; there are {', '.join(self.tables)}")
        return self.tables[entity]

    def _next(self, kind: str) -> int:
        return self._ids[kind]()

    def _empty(self) -> None:
        self.tables = {name: Table(resource, self.zone) for name, resource in RESOURCES.items()}
        self._ids = {kind: count(start).__next__ for kind, start in _ID_STARTS.items()}
        self._headings()
        for unit in catalogue.UNITS.values():
            self._add(
                "provider_units",
                {
                    "CompanyId": unit.company_id,
                    "CompanyName": unit.company_name,
                    "Active": unit.active,
                    "IsShelteredHousing": False,
                    "Id": unit.id,
                    "Name": unit.name,
                },
            )
        for order, service in enumerate(catalogue.SERVICE_TYPES.values()):
            self._add(
                "service_configurations",
                {
                    "TypeId": service.code,
                    "TypeName": service.name,
                    "CategoryId": service.category_id,
                    "CategoryName": service.category_name,
                    "ParentId": None,
                    "UpdateTime": datetime(2020, 1, 1, 8, tzinfo=UTC),
                    "DisplayOrder": order,
                    "Level": 0,
                    "StartDate": _BEGINNING,
                    "EndDate": None,
                },
            )

    def _headings(self) -> None:
        for heading in (*catalogue.HEADINGS.values(), catalogue.OTHER_HEADING, catalogue.INACTIVE_HEADING):
            active = heading is not catalogue.INACTIVE_HEADING
            self._add(
                "headlines",
                {
                    "Id": heading.headline_id,
                    "TreeId": "T1",
                    "ParentId": None,
                    "Name": heading.name,
                    "Law": "SoL",
                    **category_fields(catalogue.CAMERA),
                    "Permissions": {"CanCreate": active, "CanRead": True, "CanUpdate": active},
                    "Rules": {
                        "CanBeSigned": True,
                        "MustBeSigned": False,
                        "EndTimeMustBeSameAsOccurrenceTime": False,
                    },
                    "MarkWords": [],
                },
            )
            self._add(
                "provider_headlines",
                {
                    "Id": heading.provider_headline_id,
                    "Name": heading.name,
                    "ServiceCategoryId": catalogue.CAMERA.category_id,
                    "ServiceCategoryName": catalogue.CAMERA.category_name,
                    "IsActive": active,
                    "HelpText": None,
                    "Law": "SoL",
                    "PhraseTexts": [],
                },
            )


def _native(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, str) and (name in OPEN_ENDS or name.endswith("Date") or name == "Date"):
        return date.fromisoformat(value)
    if isinstance(value, str) and name.endswith("Time"):
        return utc(datetime.fromisoformat(value))
    if isinstance(value, dict):
        return {inner: _native(inner, item) for inner, item in value.items()}
    if isinstance(value, list):
        return [_native("", item) for item in value]
    return value
