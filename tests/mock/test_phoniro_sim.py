"""The simulated Phoniro keeps the assumed contract, and tells the truth about who can look."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from connectors.mock.phoniro import HandChange, NewSchedule, SimulatedPhoniro
from connectors.mock.wire import Answer, Request

CONTRACT = Path(__file__).resolve().parents[2].parent / "shared" / "contracts" / "phoniro.openapi.yaml"
MONDAY_EVENING = datetime(2026, 3, 2, 19, 0, tzinfo=UTC)  # 20:00 in Stockholm
SCHEDULES = "/api/v1/supervision-schedules"
TOKEN = {"grant_type": "client_credentials", "client_id": "adapter", "client_secret": "s", "scope": "supervision"}
NIGHTLY = [{"weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "times": ["02:30", "23:00"]}]
Call = tuple[str, str, str, Answer]


class Client:
    """Talks to a simulated Phoniro in process, with a clock that the test moves; keeps every answer."""

    def __init__(self, **options: Any) -> None:
        self.now = MONDAY_EVENING
        options = {"token_seconds": 10**9, **options}
        self.phoniro = SimulatedPhoniro(lambda: self.now, client_id="adapter", client_secret="s", **options)
        self.calls: list[Call] = []
        self.token = ""
        self.log_in()

    def log_in(self, **changes: str | None) -> Answer:
        form = {name: value for name, value in {**TOKEN, **changes}.items() if value is not None}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = self.send("POST", "/connect/token", body=urlencode(form).encode(), headers=headers)
        if answer.status == 200:
            self.token = answer.json()["access_token"]
        return answer

    def send(self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str], query: str = "") -> Answer:
        answer = self.phoniro.handle(Request.of(method, path, raw_query=query, headers=headers, body=body))
        self.calls.append((method, path, query, answer))
        return answer

    def call(self, method: str, path: str, body: object = None, *, etag: str | None = None, **query: object) -> Answer:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        if etag is not None:
            headers["if-match"] = etag
        data = b"" if body is None else json.dumps(body).encode()
        return self.send(method, path, body=data, headers=headers, query=urlencode(query))

    def customer(self, external_id: str = "TK-1", **fields: object) -> Answer:
        body = {"externalId": external_id, "organisationId": "hemtjanst-norr", "protectedIdentity": False, **fields}
        return self.call("PUT", f"/api/v1/customers/{external_id}", body)

    def create(self, reference: str = "TK-1-1", **fields: object) -> Answer:
        return self.call("POST", SCHEDULES, {**new_schedule(reference), **fields})

    def schedule(self, reference: str = "TK-1-1", **fields: object) -> str:
        """A created schedule's id."""
        self.customer()
        answer = self.create(reference, **fields)
        assert answer.status == 201, answer.body
        created: str = answer.json()["id"]
        return created

    def get(self, schedule_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("GET", f"{SCHEDULES}/{schedule_id}").json()
        return answer

    def act(self, schedule_id: str, act: str, **body: object) -> Answer:
        return self.call("POST", f"{SCHEDULES}/{schedule_id}/{act}", body)

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


@pytest.fixture
def client() -> Iterator[Client]:
    """Every answer that a test gets is held against the contract when the test is over."""
    client = Client()
    yield client
    if CONTRACT.exists():
        for call in client.calls:
            check_answer(*call)


# The contract.


@cache
def load_contract() -> tuple[dict[str, Any], Registry[Any]]:
    contract: dict[str, Any] = yaml.safe_load(CONTRACT.read_text())
    registry: Registry[Any] = Registry()
    return contract, registry.with_resource("urn:contract", DRAFT202012.create_resource(contract))


def check_answer(method: str, path: str, query: str, answer: Answer) -> None:
    """An answer has a shape that the contract allows for its path, method and status."""
    if path.startswith("/admin/"):
        return
    contract, registry = load_contract()
    place = next((known for known in contract["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path)), None)
    operation = contract["paths"].get(place, {}).get(method.lower(), {}) if place else {}
    told = operation.get("responses", {}).get(str(answer.status))
    if told is None:
        assert answer.status >= 400, f"{method} {path} answered {answer.status}, which the contract does not know"
    if told is None or "$ref" in told:
        told = contract["components"]["responses"]["Problem"]
    if "content" not in told:
        return
    ((media_type, content),) = told["content"].items()
    assert answer.headers["content-type"].partition(";")[0] == media_type, f"{method} {path} {answer.status}"
    schema = json.loads(json.dumps(content["schema"]).replace('"#/', '"urn:contract#/'))
    OAS31Validator(schema, registry=registry, format_checker=OAS31Validator.FORMAT_CHECKER).validate(answer.json())
    if media_type == "application/problem+json":
        assert answer.json()["status"] == answer.status


# Tokens.


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "somebody"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_request"),
    ],
)
def test_a_wrong_token_request_is_refused_as_rfc_6749_says(
    client: Client, change: dict[str, str | None], error: str
) -> None:
    answer = client.log_in(**change)
    assert (answer.status, answer.json()) == (400, {"error": error})


def test_a_token_works_until_it_runs_out() -> None:
    client = Client(token_seconds=3600)
    client.now += timedelta(seconds=3599)
    assert client.call("GET", "/api/v1/organisations").status == 200
    client.now += timedelta(seconds=1)
    assert client.call("GET", "/api/v1/organisations").status == 401
    client.log_in()
    assert client.call("GET", "/api/v1/organisations").status == 200


def test_a_revoked_token_is_refused_at_once_and_nothing_happens(client: Client) -> None:
    client.customer()
    assert client.phoniro.handle(Request.of("POST", "/admin/tokens/revoke")).json() == {"revoked": 1}
    answer = client.create()
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert client.phoniro.book.all == []


# Customers.


def test_a_customer_is_created_then_replaced_whole(client: Client) -> None:
    assert client.customer(firstName="Test", phone="0701740605").status == 201
    assert client.customer(firstName="Testa").status == 200
    kept = client.call("GET", "/api/v1/customers/TK-1").json()
    assert (kept["firstName"], kept["phone"]) == ("Testa", None)


def test_a_protected_customer_with_anything_personal_is_refused_and_the_value_not_repeated(client: Client) -> None:
    answer = client.customer(protectedIdentity=True, city="Hemligstad")
    assert answer.status == 422
    assert "city" in answer.json()["detail"]
    assert b"Hemligstad" not in answer.body
    assert client.customer(protectedIdentity=True, city=None).status == 201


@pytest.mark.parametrize(
    "wrong",
    [
        {"externalId": "TK-2"},
        {"organisationId": "nowhere"},
        {"personalIdentityNumber": "19900101-TF03"},
        {"protectedIdentity": None},
        {"nickname": "T"},
    ],
)
def test_a_wrong_customer_is_refused(client: Client, wrong: dict[str, object]) -> None:
    assert client.call("PUT", "/api/v1/customers/TK-1", wrong | {"externalId": "x"}).status == 422
    body = {"externalId": "TK-1", "organisationId": "hemtjanst-norr", "protectedIdentity": False, **wrong}
    assert client.call("PUT", "/api/v1/customers/TK-1", body).status == 422
    assert client.call("GET", "/api/v1/customers/TK-1").status == 404


def test_a_personal_identity_number_is_never_an_external_id(client: Client) -> None:
    assert client.customer("19900101TF03").status == 422


def test_customers_are_listed_by_cursor_and_found_by_id(client: Client) -> None:
    for number in range(7):
        client.customer(f"TK-{number}")
    assert [one["externalId"] for one in client.listed("/api/v1/customers", limit=3)] == [f"TK-{n}" for n in range(7)]
    assert [one["externalId"] for one in client.listed("/api/v1/customers", externalId="TK-4")] == ["TK-4"]
    assert client.listed("/api/v1/customers", externalId="TK-99") == []


def test_organisations_are_listed(client: Client) -> None:
    assert {one["id"] for one in client.call("GET", "/api/v1/organisations").json()["items"]} == {
        "hemtjanst-norr",
        "hemtjanst-soder",
    }


# Creating schedules.


def test_a_schedule_is_created_with_its_defaults_and_read_back_with_its_etag(client: Client) -> None:
    schedule_id = client.schedule()
    answer = client.call("GET", f"{SCHEDULES}/{schedule_id}")
    kept = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert (kept["status"], kept["toleranceMinutes"], kept["retryAfterMinutes"], kept["validTo"]) == (
        "active",
        30,
        15,
        None,
    )


def test_a_reference_is_taken_for_ever_even_by_an_ended_schedule(client: Client) -> None:
    schedule_id = client.schedule()
    client.act(schedule_id, "end", endAt="2026-01-01T00:00:00Z", reason="other")
    again = client.create()
    assert (again.status, again.json()["existingId"]) == (409, schedule_id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"customerExternalId": "TK-99"},
        {"organisationId": "nowhere"},
        {"type": "alarm"},
        {"timeZone": "Europe/Botkyrka"},
        {"validFrom": "2026-02-30"},
        {"validFrom": "2026-03-02T00:00:00"},
        {"validTo": "2026-03-01"},
        {"rules": []},
        {"rules": [{"weekdays": [], "times": ["02:30"]}]},
        {"rules": [{"weekdays": ["mon"], "times": []}]},
        {"rules": [{"weekdays": ["mon"], "times": ["24:00"]}]},
        {"rules": [{"weekdays": ["mon"], "times": ["2:30"]}]},
        {"rules": [{"weekdays": ["mon"], "times": ["02:30", "02:30"]}]},
        {"rules": [{"weekdays": ["mon", "mon"], "times": ["02:30"]}]},
        {"rules": [{"weekdays": ["mån"], "times": ["02:30"]}]},
        {"rules": [{"weekdays": ["mon"], "times": ["02:30"]}, {"weekdays": ["mon"], "times": ["03:30"]}]},
        {"rules": [{"weekdays": ["mon"], "times": [f"{hour:02}:00" for hour in range(13)]}]},
        {"toleranceMinutes": 121},
        {"retryAfterMinutes": 0},
        {"toleranceMinuts": 10},
    ],
    ids=str,
)
def test_a_schedule_that_the_contract_rules_out_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    client.customer()
    assert client.create(**wrong).status == 422
    assert client.phoniro.book.all == []


