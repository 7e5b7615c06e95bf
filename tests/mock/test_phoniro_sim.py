"""The simulated Phoniro keeps the assumed contract. Every answer here is compared with it when its test is over."""

from datetime import timedelta
from typing import Any

import pytest

from connectors.mock.phoniro.schemas import HandChange
from connectors.mock.phoniro.state import EtagStyle
from tests.mock.phoniro_client import NIGHTLY, SCHEDULES, Client, new_schedule

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
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_token_works_until_it_runs_out() -> None:
    client = Client(token_seconds=3600)
    client.now += timedelta(seconds=3599)
    assert client.call("GET", "/api/v1/organisations").status_code == 200
    client.now += timedelta(seconds=1)
    assert client.call("GET", "/api/v1/organisations").status_code == 401
    client.log_in()
    assert client.call("GET", "/api/v1/organisations").status_code == 200


def test_a_revoked_token_is_refused_at_once_and_nothing_happens(client: Client) -> None:
    client.customer()
    assert client.admin("revoke_tokens") == 1
    answer = client.create()
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert client.phoniro.schedules == []


# Customers.


def test_a_customer_is_created_then_replaced_whole(client: Client) -> None:
    assert client.customer(firstName="Test", phone="0701740605").status_code == 201
    assert client.customer(firstName="Testa").status_code == 200
    kept = client.call("GET", "/api/v1/customers/TK-1").json()
    assert (kept["firstName"], kept["phone"]) == ("Testa", None)


def test_a_protected_customer_with_anything_personal_is_refused_and_the_value_not_repeated(client: Client) -> None:
    answer = client.customer(protectedIdentity=True, city="Hemligstad")
    assert answer.status_code == 422
    assert "city" in answer.json()["detail"]
    assert b"Hemligstad" not in answer.content
    assert client.customer(protectedIdentity=True, city=None).status_code == 201


def test_a_personal_identity_number_is_never_an_external_id(client: Client) -> None:
    assert client.customer("19900101TF03").status_code == 422


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
    assert (again.status_code, again.json()["existingId"]) == (409, schedule_id)


WRONG_CUSTOMERS: list[dict[str, Any]] = [
    {"externalId": "TK-2"},
    {"organisationId": "nowhere"},
    {"personalIdentityNumber": "19900101-TF03"},
    {"protectedIdentity": None},
    {"nickname": "T"},
]
WRONG_SCHEDULES: list[dict[str, Any]] = [
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
]
WRONG_PATCHES: list[dict[str, Any]] = [
    {"validTo": "2026-03-01"},
    {"validFrom": None},
    {"rules": None},
    {"toleranceMinutes": None},
    {"retryAfterMinutes": 0},
    {"status": "ended"},
    {"externalReference": "x"},
]
WRONG_ACTS: list[tuple[str, dict[str, Any]]] = [
    ("end", {"reason": "other"}),
    ("end", {"endAt": "2026-03-02T20:00:00", "reason": "other"}),
    ("end", {"endAt": "2026-03-02T20:00:00Z", "reason": "absence"}),
    ("pause", {}),
    ("pause", {"reason": "moved"}),
    ("pause", {"reason": "absence", "until": "2026-03-02"}),
]


@pytest.mark.parametrize("wrong", WRONG_CUSTOMERS, ids=str)
def test_a_customer_that_the_contract_rules_out_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    assert client.call("PUT", "/api/v1/customers/TK-1", wrong | {"externalId": "x"}).status_code == 422
    body = {"externalId": "TK-1", "organisationId": "hemtjanst-norr", "protectedIdentity": False, **wrong}
    assert client.call("PUT", "/api/v1/customers/TK-1", body).status_code == 422
    assert client.call("GET", "/api/v1/customers/TK-1").status_code == 404


@pytest.mark.parametrize("wrong", WRONG_SCHEDULES, ids=str)
def test_a_schedule_that_the_contract_rules_out_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    client.customer()
    assert client.create(**wrong).status_code == 422
    assert client.phoniro.schedules == []


@pytest.mark.parametrize(("act", "wrong"), [*(("patch", wrong) for wrong in WRONG_PATCHES), *WRONG_ACTS], ids=str)
def test_a_change_that_the_contract_rules_out_is_refused(client: Client, act: str, wrong: dict[str, Any]) -> None:
    schedule_id = client.schedule()
    if act == "patch":
        answer = client.call("PATCH", f"{SCHEDULES}/{schedule_id}", wrong, etag="*")
    else:
        answer = client.act(schedule_id, act, **wrong)
    assert answer.status_code == 422
    assert len(client.phoniro.schedule(schedule_id).versions) == 1


def test_twelve_times_and_one_day_are_within_the_contract(client: Client) -> None:
    rules = [{"weekdays": ["mon"], "times": [f"{hour:02}:00" for hour in range(12)]}]
    client.schedule(rules=rules, validTo="2026-03-02", toleranceMinutes=0, cameraId="C-1")


def test_what_is_no_json_is_told_apart_from_what_is_wrong_json(client: Client) -> None:
    headers = {"authorization": f"Bearer {client.token}", "content-type": "application/json"}
    assert client.send("POST", SCHEDULES, content=b"{", headers=headers).status_code == 400
    assert (
        client.send("POST", SCHEDULES, content=b"{}", headers={**headers, "content-type": "text/plain"}).status_code
        == 415
    )
    assert client.send("POST", SCHEDULES, content=b"[]", headers=headers).status_code == 422


