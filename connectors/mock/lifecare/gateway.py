"""The HTTP side: who may ask, what is asked, and how it is answered (L1, L2, L5 to L12)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from itertools import count
from typing import Final

from connectors.mock.lifecare import admin
from connectors.mock.lifecare.notes import NoteActs, NoteRefused
from connectors.mock.lifecare.query import BadQuery, Condition, parse_count, parse_instant, parse_q
from connectors.mock.lifecare.quirks import JSON, Renderer, html_error, message_error, shaped_error
from connectors.mock.lifecare.resources import RESOURCES, Resource
from connectors.mock.lifecare.table import Row
from connectors.mock.wire import Answer, Clock, Request

BASE: Final = "/WE.EC.Integration.Host"
DEFAULT_KEY: Final = "simulated+key/for+tests="
DEFAULT_DOMAIN: Final = "9999"
_V1: Final = f"{BASE}/api/v1/"
_NOTES: Final = f"{BASE}/api/v2/provider_notes"
_SECRET: Final = frozenset({"key", "domain"})
_LOG_LENGTH: Final = 100_000

PageTurned = Callable[[str, int], None]
"""Called after each page of a list has been answered, with the resource and the page's ``offset``: changes rows while
somebody pages (L8)."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request that arrived. ``query`` is without domain and key; ``ignored`` names parameters that had no effect, as
    ``gt`` has none on ``orders`` (L7); ``resource`` is None outside the API."""

    time: datetime
    method: str
    path: str
    resource: str | None
    query: Mapping[str, str]
    status: int
    ignored: tuple[str, ...]


class SimulatedLifecare(NoteActs):
    """Lifecare as one municipality's key sees it.

    ``key`` is the raw base64 key. ``page_cap`` is the most rows of one page, whatever ``limit`` asks for (L8). ``seed``
    moves the start of every rotation (shapes of errors, dates and empty lists), so that runs can differ and repeat.
    ``server_zone`` is the zone of the server's own calendar day (L6).
    """

    def __init__(
        self,
        clock: Clock,
        *,
        domain: str = DEFAULT_DOMAIN,
        key: str = DEFAULT_KEY,
        page_cap: int = 100,
        seed: int = 0,
        server_zone: str = "Europe/Stockholm",
    ) -> None:
        super().__init__(clock, server_zone=server_zone, page_cap=page_cap)
        self._domain = domain
        self._key = key
        self._seed = seed
        self._begin()

    def _begin(self) -> None:
        self.page_turned: PageTurned | None = None
        self._received: deque[Received] = deque(maxlen=_LOG_LENGTH)
        self._renderer = Renderer(self.settings, self.zone, self._seed)
        self._error_turn = count(self._seed)
        self._empty_turn = count(self._seed)
        self._shift: list[int] = []
        self._ignored: tuple[str, ...] = ()
        self._url = ""

    def reset(self) -> None:
        """Forget everything: rows, settings, logs. The catalogue stands as at the start."""
        super().reset()
        self._begin()

    def received(self) -> list[Received]:
        """Every request that arrived (the last 100,000), oldest first, without the key."""
        return list(self._received)

    def shift_rows(self, by: int, *, times: int = 1) -> None:
        """At the next ``times`` page turns (reads with an ``offset``), rows have moved meanwhile (L8): with ``by`` > 0
        so many rows before the page are gone, so that a reader misses as many; with ``by`` < 0 so many have come in, so
        that a reader sees as many again."""
        self._shift.extend([by] * times)

    def handle(self, request: Request) -> Answer:
        """Answer one request; paths under ``/admin/`` are the simulator's own."""
        if request.path.startswith("/admin/"):
            return admin.handle(self, request)
        self._ignored, self._url = (), f"{request.path}?{request.raw_query}"
        resource, entity_id = _route(request.path)
        answer = self._answer(request, resource, entity_id)
        now, query = self.now(), _without_secrets(request.query)
        self._received.append(
            Received(now, request.method, request.path, resource, query, answer.status, self._ignored)
        )
        date_header = _http_date(now.replace(microsecond=0))
        return Answer(
            answer.status, {**answer.headers, "date": date_header, "server": "Microsoft-IIS/10.0"}, answer.body
        )

    def _answer(self, request: Request, resource: str | None, entity_id: str | None) -> Answer:
        if resource is None:
            return html_error(404, "404 - File or directory not found.", self._url)
        refusal = self._refusal(request, resource)
        if refusal is not None:
            return refusal
        if resource == "provider_notes":
            return self._post_note(request) if request.method == "POST" else self._error(405, _WRONG_METHOD)
        if request.method != "GET":
            return self._error(405, _WRONG_METHOD)
        if entity_id is not None:
            return self._one(RESOURCES[resource], entity_id)
        try:
            return self._list(RESOURCES[resource], dict(request.query))
        except BadQuery as bad:
            return message_error(400, bad.message) if bad.observed else self._error(400, bad.message)

    def _refusal(self, request: Request, resource: str) -> Answer | None:
        """Who may not ask. The copies of the key are compared first (L1), the licence last (L12)."""
        keys, domain = _credentials(request.query)
        if keys and (len(keys) > 1 or request.header("x-api-key") or request.header("authorization")):
            return message_error(
                400, "Invalid argument: key. Ambiguous API key, the key was given in more than one place."
            )
        for name, value in (("domain", domain), ("key", keys and keys[0])):
            if not value:
                return message_error(400, f"Invalid argument: {name}. The argument is required.")
        if keys[0] != self._key:
            return self._error(401, "Authorization has been denied for this request.")
        if domain != self._domain:
            return self._error(403, "The key is not valid for the domain.")
        if resource in self.settings.unlicensed:
            return self._error(401, f"The API key has no licence for {resource}.")
        return None

    def _one(self, resource: Resource, entity_id: str) -> Answer:
        """One entity, whosever it is (L11)."""
        numbered = resource.searchable[resource.key or ""] == "int"
        if numbered and not (entity_id.isascii() and entity_id.isdigit()):
            return self._error(400, "The request is invalid.")
        row = self.tables[resource.name].get(int(entity_id) if numbered else entity_id)
        if row is None:
            return self._error(404, f"There is no {resource.name} with the id {_hyphenated(entity_id)}.")
        return Answer(200, {"content-type": JSON}, self._rendered(resource, row))

    def _list(self, resource: Resource, query: Mapping[str, str]) -> Answer:
        conditions = _conditions(resource.name, query["q"]) if query.get("q") else ()
        bounds = [name for name in ("gt", "lt") if query.get(name)]
        known = {"q", "limit", "offset", "gt", "lt"} if resource.feed else {"q", "limit", "offset"}
        self._ignored = tuple(name for name in query if name not in known | _SECRET)
        after, before = (
            parse_instant(name, query[name]) if resource.feed and name in bounds else None for name in ("gt", "lt")
        )
        limit = min(parse_count("limit", query.get("limit"), self.settings.page_cap, least=1), self.settings.page_cap)
        offset = parse_count("offset", query.get("offset"), 0, least=0)
        at = max(0, offset + self._shift.pop(0)) if offset and self._shift else offset
        page = self.tables[resource.name].select(conditions, after, before)[at : at + limit]
        body = b"[" + b",".join(self._rendered(resource, row) for row in page) + b"]"
        if self.page_turned is not None:
            self.page_turned(resource.name, offset)
        if not page and self._says_404():
            return message_error(404, f"No resources were found. {query.get('q', '')}".strip())
        return Answer(200, {"content-type": JSON}, body)

    def _says_404(self) -> bool:
        """Whether this empty list answers 404 (L10)."""
        setting = self.settings.empty_list
        return next(self._empty_turn) % 2 == 0 if setting == "mixed" else setting == "404"

    def _post_note(self, request: Request) -> Answer:
        if not (request.header("content-type") or "").startswith("application/json"):
            return self._error(415, "The request entity's media type is not supported for this resource.")
        try:
            written = self._write_note(request.json())
        except ValueError:
            return self._error(400, "The request is invalid.")
        except NoteRefused as refused:
            if refused.fields is not None:
                return message_error(400, refused.message, ModelState=dict(refused.fields))
            return self._error(400, refused.message)
        return Answer(200, {"content-type": JSON}, self._renderer.render(written, f"note/{written['id']}"))

    def _rendered(self, resource: Resource, row: Row) -> bytes:
        """The row in JSON. Every other deleted row carries no more than whose it is and that it is deleted."""
        if row.rendered is None:
            data = row.data
            if row.deleted and row.seq % 2:
                data = {name: data[name] for name in ("Id", "PersonId", "Deleted") if name in data}
            row.rendered = self._renderer.render(data, f"{resource.name}/{row.seq}/{row.revision}")
        return row.rendered

    def _error(self, status: int, message: str) -> Answer:
        return shaped_error(status, message, self._url, self.settings.error_shape, next(self._error_turn))