def test_twelve_times_and_one_day_are_within_the_contract(client: Client) -> None:
    rules = [{"weekdays": ["mon"], "times": [f"{hour:02}:00" for hour in range(12)]}]
    client.schedule(rules=rules, validTo="2026-03-02", toleranceMinutes=0, cameraId="C-1")


def test_what_is_no_json_is_told_apart_from_what_is_wrong_json(client: Client) -> None:
    headers = {"authorization": f"Bearer {client.token}", "content-type": "application/json"}
    assert client.send("POST", SCHEDULES, body=b"{", headers=headers).status == 400
    assert client.send("POST", SCHEDULES, body=b"{}", headers={**headers, "content-type": "text/plain"}).status == 415
    assert client.send("POST", SCHEDULES, body=b"[]", headers=headers).status == 422


# Changing schedules.


def test_a_patch_changes_only_what_it_names_and_null_opens_the_end(client: Client) -> None:
    schedule_id = client.schedule(validTo="2026-04-01", cameraId="C-1")
    changed = client.call("PATCH", f"{SCHEDULES}/{schedule_id}", {"validTo": None, "cameraId": "C-2"}, etag='"1"')
    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    kept = client.get(schedule_id)
    assert (kept["validTo"], kept["cameraId"], kept["validFrom"], kept["rules"]) == (
        None,
        "C-2",
        "2026-03-02",
        NIGHTLY,
    )


