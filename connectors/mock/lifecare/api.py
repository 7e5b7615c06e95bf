"""The HTTP side of the simulated Lifecare: who may ask, what is asked, and how it is answered (L1, L2, L5 to L12)."""

from itertools import count
from typing import Final

import httpx

from connectors.mock.lifecare.query import parse_list_query, parse_q
from connectors.mock.lifecare.rendering import Invalid, Renderer, html_error, message_error, shaped_error
from connectors.mock.lifecare.resources import RESOURCES, Resource
from connectors.mock.lifecare.table import Row
from connectors.mock.lifecare.visits import VisitActs
from connectors.mock.routing import json_answer, media_type

BASE: Final = "/WE.EC.Integration.Host"
DEFAULT_KEY: Final = "simulated+key/for+tests="
DEFAULT_DOMAIN: Final = "9999"
_V1: Final = f"{BASE}/api/v1/"
_NOTES: Final = f"{BASE}/api/v2/provider_notes"


class Api:
    """Answers the holder of a key, for one simulated Lifecare. ``key`` is the raw base64 key. ``seed`` moves the
    start of every rotation (shapes of errors, dates and empty lists), so that runs can differ and repeat."""

    def __init__(self, state: VisitActs, domain: str, key: str, seed: int) -> None:
        self._state = state
        self._domain = domain
        self._key = key
        self._renderer = Renderer(state.zone, seed)
        self._error_turn = count(seed)
        self._empty_turn = count(seed)
        self.shifts: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        try:
            return self._answer(request, *route(request.url.path))
        except Invalid as wrong:
            if wrong.observed or wrong.fields:
                more = {"ModelState": wrong.fields} if wrong.fields else {}
                return message_error(400, wrong.message, **more)
            return self._error(request, 400, wrong.message)

    def _answer(self, request: httpx.Request, resource: str | None, entity_id: str | None) -> httpx.Response:
        if resource is None:
            return html_error(404, "404 - File or directory not found.", _url(request))
        refusal = self._refusal(request, resource)
        if refusal is not None:
            return refusal
        if resource == "reported_visits" and request.method != "GET" and entity_id is None:
            return self._change_visits(request)
        if request.method != ("POST" if resource == "provider_notes" else "GET"):
            return self._error(request, 405, "The requested resource does not support the http method.")
        if resource == "provider_notes":
            return self._post_note(request)
        if entity_id is not None:
            return self._one(request, RESOURCES[resource], entity_id)
        return self._list(request, RESOURCES[resource])

    def _refusal(self, request: httpx.Request, resource: str) -> httpx.Response | None:
        """The answer to somebody who may not ask. Copies of the key are compared first (L1), the licence last (L12)."""
        query, headers = request.url.params, request.headers
        keys, domain = query.get_list("key"), query.get("domain")
        if keys and (len(keys) > 1 or headers.get("x-api-key") or headers.get("authorization")):
            return message_error(
                400, "Invalid argument: key. Ambiguous API key, the key was given in more than one place."
            )
        for name, value in (("domain", domain), ("key", keys and keys[0])):
            if not value:
                return message_error(400, f"Invalid argument: {name}. The argument is required.")
        if keys[0] != self._key:
            return self._error(request, 401, "Authorization has been denied for this request.")
        if domain != self._domain:
            return self._error(request, 403, "The key is not valid for the domain.")
        if resource in self._state.settings.unlicensed:
            return self._error(request, 401, f"The API key has no licence for {resource}.")
        return None

    def _one(self, request: httpx.Request, resource: Resource, entity_id: str) -> httpx.Response:
        """One entity, whosever it is (L11)."""
        numbered = resource.searchable[resource.key or ""] == "int"
        if numbered and not (entity_id.isascii() and entity_id.isdigit()):
            return self._error(request, 400, "The request is invalid.")
        row = self._state.tables[resource.name].get(int(entity_id) if numbered else entity_id)
        if row is None:
            # Personal numbers turn up hyphenated in messages (L13).
            shown = f"{entity_id[:8]}-{entity_id[8:]}" if len(entity_id) == 12 else entity_id
            return self._error(request, 404, f"There is no {resource.name} with the id {shown}.")
        return json_answer(self._rendered(resource, row))

    def _list(self, request: httpx.Request, resource: Resource) -> httpx.Response:
        asked, cap = parse_list_query(request.url.params), self._state.settings.page_cap
        conditions = parse_q(asked.q, resource.name) if asked.q else ()
        after, before = (asked.gt, asked.lt) if resource.feed else (None, None)
        begin = asked.offset
        if begin and self.shifts:
            begin = max(0, begin + self.shifts.pop(0))
        found = self._state.tables[resource.name].select(conditions, after, before)
        page = found[begin : begin + min(asked.limit or cap, cap)]
        body = b"[" + b",".join(self._rendered(resource, row) for row in page) + b"]"
        if not page and self._says_404():
            return message_error(404, f"No resources were found. {asked.q}".strip())
        return json_answer(body)

    def _says_404(self) -> bool:
        """Whether this empty list answers 404 (L10)."""
        setting = self._state.settings.empty_list
        return next(self._empty_turn) % 2 == 0 if setting == "mixed" else setting == "404"

    def _change_visits(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            named = [request.url.params.get(name, "") for name in ("externalId", "reportingSystem")]
            if not all(named):
                return self._error(request, 400, "The request is invalid.")
            gone = self._state.delete_visit(*named)
            return httpx.Response(204) if gone else self._error(request, 404, "There is no such reported visit.")
        if request.method != "POST":
            return self._error(request, 405, "The requested resource does not support the http method.")
        return self._not_json(request) or json_answer(self._state.write_visit(request.content))

    def _not_json(self, request: httpx.Request) -> httpx.Response | None:
        if media_type(request) == "application/json":
            return None
        return self._error(request, 415, "The request entity's media type is not supported for this resource.")

    def _post_note(self, request: httpx.Request) -> httpx.Response:
        if refused := self._not_json(request):
            return refused
        written = self._state.write_note(request.content)
        plain = self._state.settings.dates == "plain"
        return json_answer(self._renderer.render(written, f"note/{written['id']}", plain=plain))

    def _rendered(self, resource: Resource, row: Row) -> bytes:
        """The row in JSON. Every second deleted row says only whose it is and that it is deleted."""
        if row.rendered is None:
            data = row.data
            if row.deleted and row.seq % 2:
                data = {name: data[name] for name in ("Id", "PersonId", "Deleted") if name in data}
            plain = self._state.settings.dates == "plain"
            row.rendered = self._renderer.render(data, f"{resource.name}/{row.seq}/{row.revision}", plain=plain)
        return row.rendered

    def _error(self, request: httpx.Request, status: int, message: str) -> httpx.Response:
        return shaped_error(status, message, _url(request), next(self._error_turn))


def route(path: str) -> tuple[str | None, str | None]:
    """The resource and the id that a path names; None where it names none."""
    if path == _NOTES:
        return "provider_notes", None
    name, _, entity_id = path.removeprefix(_V1).partition("/") if path.startswith(_V1) else ("", "", "")
    if name not in RESOURCES or (entity_id and not RESOURCES[name].by_id):
        return None, None
    return name, entity_id or None


def _url(request: httpx.Request) -> str:
    return request.url.raw_path.decode()
