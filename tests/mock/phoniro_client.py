"""A client of the simulated Phoniro in process. Its answers can be compared with the contract."""

from datetime import UTC, datetime
from typing import Any

import httpx

from connectors.mock.phoniro.simulator import SimulatedPhoniro
from connectors.mock.phoniro.state import DEFAULT_CLIENT
from tests.contracts import hold, openapi, place_of

MONDAY_EVENING = datetime(2026, 3, 2, 19, 0, tzinfo=UTC)  # 20:00 in Stockholm
SCHEDULES = "/api/v1/supervision-schedules"
ID, SECRET = DEFAULT_CLIENT
TOKEN = {"grant_type": "client_credentials", "client_id": ID, "client_secret": SECRET, "scope": "supervision"}
NIGHTLY = [{"weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "times": ["02:30", "23:00"]}]
Call = tuple[str, str, httpx.Response]


class Client:
    """Calls a simulated Phoniro in process, with a clock that the test moves, and keeps every answer."""

    def __init__(self, seed: int = 0, token_seconds: int = 10**9) -> None:
        self.now = MONDAY_EVENING
        self.phoniro = SimulatedPhoniro(lambda: self.now, seed=seed)
        self.phoniro.token_seconds = token_seconds
        self.calls: list[Call] = []
        self.token = ""
        self.log_in()

    def log_in(self, **changes: str | None) -> httpx.Response:
        form = {name: value for name, value in {**TOKEN, **changes}.items() if value is not None}
        answer = self.send("POST", "/connect/token", data=form)
        if answer.status_code == 200:
            self.token = answer.json()["access_token"]
        return answer

    def send(self, method: str, path: str, **what: Any) -> httpx.Response:
        answer = self.phoniro.handle(httpx.Request(method, f"https://phoniro.test{path}", **what))
        self.calls.append((method, path, answer))
        return answer

    def call(
        self, method: str, path: str, body: object = None, *, etag: str | None = None, **query: Any
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}", **({} if etag is None else {"if-match": etag})}
        return self.send(method, path, json=body, headers=headers, params=query)

    def customer(self, external_id: str = "TK-1", **fields: object) -> httpx.Response:
        body = {"externalId": external_id, "organisationId": "hemtjanst-norr", "protectedIdentity": False, **fields}
        return self.call("PUT", f"/api/v1/customers/{external_id}", body)

    def create(self, reference: str = "TK-1-1", **fields: object) -> httpx.Response:
        return self.call("POST", SCHEDULES, {**new_schedule(reference), **fields})

    def schedule(self, reference: str = "TK-1-1", **fields: object) -> str:
        """A created schedule's id."""
        self.customer()
        answer = self.create(reference, **fields)
        assert answer.status_code == 201, answer.text
        created: str = answer.json()["id"]
        return created

    def get(self, schedule_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("GET", f"{SCHEDULES}/{schedule_id}").json()
        return answer

    def act(self, schedule_id: str, act: str, **body: object) -> httpx.Response:
        return self.call("POST", f"{SCHEDULES}/{schedule_id}/{act}", body)

    def admin(self, act: str, **given: object) -> Any:
        """Do one act by the admin side. Returns its result."""
        answer = self.send("POST", f"/admin/acts/{act}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def listed(self, path: str = SCHEDULES, **query: Any) -> list[dict[str, Any]]:
        """All pages of a list."""
        items: list[dict[str, Any]] = []
        while True:
            page = self.call("GET", path, **query).json()
            items += page["items"]
            if page["nextCursor"] is None:
                return items
            query["cursor"] = page["nextCursor"]


def new_schedule(reference: str) -> dict[str, Any]:
    return {
        "externalReference": reference,
        "customerExternalId": "TK-1",
        "organisationId": "hemtjanst-norr",
        "type": "camera_night",
        "timeZone": "Europe/Stockholm",
        "validFrom": "2026-03-02",
        "rules": NIGHTLY,
    }


def check_answer(method: str, path: str, answer: httpx.Response) -> None:
    """An answer has a form that the contract allows for its path, method and status."""
    if path.startswith("/admin/"):
        return
    operation = openapi()["paths"][place_of(path)[0]].get(method.lower(), {})
    told = operation.get("responses", {}).get(str(answer.status_code))
    if told is None:
        assert answer.status_code >= 400, f"the contract knows no {answer.status_code} to {method} {path}"
    if told is None or "$ref" in told:
        told = openapi()["components"]["responses"]["Problem"]
    if "content" not in told:
        return
    ((media_type, content),) = told["content"].items()
    assert answer.headers["content-type"].partition(";")[0] == media_type, f"{method} {path} {answer.status_code}"
    hold(content["schema"], answer.json())
    if media_type == "application/problem+json":
        assert answer.json()["status"] == answer.status_code