def test_a_patch_needs_the_version_that_stands(client: Client) -> None:
    path = f"{SCHEDULES}/{client.schedule()}"
    assert client.call("PATCH", path, {"validTo": "2026-04-01"}).status == 428
    assert client.call("PATCH", path, {"validTo": "2026-04-01"}, etag='"7"').status == 412
    assert client.call("PATCH", path, {"validTo": "2026-04-01"}, etag='"1"').status == 200
    assert client.call("PATCH", path, {"validTo": "2026-05-01"}, etag='"1"').status == 412


@pytest.mark.parametrize(
    "wrong",
    [{"validTo": "2026-03-01"}, {"validFrom": None}, {"rules": None}, {"status": "ended"}, {"externalReference": "x"}],
    ids=str,
)
def test_a_patch_that_the_contract_rules_out_is_refused(client: Client, wrong: dict[str, object]) -> None:
    schedule_id = client.schedule()
    assert client.call("PATCH", f"{SCHEDULES}/{schedule_id}", wrong, etag="*").status == 422
    assert len(client.phoniro.history(schedule_id)) == 1


def test_an_unknown_schedule_is_not_found_by_any_call(client: Client) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    answers = [
        client.call("GET", f"{SCHEDULES}/{unknown}"),
        client.call("PATCH", f"{SCHEDULES}/{unknown}", {}, etag="*"),
        *(client.act(unknown, act, reason="other", endAt="2026-01-01T00:00:00Z") for act in ("end", "pause", "resume")),
    ]
    assert [answer.status for answer in answers] == [404] * 5


