"""What stands in the simulated Lifecare, how it behaves, and the changes that any row can see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from connectors.mock.lifecare import catalogue
from connectors.mock.lifecare.rendering import OPEN_ENDS
from connectors.mock.lifecare.resources import RESOURCES
from connectors.mock.lifecare.table import Key, Row, Table, utc
from connectors.mock.routing import Clock
from connectors.mock.vendor import SimulatedVendor

_ID_STARTS: Final = {
    "client": 30001,
    "order": 100001,
    "order_number": 150001,
    "decision": 200001,
    "investigation": 250001,
    "execution": 400001,
    "absence": 500001,
    "plan": 550001,
    "note": 600001,
    "documentation": 700001,
    "visit": 800001,
}


@dataclass(slots=True)
class Settings:
    """What can be set while the simulator runs.

    ``page_cap``: the most rows that one page holds, whatever ``limit`` asks for (L8). ``skew_seconds``: how far the
    server's clock is ahead. ``unlicensed``: names of resources that the key has no licence for (L12), also
    ``provider_notes``. ``empty_list``: what a list without matches answers (L10). ``dates`` (L14, L15): ``mixed`` uses
    all shapes; a new setting counts for rows that are changed or first read after it. ``read_back``: the heading that a
    note written under a provider heading is read back under; a heading without an entry can't be read back (LA3, LA4).
    """

    page_cap: int = 100
    skew_seconds: float = 0.0
    unlicensed: set[str] = field(default_factory=set)
    empty_list: Literal["mixed", "404", "[]"] = "mixed"
    dates: Literal["mixed", "plain"] = "mixed"
    read_back: dict[int, str] = field(
        default_factory=lambda: {
            heading.provider_headline_id: heading.headline_id
            for heading in (*catalogue.HEADINGS.values(), catalogue.OTHER_HEADING)
        }
    )


class LifecareState(SimulatedVendor):
    """The state. Every change is stamped with the server's own clock, which may differ from the caller's."""

    def __init__(self, clock: Clock) -> None:
        self.zone = ZoneInfo("Europe/Stockholm")
        super().__init__(clock)

    def reset(self) -> None:
        """Forget everything, settings included; the catalogue stands as at the start."""
        super().reset()
        self.settings = Settings()
        self.tables = {name: Table(resource, self.zone) for name, resource in RESOURCES.items()}
        self._ids = {kind: count(start) for kind, start in _ID_STARTS.items()}
        for resource, rows in catalogue.rows().items():
            for row in rows:
                self._add(resource, **row)

    def now(self) -> datetime:
        """The server's present instant, aware, UTC, skewed as set."""
        return utc(self.clock() + timedelta(seconds=self.settings.skew_seconds))

    def today(self) -> date:
        """The server's present calendar date."""
        return self.now().astimezone(self.zone).date()

    def change(self, entity: str, entity_id: Key, **fields: Any) -> None:
        """Set fields of a row as if somebody had edited it.

        ``entity`` is the resource's name in the API (``orders``). ``entity_id`` is what the method that made the row
        returned: for ``clients`` the person id, for ``ordered_services`` the ``service_id`` of :meth:`order`. Dates may
        be ISO texts. Raises KeyError for a row or field that does not exist.
        """
        unknown = fields.keys() - self.row(entity, entity_id).keys()
        if unknown:
            raise KeyError(f"{entity} have no field {sorted(unknown)[0]}")
        self._touch(entity, entity_id, **{name: _native(name, value) for name, value in fields.items()})

    def delete(self, entity: str, entity_id: Key) -> None:
        """Delete a row: change feeds then tell ``Deleted: true`` (L7), notes get the status ``Deleted``, and what has
        neither is gone. Raises KeyError."""
        if entity == "documentations":
            self._touch(entity, entity_id, Status="Deleted")
        elif RESOURCES[entity].feed:
            self._table(entity).delete(entity_id, self.now())
        else:
            self.vanish(entity, entity_id)

    def vanish(self, entity: str, entity_id: Key) -> None:
        """Remove a row without any trace. Raises KeyError."""
        self._table(entity).vanish(entity_id)

    def row(self, entity: str, entity_id: Key) -> Mapping[str, Any]:
        """The row as it is now, also if no key may see it. Raises KeyError."""
        return self._table(entity).rows[entity_id].data

    def _touch(self, entity: str, entity_id: Key, **fields: Any) -> None:
        now = self.now()
        stamp = {"UpdateTime": now} if "UpdateTime" in self.row(entity, entity_id) else {}
        self._table(entity).change(entity_id, {**stamp, **fields}, now)

    def _add(self, entity: str, **fields: Any) -> Row:
        return self._table(entity).add(fields, self.now())

    def _table(self, entity: str) -> Table:
        if entity not in self.tables:
            raise KeyError(f"there is no resource {entity}; there are {', '.join(self.tables)}")
        return self.tables[entity]

    def _next(self, kind: str) -> int:
        return next(self._ids[kind])


def _native(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, str) and (name in OPEN_ENDS or name.endswith("Date")):
        return date.fromisoformat(value)
    if isinstance(value, str) and name.endswith("Time"):
        return utc(datetime.fromisoformat(value))
    if isinstance(value, dict):
        return {inner: _native(inner, item) for inner, item in value.items()}
    if isinstance(value, list):
        return [_native("", item) for item in value]
    return value