_WRONG_METHOD: Final = "The requested resource does not support the http method."


@lru_cache(1)
def _http_date(second: datetime) -> str:
    return format_datetime(second, usegmt=True)


# The same is asked again and again, and is read once.


@lru_cache(4096)
def _credentials(query: tuple[tuple[str, str], ...]) -> tuple[tuple[str, ...], str | None]:
    """The copies of the key, and the domain."""
    keys = tuple(value for name, value in query if name == "key")
    return keys, next((value for name, value in query if name == "domain"), None)


@lru_cache(4096)
def _without_secrets(query: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return {name: value for name, value in query if name not in _SECRET}


@lru_cache(4096)
def _conditions(resource: str, q: str) -> tuple[Condition, ...]:
    """Raises BadQuery."""
    return parse_q(q, RESOURCES[resource].searchable)


def _hyphenated(entity_id: str) -> str:
    """Personal numbers turn up hyphenated in messages (L13)."""
    return f"{entity_id[:8]}-{entity_id[8:]}" if len(entity_id) == 12 else entity_id


def _route(path: str) -> tuple[str | None, str | None]:
    """The resource and the id that a path names."""
    if path == _NOTES:
        return "provider_notes", None
    name, _, entity_id = path.removeprefix(_V1).partition("/") if path.startswith(_V1) else ("", "", "")
    if name not in RESOURCES or (entity_id and not RESOURCES[name].by_id):
        return None, None
    return name, entity_id or None