# Status, and who can look.


def test_a_schedule_is_planned_before_its_first_local_day(client: Client) -> None:
    schedule_id = client.schedule(validFrom="2026-03-03")
    midnight = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
    assert client.get(schedule_id)["status"] == "planned"
    assert not client.phoniro.can_look(schedule_id, midnight - timedelta(seconds=1))
    client.now = midnight
    assert client.get(schedule_id)["status"] == "active"
    assert client.phoniro.can_look(schedule_id, midnight)


def test_after_the_last_local_day_nobody_can_look_though_the_status_says_active(client: Client) -> None:
    schedule_id = client.schedule(validTo="2026-03-04")
    client.now = datetime(2026, 3, 4, 22, 59, 59, tzinfo=UTC)
    assert client.phoniro.can_look(schedule_id, client.now)
    client.now += timedelta(seconds=1)
    assert not client.phoniro.can_look(schedule_id, client.now)
    assert client.get(schedule_id)["status"] == "active"


def test_an_end_in_the_past_is_now_and_ending_again_changes_nothing(client: Client) -> None:
    schedule_id = client.schedule()
    ended = client.act(schedule_id, "end", endAt="2020-01-01T00:00:00+01:00", reason="deceased")
    assert (ended.json()["status"], ended.json()["endedAt"]) == ("ended", "2026-03-02T19:00:00Z")
    client.now += timedelta(hours=1)
    again = client.act(schedule_id, "end", endAt="2026-04-01T00:00:00Z", reason="other")
    assert (again.status, again.json()) == (200, ended.json())
    assert again.headers["etag"] == ended.headers["etag"]


def test_an_end_to_come_ends_by_itself_at_its_instant(client: Client) -> None:
    schedule_id = client.schedule()
    client.act(schedule_id, "end", endAt="2026-03-03T08:00:00+01:00", reason="decision_ended")
    end = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    assert client.get(schedule_id)["status"] == "active"
    assert client.phoniro.can_look(schedule_id, end - timedelta(seconds=1))
    assert not client.phoniro.can_look(schedule_id, end)
    client.now = end
    assert client.get(schedule_id)["status"] == "ended"


def test_a_pause_is_over_by_itself_and_a_second_one_replaces_it(client: Client) -> None:
    schedule_id = client.schedule()
    client.act(schedule_id, "pause", reason="absence", until="2026-03-02T22:00:00+01:00")
    paused = client.act(schedule_id, "pause", reason="equipment", until="2026-03-02T20:30:00+01:00").json()
    assert (paused["status"], paused["pausedUntil"]) == ("paused", "2026-03-02T19:30:00Z")
    assert client.phoniro.history(schedule_id)[-1].pause_reason == "equipment"
    client.now += timedelta(minutes=30)
    resumed = client.get(schedule_id)
    assert (resumed["status"], resumed["pausedUntil"]) == ("active", None)


def test_a_pause_without_end_lasts_until_it_is_resumed_and_resuming_twice_is_fine(client: Client) -> None:
    schedule_id = client.schedule()
    client.act(schedule_id, "pause", reason="consent_withdrawn")
    assert not client.phoniro.can_look(schedule_id, client.now + timedelta(days=400))
    assert client.act(schedule_id, "resume").json()["status"] == "active"
    again = client.act(schedule_id, "resume")
    assert (again.status, again.headers["etag"]) == (200, '"3"')