# Changing schedules.


def test_a_patch_changes_only_what_it_names_and_null_opens_the_end(client: Client) -> None:
    schedule_id = client.schedule(validTo="2026-04-01", cameraId="C-1")
    changed = client.call(
        "PATCH", f"{SCHEDULES}/{schedule_id}", {"validTo": None, "cameraId": "C-2", "toleranceMinutes": 20}, etag='"1"'
    )
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    kept = client.get(schedule_id)
    assert (kept["toleranceMinutes"], kept["retryAfterMinutes"]) == (20, 15)
    assert (kept["validTo"], kept["cameraId"], kept["validFrom"], kept["rules"]) == (
        None,
        "C-2",
        "2026-03-02",
        NIGHTLY,
    )


def test_a_patch_needs_the_version_that_stands(client: Client) -> None:
    path = f"{SCHEDULES}/{client.schedule()}"
    assert client.call("PATCH", path, {"validTo": "2026-04-01"}).status_code == 428
    assert client.call("PATCH", path, {"validTo": "2026-04-01"}, etag='"7"').status_code == 412
    assert client.call("PATCH", path, {"validTo": "2026-04-01"}, etag='"1"').status_code == 200
    assert client.call("PATCH", path, {"validTo": "2026-05-01"}, etag='"1"').status_code == 412


@pytest.mark.parametrize(("style", "etag"), [("weak", 'W/"1"'), ("suffixed", '"1-gzip"')])
def test_pa1_a_compressing_proxy_spoils_the_etag_for_who_accepts_a_coding(
    client: Client, style: EtagStyle, etag: str
) -> None:
    path = f"{SCHEDULES}/{client.schedule()}"
    client.phoniro.etag_style = style
    coded = {"authorization": f"Bearer {client.token}", "accept-encoding": "gzip, deflate"}
    assert client.send("GET", path, headers=coded).headers["etag"] == etag
    assert client.call("PATCH", path, {"cameraId": "C"}, etag=etag).status_code == 412
    assert client.call("GET", path).headers["etag"] == '"1"'
    assert client.call("PATCH", path, {"cameraId": "C"}, etag='"1"').status_code == 200


def test_an_unknown_schedule_is_not_found_by_any_call(client: Client) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    answers = [
        client.call("GET", f"{SCHEDULES}/{unknown}"),
        client.call("PATCH", f"{SCHEDULES}/{unknown}", {}, etag="*"),
        *(client.act(unknown, act, reason="other", endAt="2026-01-01T00:00:00Z") for act in ("end", "pause", "resume")),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5


# Lists.


def test_lists_lag_behind_writes_and_reads_by_id_never_do(client: Client) -> None:
    client.phoniro.list_lag_seconds = 5
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
    rest = client.listed(limit=2, cursor=page["nextCursor"])
    assert [one["id"] for one in page["items"] + rest] == ids


def test_a_list_is_narrowed_by_reference(client: Client) -> None:
    _, second = client.schedule("TK-1-1"), client.schedule("TK-1-2")
    assert [one["id"] for one in client.listed(limit=1, externalReference="TK-1-2")] == [second]


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 501}, {"limit": "x"}, {"cursor": "?"}],
    ids=str,
)
def test_a_list_asked_for_wrongly_is_refused(client: Client, query: dict[str, Any]) -> None:
    assert client.call("GET", SCHEDULES, **query).status_code == 400


# The side door.


def test_somebody_elses_schedule_and_a_change_by_hand_are_seen_through_the_api(client: Client) -> None:
    made = client.admin("add_schedule", new={**new_schedule("SOMEBODY-1"), "customerExternalId": "THEIRS"})
    client.admin("change_by_hand", schedule_id=made["id"], change={"paused": True})
    assert [(one["externalReference"], one["status"]) for one in client.listed()] == [("SOMEBODY-1", "paused")]
    (told,) = client.send("GET", "/admin/state").json()["schedules"]
    assert [version["act"] for version in told["history"]] == ["created by somebody else", "changed by hand"]
    assert told["canLook"] is False


def test_what_has_ended_stays_ended_even_by_hand(client: Client) -> None:
    schedule_id = client.schedule()
    client.phoniro.change_by_hand(schedule_id, HandChange(endedAt=client.now))
    with pytest.raises(ValueError, match="ended for good"):
        client.phoniro.change_by_hand(schedule_id, HandChange(endedAt=None))


def test_the_log_has_every_request_and_a_reset_forgets_all(client: Client) -> None:
    client.schedule()
    assert [(one.path, one.status) for one in client.phoniro.received()] == [
        ("/connect/token", 200),
        ("/api/v1/customers/TK-1", 201),
        (SCHEDULES, 201),
    ]
    client.admin("reset")
    assert (client.phoniro.received(), client.phoniro.schedules, client.phoniro.customers) == ([], [], {})
    assert client.call("GET", SCHEDULES).status_code == 401


def test_ids_and_tokens_are_the_same_in_every_run_with_the_same_seed() -> None:
    assert [Client(seed=seed).schedule() for seed in (1, 1)] == [Client(seed=1).schedule()] * 2
    assert Client(seed=1).schedule() != Client(seed=2).schedule()
