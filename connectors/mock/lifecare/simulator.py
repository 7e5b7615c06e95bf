"""The simulated Lifecare as one vendor: its state with its API (who may ask, what is asked, and how it is answered: L1,
L2, L5 to L12), its log and its side door."""

from collections.abc import Mapping
from email.utils import format_datetime
from itertools import count
from typing import ClassVar, Final

import httpx

from connectors.mock.lifecare.query import parse_list_query, parse_q
from connectors.mock.lifecare.rendering import Invalid, Renderer, html_error, message_error, shaped_error
from connectors.mock.lifecare.resources import RESOURCES, Resource
from connectors.mock.lifecare.state import Settings
from connectors.mock.lifecare.table import Row
from connectors.mock.lifecare.visits import VisitActs
from connectors.mock.routing import Clock, json_answer, media_type
from connectors.mock.vendor import View

BASE: Final = "/WE.EC.Integration.Host"
DEFAULT_KEY: Final = "simulated+key/for+tests="
DEFAULT_DOMAIN: Final = "9999"
_V1: Final = f"{BASE}/api/v1/"
_NOTES: Final = f"{BASE}/api/v2/provider_notes"


class SimulatedLifecare(VisitActs):
    """Lifecare as one municipality's key sees it. ``seed`` moves the start of every rotation (shapes of
    errors, dates and empty lists), so that runs can differ and repeat."""

    acts: ClassVar[tuple[str, ...]] = (
        "seed_person",
        "protect",
        "decease",
        "deregister",
        "order",
        "accept",
        "will_not_be_executed",
        "start_execution",
        "end_execution",
        "decision_end",
        "absence",
        "service_plan",
        "note_as",
        "error_mark",
        "replace_note",
        "delete_note",
        "change",
        "delete",
        "vanish",
        "shift_rows",
        "set_settings",
    )

    def __init__(self, clock: Clock, *, domain: str = DEFAULT_DOMAIN, seed: int = 0) -> None:
        self._domain, self._seed = domain, seed
        super().__init__(clock)

    def reset(self) -> None:
        """Forget everything: rows, settings, faults, logs. The catalogue stands as at the start."""
        super().reset()
        self._renderer = Renderer(self.zone, self._seed)
        self._error_turn = count(self._seed)
        self._empty_turn = count(self._seed)
        self._shifts: list[int] = []

    def views(self) -> Mapping[str, View]:
        """What came in and what is set."""
        return {"notes": self.notes_written, "settings": lambda: self.settings}

    def shift_rows(self, by: int, *, times: int = 1) -> None:
        """At the next ``times`` page turns (reads with an ``offset``), rows have moved meanwhile (L8): with ``by`` > 0
        so many rows before the page are gone, so that a reader misses as many; with ``by`` < 0 so many have come in, so
        that a reader sees as many again."""
        self._shifts.extend([by] * times)

    def set_settings(self, settings: Settings) -> Settings:
        """Change all settings; what is left out is as at the start."""
        self.settings = settings
        return settings

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The API's answer, dated by the server's own clock."""
        answer = self._api(request)
        answer.headers["date"] = format_datetime(self.now().replace(microsecond=0), usegmt=True)
        answer.headers["server"] = "Microsoft-IIS/10.0"
        return answer

    def _api(self, request: httpx.Request) -> httpx.Response:
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
        if keys[0] != DEFAULT_KEY:
            return self._error(request, 401, "Authorization has been denied for this request.")
        if domain != self._domain:
            return self._error(request, 403, "The key is not valid for the domain.")
        if resource in self.settings.unlicensed:
            return self._error(request, 401, f"The API key has no licence for {resource}.")
        return None

    def _one(self, request: httpx.Request, resource: Resource, entity_id: str) -> httpx.Response:
        """One entity, whosever it is (L11)."""
        numbered = resource.searchable[resource.key or ""] == "int"
        if numbered and not (entity_id.isascii() and entity_id.isdigit()):
            return self._error(request, 400, "The request is invalid.")
        row = self.tables[resource.name].get(int(entity_id) if numbered else entity_id)
        if row is None:
            # Personal numbers turn up hyphenated in messages (L13).
            shown = f"{entity_id[:8]}-{entity_id[8:]}" if len(entity_id) == 12 else entity_id
            return self._error(request, 404, f"There is no {resource.name} with the id {shown}.")
        return json_answer(self._rendered(resource, row))

    def _list(self, request: httpx.Request, resource: Resource) -> httpx.Response:
        asked, cap = parse_list_query(request.url.params), self.settings.page_cap
        conditions = parse_q(asked.q, resource.name) if asked.q else ()
        after, before = (asked.gt, asked.lt) if resource.feed else (None, None)
        begin = asked.offset
        if begin and self._shifts:
            begin = max(0, begin + self._shifts.pop(0))
        found = self.tables[resource.name].select(conditions, after, before)
        page = found[begin : begin + min(asked.limit or cap, cap)]
        body = b"[" + b",".join(self._rendered(resource, row) for row in page) + b"]"
        if not page and self._says_404():
            return message_error(404, f"No resources were found. {asked.q}".strip())
        return json_answer(body)

    def _says_404(self) -> bool:
        """Whether this empty list answers 404 (L10)."""
        setting = self.settings.empty_list
        return next(self._empty_turn) % 2 == 0 if setting == "mixed" else setting == "404"

    def _change_visits(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            named = [request.url.params.get(name, "") for name in ("externalId", "reportingSystem")]
            if not all(named):
                return self._error(request, 400, "The request is invalid.")
            gone = self.delete_visit(*named)
            return httpx.Response(204) if gone else self._error(request, 404, "There is no such reported visit.")
        if request.method != "POST":
            return self._error(request, 405, "The requested resource does not support the http method.")
        return self._not_json(request) or json_answer(self.write_visit(request.content))

    def _not_json(self, request: httpx.Request) -> httpx.Response | None:
        if media_type(request) == "application/json":
            return None
        return self._error(request, 415, "The request entity's media type is not supported for this resource.")

    def _post_note(self, request: httpx.Request) -> httpx.Response:
        if refused := self._not_json(request):
            return refused
        written = self.write_note(request.content)
        plain = self.settings.dates == "plain"
        return json_answer(self._renderer.render(written, f"note/{written['id']}", plain=plain))

    def _rendered(self, resource: Resource, row: Row) -> bytes:
        """The row in JSON. Every second deleted row says only whose it is and that it is deleted."""
        if row.rendered is None:
            data = row.data
            if row.deleted and row.seq % 2:
                data = {name: data[name] for name in ("Id", "PersonId", "Deleted") if name in data}
            plain = self.settings.dates == "plain"
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