def test_an_ended_schedule_is_in_conflict_with_every_change(client: Client) -> None:
    schedule_id = client.schedule()
    client.act(schedule_id, "pause", reason="absence")
    client.act(schedule_id, "end", endAt="2026-01-01T00:00:00Z", reason="other")
    assert client.act(schedule_id, "pause", reason="absence").status == 409
    assert client.act(schedule_id, "resume").status == 409
    assert client.call("PATCH", f"{SCHEDULES}/{schedule_id}", {"cameraId": "C"}, etag="*").status == 409
    assert client.get(schedule_id)["status"] == "ended"


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("end", {"reason": "other"}),
        ("end", {"endAt": "2026-03-02T20:00:00", "reason": "other"}),
        ("end", {"endAt": "2026-03-02T20:00:00Z", "reason": "absence"}),
        ("pause", {}),
        ("pause", {"reason": "moved"}),
        ("pause", {"reason": "absence", "until": "2026-03-02"}),
    ],
)
def test_an_act_without_a_reason_or_an_instant_of_the_contract_is_refused(
    client: Client, act: str, body: dict[str, object]
) -> None:
    schedule_id = client.schedule()
    assert client.act(schedule_id, act, **body).status == 422
    assert client.get(schedule_id)["status"] == "active"


def test_the_history_tells_who_could_look_when(client: Client) -> None:
    schedule_id = client.schedule()
    start = client.now
    for hours, act, body in (
        (1, "pause", {"reason": "absence"}),
        (2, "resume", {}),
        (3, "pause", {"reason": "absence", "until": "2026-03-02T22:30:00Z"}),
        (5, "end", {"endAt": "2026-01-01T00:00:00Z", "reason": "moved"}),
    ):
        client.now = start + timedelta(hours=hours)
        client.act(schedule_id, act, **body)
    could = [client.phoniro.could_look(schedule_id, start + timedelta(minutes=30 * half)) for half in range(-1, 12)]
    assert could == [False, True, True, False, False, True, True, False, True, True, True, False, False]
    assert [version.act for version in client.phoniro.history(schedule_id)] == [
        "created",
        "paused",
        "resumed",
        "paused",
        "ended",
    ]


# Looks.


def test_looks_fall_on_the_wall_clock_through_both_changes_of_the_clocks(client: Client) -> None:
    """02:30 on 29 March does not exist (an hour later then), on 25 October it comes twice (the first counts)."""
    rules = [{"weekdays": ["sun"], "times": ["02:30", "03:30"]}, {"weekdays": ["sat"], "times": ["23:00"]}]
    schedule_id = client.schedule(rules=rules)
    spring = client.phoniro.looks(
        schedule_id, datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC)
    )
    autumn = client.phoniro.looks(
        schedule_id, datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)
    )
    assert [look.strftime("%d %H:%M") for look in spring] == ["28 22:00", "29 01:30"]
    assert [look.strftime("%d %H:%M") for look in autumn] == ["24 21:00", "25 00:30", "25 02:30"]


ACTS = st.one_of(
    st.just(("resume", {})),
    st.just(("pause", {"reason": "absence"})),
    st.integers(0, 72).map(lambda hour: ("pause", {"reason": "absence", "until": at_hour(hour)})),
    st.integers(0, 72).map(lambda hour: ("end", {"reason": "other", "endAt": at_hour(hour)})),
    st.integers(28, 31).map(lambda day: ("patch", {"validTo": f"2026-03-{day}"})),
    st.sampled_from(["01:30", "02:30", "03:30", "23:00"]).map(
        lambda clock: ("patch", {"rules": [{"weekdays": ["sat", "sun", "mon"], "times": [clock, "02:00"]}]})
    ),
)
SPRING = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)


def at_hour(hours: int) -> str:
    return (SPRING + timedelta(hours=hours)).isoformat()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), ACTS), max_size=6))
def test_looks_are_the_wall_clock_times_of_the_rules_at_which_somebody_could_look(
    story: list[tuple[int, tuple[str, dict[str, Any]]]],
) -> None:
    """Whatever is done to a schedule, in the nights of the lost hour: half-hour by half-hour, by the history alone."""
    client = Client()
    client.now = SPRING
    schedule_id = client.schedule(validFrom="2026-03-28")
    for hours, (act, body) in story:
        client.now += timedelta(hours=hours)
        if act == "patch":
            client.call("PATCH", f"{SCHEDULES}/{schedule_id}", body, etag="*")
        else:
            client.act(schedule_id, act, **body)
    expected = []
    for half_hour in range(72 * 2):
        moment = SPRING + half_hour * timedelta(minutes=30)
        local = moment.astimezone(ZoneInfo("Europe/Stockholm"))
        clocks = {local.strftime("%H:%M")}
        if local.date().isoformat() == "2026-03-29" and local.hour == 3:
            clocks.add(local.strftime("02:%M"))
        version = client.phoniro.schedule(schedule_id).version_at(moment)
        assert version is not None
        weekday = local.strftime("%a").lower()
        times = {clock for rule in version.rules if weekday in rule.weekdays for clock in rule.times}
        if clocks & times and client.phoniro.could_look(schedule_id, moment):
            expected.append(moment)
    assert client.phoniro.looks(schedule_id, SPRING, SPRING + timedelta(hours=72)) == expected


def test_looks_are_only_those_that_anyone_can_make(client: Client) -> None:
    schedule_id = client.schedule(validTo="2026-03-05")
    client.act(schedule_id, "pause", reason="absence", until="2026-03-04T00:00:00Z")
    looks = client.phoniro.looks(schedule_id, client.now, client.now + timedelta(days=10))
    assert [look.isoformat() for look in looks] == [
        "2026-03-04T01:30:00+00:00",
        "2026-03-04T22:00:00+00:00",
        "2026-03-05T01:30:00+00:00",
        "2026-03-05T22:00:00+00:00",
    ]


def test_supervisions_that_were_due_are_listed_in_order_with_their_outcomes(client: Client) -> None:
    first, second = client.schedule("TK-1-1"), client.schedule("TK-2-1")
    client.now += timedelta(days=1)
    due = datetime(2026, 3, 3, 1, 30, tzinfo=UTC)
    outcome = json.dumps({"scheduleId": second, "dueAt": due.isoformat(), "outcome": "missed"}).encode()
    client.send("POST", "/admin/outcomes", body=outcome, headers={"content-type": "application/json"})
    listed = client.listed(
        "/api/v1/supervisions", limit=3, **{"from": "2026-03-02T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
    )
    assert [one["dueAt"] for one in listed] == ["2026-03-02T22:00:00Z"] * 2 + ["2026-03-03T01:30:00Z"] * 2
    assert {one["scheduleId"]: one["outcome"] for one in listed[2:]} == {first: "ok", second: "missed"}
    assert client.call("GET", "/api/v1/supervisions", to="2027-01-01T00:00:00Z").status == 400


# Lists.


def test_lists_lag_behind_writes_and_reads_by_id_never_do() -> None:
    client = Client(list_lag_seconds=5)
    schedule_id = client.schedule()
    assert client.listed(externalReference="TK-1-1") == []
    assert client.get(schedule_id)["status"] == "active"
    client.now += timedelta(seconds=5)
    assert [one["id"] for one in client.listed(externalReference="TK-1-1")] == [schedule_id]
    client.act(schedule_id, "pause", reason="absence")
    assert [one["status"] for one in client.listed()] == ["active"]
    assert client.get(schedule_id)["status"] == "paused"
    client.now += timedelta(seconds=5)
    assert [one["status"] for one in client.listed()] == ["paused"]


def test_lists_page_by_cursor_through_writes_without_loss_or_repetition(client: Client) -> None:
    ids = [client.schedule(f"TK-1-{number}") for number in range(5)]
    page = client.call("GET", SCHEDULES, limit=2).json()
    client.act(ids[0], "end", endAt="2026-01-01T00:00:00Z", reason="other")
    ids.append(client.schedule("TK-1-late"))
    rest = follow(client, page["nextCursor"])
    assert [one["id"] for one in page["items"] + rest] == ids


def follow(client: Client, cursor: str | None) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while cursor is not None:
        page = client.call("GET", SCHEDULES, limit=2, cursor=cursor).json()
        items += page["items"]
        cursor = page["nextCursor"]
    return items


def test_lists_are_narrowed_by_reference_customer_status_and_time_of_update(client: Client) -> None:
    client.customer("TK-2")
    ended, paused, active = (client.schedule(f"TK-1-{number}") for number in range(3))
    other = client.schedule("TK-2-1", customerExternalId="TK-2", validFrom="2026-05-01")
    client.now += timedelta(minutes=1)
    since = client.now.isoformat()
    client.act(ended, "end", endAt="2026-01-01T00:00:00Z", reason="other")
    client.act(paused, "pause", reason="absence")

    def ids(**query: Any) -> list[str]:
        return [one["id"] for one in client.listed(limit=1, **query)]

    assert ids(externalReference="TK-2-1") == [other]
    assert ids(customerExternalId="TK-2") == [other]
    for _ in range(2):
        assert [ids(status=status) for status in ("planned", "active", "paused", "ended")] == [
            [other],
            [active],
            [paused],
            [ended],
        ]
    assert ids(updatedSince=since) == [ended, paused]
    assert ids(updatedSince=since, status="paused") == [paused]
    assert ids(customerExternalId="TK-2", status="ended") == []


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 501}, {"limit": "x"}, {"status": "dead"}, {"updatedSince": "yesterday"}, {"cursor": "?"}],
    ids=str,
)
def test_a_list_asked_for_wrongly_is_refused(client: Client, query: dict[str, Any]) -> None:
    assert client.call("GET", SCHEDULES, **query).status == 400


def test_a_hundred_thousand_schedules_are_listed_and_read_fast() -> None:
    """Generous bounds: a scan of everything on each page or read would be a hundred times slower."""
    client = Client()
    client.customer()
    new = NewSchedule.model_validate_json(json.dumps(new_schedule("x")))
    for number in range(100_000):
        client.phoniro.add_schedule(new.model_copy(update={"external_reference": f"REF-{number}"}))
    last = client.phoniro.book.all[-1].id
    client.now += timedelta(seconds=1)
    client.act(last, "pause", reason="absence")
    calls: list[Callable[[], Answer]] = [
        lambda: client.call("GET", f"{SCHEDULES}/{last}"),
        lambda: client.call("GET", SCHEDULES, externalReference="REF-99999"),
        lambda: client.call("GET", SCHEDULES, updatedSince=client.now.isoformat()),
        lambda: client.call("GET", SCHEDULES, limit=10, status="active"),
        lambda: client.call("GET", SCHEDULES, limit=10, status="paused"),
        lambda: client.call("GET", SCHEDULES, limit=10, status="ended"),
    ]
    started = time.perf_counter()
    for _ in range(100):
        for call in calls:
            assert call().status == 200
    assert time.perf_counter() - started < 5


# The side door.


def test_somebody_elses_schedule_and_a_change_by_hand_are_seen_through_the_api(client: Client) -> None:
    body = json.dumps({**new_schedule("SOMEBODY-1"), "customerExternalId": "THEIRS"}).encode()
    headers = {"content-type": "application/json"}
    made = client.send("POST", "/admin/schedules", body=body, headers=headers).json()
    client.send("PATCH", f"/admin/schedules/{made['id']}", body=b'{"paused": true}', headers=headers)
    assert [(one["externalReference"], one["status"]) for one in client.listed()] == [("SOMEBODY-1", "paused")]
    told = client.send("GET", f"/admin/schedules/{made['id']}", headers={}).json()
    assert [version["act"] for version in told["history"]] == ["created by somebody else", "changed by hand"]
    assert (told["couldLook"], told["canLook"]) == (False, False)


def test_what_has_ended_stays_ended_even_by_hand(client: Client) -> None:
    schedule_id = client.schedule()
    client.phoniro.change_by_hand(schedule_id, HandChange(endedAt=client.now))
    with pytest.raises(ValueError, match="ended for good"):
        client.phoniro.change_by_hand(schedule_id, HandChange(endedAt=None))


def test_the_log_has_every_request_but_no_secret_and_a_reset_forgets_all(client: Client) -> None:
    schedule_id = client.schedule()
    told = client.send("GET", "/admin/received", headers={})
    assert [(one["method"], one["path"], one["status"]) for one in told.json()["received"]] == [
        ("POST", "/connect/token", 200),
        ("PUT", "/api/v1/customers/TK-1", 201),
        ("POST", SCHEDULES, 201),
    ]
    assert client.token.encode() not in told.body
    assert b"client_secret" not in told.body
    state = client.send("GET", "/admin/state", headers={}).json()
    assert [one["id"] for one in state["schedules"]] == [schedule_id]
    assert client.send("POST", "/admin/reset", headers={}).status == 204
    assert (client.phoniro.received(), client.phoniro.book.all, client.phoniro.customers) == ([], [], {})
    assert client.call("GET", SCHEDULES).status == 401


def test_ids_and_tokens_are_the_same_in_every_run_with_the_same_seed() -> None:
    assert [Client(seed=seed).schedule() for seed in (1, 1)] == [Client(seed=1).schedule()] * 2
    assert Client(seed=1).schedule() != Client(seed=2).schedule()
