"""The simulated Lifecare refuses, pages and feeds like the live gateway (L1 to L16)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from connectors.mock.lifecare.simulator import BASE, DEFAULT_DOMAIN, DEFAULT_KEY, SimulatedLifecare
from tests.mock.lifecare_client import ACCESS, API, TF03, TF04, get, rows

Q_ANY = f"PersonId='{TF03}'"


class Now:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.value = datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.value

    def passes(self, **duration: float) -> None:
        self.value += timedelta(**duration)


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def lifecare(now: Now) -> SimulatedLifecare:
    simulated = SimulatedLifecare(now)
    simulated.settings.empty_list = "[]"
    return simulated


def ids(answer: httpx.Response) -> list[Any]:
    return [row["Id"] for row in rows(answer)]


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
def test_l1_a_key_carried_twice_is_ambiguous_even_when_the_copies_agree(
    lifecare: SimulatedLifecare, header: str
) -> None:
    asked = httpx.Request("GET", f"{API}/v1/orders", params=ACCESS, headers={header: DEFAULT_KEY})
    answer = lifecare.handle(asked)
    assert answer.status_code == 400
    assert answer.json()["Message"].startswith("Invalid argument: key. Ambiguous API key, ")


@pytest.mark.parametrize("missing", ["domain", "key"])
def test_l1_domain_and_key_are_required(lifecare: SimulatedLifecare, missing: str) -> None:
    answer = get(lifecare, "orders", **{missing: ""})
    assert answer.status_code == 400
    assert missing in answer.json()["Message"]


def test_l2_a_raw_plus_in_the_key_arrives_as_a_space_and_is_refused(lifecare: SimulatedLifecare) -> None:
    assert "+" in DEFAULT_KEY
    encoded = quote(DEFAULT_KEY, safe="")
    for key, status in ((encoded, 200), (DEFAULT_KEY, 401), (quote(encoded, safe=""), 401)):
        asked = httpx.Request("GET", f"{API}/v1/orders?domain={DEFAULT_DOMAIN}&key={key}")
        assert lifecare.handle(asked).status_code == status


@pytest.mark.parametrize(
    ("q", "message"),
    [
        (f"PersonId:{TF03}", "Invalid query format"),
        (f"PersonId={TF03}", "Condition value must be surrounded by single quotes"),
        (f"PersonId='{TF03}' or Id='1'", "Invalid query format"),
        (f"PersonId='{TF03}'and Id='1'", "Invalid query format"),
        (f"PersonId='{TF03}' and", "Invalid query format"),
        (f"PersonId='{TF03}", "Condition value must be surrounded by single quotes"),
        ("", None),
    ],
)
def test_l5_a_malformed_q_is_refused_with_the_observed_message(
    lifecare: SimulatedLifecare, q: str, message: str | None
) -> None:
    answer = get(lifecare, "orders", q=q)
    assert (answer.status_code, message) == (200, None) or answer.json() == {"Message": message}


@pytest.mark.parametrize(
    ("resource", "q"),
    [
        ("orders", "Status='Sent'"),
        ("orders", "UpdateTime='2026-03-02T00:00:00'"),
        ("orders", "PersonId='900101-TF03'"),
        ("executions", "Id='abc'"),
        ("clients", "FullName='Test Person'"),
        ("documentations", "CreatedTime='2026-03-02'"),
    ],
)
def test_l6_only_searchable_fields_in_their_own_format_may_be_asked_for(
    lifecare: SimulatedLifecare, resource: str, q: str
) -> None:
    assert get(lifecare, resource, q=q).status_code == 400


def test_l6_a_date_is_compared_as_the_calendar_date_of_the_servers_own_zone(
    lifecare: SimulatedLifecare, now: Now
) -> None:
    now.passes(hours=11)  # 23:00 UTC is the next day in Stockholm
    order = lifecare.order(TF03).order_id
    assert ids(get(lifecare, "orders", q="UpdateTime='2026-03-03'")) == [order]
    assert rows(get(lifecare, "orders", q="UpdateTime='2026-03-02'")) == []
    assert ids(get(lifecare, "orders", q="StartDate='2026-03-03'")) == [order]


def test_la1_conditions_must_all_hold_and_doubled_quotes_are_one(lifecare: SimulatedLifecare) -> None:
    lifecare.seed_person(TF03, last_name="O'Test and Son")
    lifecare.seed_person(TF04)
    assert len(rows(get(lifecare, "clients", q="LastName='O''Test and Son' and Active='true'"))) == 1
    assert rows(get(lifecare, "clients", q=f"LastName='O''Test and Son' and PersonId='{TF04}'")) == []


def test_searches_reach_into_codes(lifecare: SimulatedLifecare) -> None:
    camera, alarm = lifecare.order(TF03), lifecare.order(TF03, "alarm")
    found = rows(get(lifecare, "ordered_services", q=f"OrderId='{alarm.order_id}' and ServiceType.Code='4110'"))
    assert [row["DecisionId"] for row in found] == [alarm.decision_id]
    assert rows(get(lifecare, "ordered_services", q=f"OrderId='{camera.order_id}' and ServiceType.Code='4110'")) == []


def test_l7_orders_have_no_change_feed(lifecare: SimulatedLifecare) -> None:
    order = lifecare.order(TF03).order_id
    assert ids(get(lifecare, "orders", gt="2030-01-01T00:00:00")) == [order]


Change = Callable[[SimulatedLifecare], tuple[str, Any]]
FEEDS: list[Change] = [
    lambda it: ("sol_decisions", it.order(TF03).decision_id),
    lambda it: ("executions", it.start_execution(it.order(TF03).order_id)),
    lambda it: ("client_absences", it.absence(TF03, date(2026, 3, 4))),
    lambda it: ("clients", (it.seed_person(TF03), TF03)[1]),
]


@pytest.mark.parametrize("make", FEEDS)
def test_l7_a_change_feed_tells_changes_between_its_bounds_and_deletions(
    lifecare: SimulatedLifecare, now: Now, make: Change
) -> None:
    resource, key = make(lifecare)
    assert len(rows(get(lifecare, resource, gt="2026-03-02T12:00:00"))) == 1
    assert rows(get(lifecare, resource, gt="2026-03-02T12:00:01")) == []
    assert rows(get(lifecare, resource, gt="2026-03-01T00:00:00", lt="2026-03-02T12:00:00")) == []

    now.passes(hours=1)
    lifecare.delete(resource, key)
    assert rows(get(lifecare, resource)) == []
    assert get(lifecare, f"{resource}/{key}").status_code == 404
    assert [row["Deleted"] for row in rows(get(lifecare, resource, gt="2026-03-02T12:30:00"))] == [True]
    assert rows(get(lifecare, resource, lt="2026-03-02T12:30:00")) == []


def test_l7_what_vanished_is_told_by_no_feed(lifecare: SimulatedLifecare) -> None:
    decision = lifecare.order(TF03).decision_id
    lifecare.vanish("sol_decisions", decision)
    assert rows(get(lifecare, "sol_decisions", gt="2020-01-01T00:00:00")) == []


@pytest.mark.parametrize("gt", ["2020-01-01T00:00", "2020-01-01", "2020-01-01T00:00:00Z", "2020-02-30T00:00:00"])
def test_l16_an_instant_is_given_with_seconds_and_nothing_more(lifecare: SimulatedLifecare, gt: str) -> None:
    assert get(lifecare, "executions", gt=gt).status_code == 400


def test_l8_a_page_is_never_longer_than_the_cap(lifecare: SimulatedLifecare) -> None:
    lifecare.settings.page_cap = 3
    made = [lifecare.order(TF03).order_id for _ in range(7)]
    pages = [ids(get(lifecare, "orders", q=Q_ANY, limit="500", offset=str(at))) for at in (0, 3, 6, 9)]
    assert pages == [made[:3], made[3:6], made[6:], []]
    assert get(lifecare, "orders", limit="0").status_code == 400


@pytest.mark.parametrize(("by", "second"), [(1, [3, 4]), (-1, [1, 2])])
def test_l8_rows_shift_between_pages(lifecare: SimulatedLifecare, by: int, second: list[int]) -> None:
    made = [lifecare.order(TF03).order_id for _ in range(5)]
    lifecare.shift_rows(by)
    assert ids(get(lifecare, "orders", limit="2")) == made[:2]
    assert ids(get(lifecare, "orders", limit="2", offset="2")) == [made[at] for at in second]
    assert ids(get(lifecare, "orders", limit="2", offset="2")) == made[2:4]


def test_l9_errors_come_in_all_four_shapes_and_another_seed_begins_with_another(now: Now) -> None:
    def four(seed: int) -> list[bytes]:
        lifecare = SimulatedLifecare(now, seed=seed)
        return [get(lifecare, "sol_decisions/1").content[:10] for _ in range(4)]

    assert four(0) == [b'{"Message"', b'"There is ', b"", b"<!DOCTYPE "]
    assert four(1) == [*four(0)[1:], four(0)[0]]


def test_l13_messages_name_the_person_and_a_page_shows_the_whole_url(lifecare: SimulatedLifecare) -> None:
    texts = [get(lifecare, f"clients/{TF03}", q=Q_ANY).text for _ in range(4)]
    assert sum("19900101-TF03" in text for text in texts) == 3, "one has no text at all"
    (page,) = [text for text in texts if f"key={quote(DEFAULT_KEY, safe='')}" in text]
    assert f"%27{TF03}%27" in page


def test_l10_an_empty_list_answers_404_or_nothing(lifecare: SimulatedLifecare) -> None:
    def statuses() -> list[int]:
        return [get(lifecare, "orders", q=Q_ANY).status_code for _ in range(4)]

    assert statuses() == [200] * 4
    lifecare.settings.empty_list = "404"
    assert statuses() == [404] * 4
    lifecare.settings.empty_list = "mixed"
    assert sorted(statuses()) == [200, 200, 404, 404]


def test_l11_reading_by_id_serves_anyone(lifecare: SimulatedLifecare) -> None:
    mine, other = lifecare.order(TF03), lifecare.order(TF04)
    assert [get(lifecare, f"orders/{it.order_id}").json()["PersonId"] for it in (mine, other)] == [TF03, TF04]


def test_l12_a_missing_licence_is_401_on_that_resource_alone(lifecare: SimulatedLifecare) -> None:
    lifecare.settings.unlicensed = {"client_absences", "provider_notes"}
    assert get(lifecare, "client_absences").status_code == 401
    assert get(lifecare, "client_absences/1").status_code == 401
    assert get(lifecare, "orders").status_code == 200
    assert get(lifecare, "orders", domain="1234").status_code == 403


def test_l14_one_calendar_date_comes_in_many_shapes_and_one_instant_stays_one(
    lifecare: SimulatedLifecare, now: Now
) -> None:
    for _ in range(60):
        lifecare.start_execution(lifecare.order(TF03).order_id, start=date(2026, 1, 31))
    found = rows(get(lifecare, "executions", q=Q_ANY))
    assert len({row["StartDate"] for row in found}) == 6
    assert {row["StartDate"][:10] for row in found} == {"2026-01-31"}
    assert len({row["UpdateTime"] for row in found}) == 4
    assert {datetime.fromisoformat(row["UpdateTime"]) for row in found} == {now()}


def test_l15_an_open_end_comes_in_four_shapes(lifecare: SimulatedLifecare) -> None:
    for _ in range(60):
        lifecare.order(TF03)
    ends = {row.get("ToDate", "absent") for row in rows(get(lifecare, "sol_decisions", q=Q_ANY))}
    assert ends == {None, "absent", "0001-01-01T00:00:00", "9999-12-31T00:00:00"}


def test_a_row_reads_alike_until_it_changes(lifecare: SimulatedLifecare) -> None:
    order = lifecare.order(TF03, decision_end=date(2026, 6, 30))
    seen = [get(lifecare, f"sol_decisions/{order.decision_id}").content for _ in range(3)]
    assert len(set(seen)) == 1
    lifecare.decision_end(order.decision_id, date(2026, 5, 31))
    assert get(lifecare, f"sol_decisions/{order.decision_id}").json()["ToDate"][:10] == "2026-05-31"


def test_la9_an_invisible_client_is_in_no_list_feed_or_answer_while_the_orders_stay(
    lifecare: SimulatedLifecare,
) -> None:
    lifecare.seed_person(TF03)
    order = lifecare.order(TF03).order_id
    lifecare.protect(TF03, "invisible")
    assert get(lifecare, f"clients/{TF03}").status_code == 404
    assert rows(get(lifecare, "clients", q=Q_ANY)) == []
    assert rows(get(lifecare, "clients", gt="2020-01-01T00:00:00")) == []
    assert ids(get(lifecare, "orders", q=Q_ANY)) == [order]
    lifecare.protect(TF03, "none")
    assert get(lifecare, f"clients/{TF03}").json()["IsConfidential"] is False


def test_the_date_header_is_the_servers_own_clock(lifecare: SimulatedLifecare, now: Now) -> None:
    lifecare.settings.skew_seconds = -90
    header = get(lifecare, "orders").headers["date"]
    assert parsedate_to_datetime(header) == now().replace(microsecond=0) - timedelta(seconds=90)


def test_the_log_holds_every_request_without_the_key(lifecare: SimulatedLifecare, now: Now) -> None:
    get(lifecare, "orders", q=Q_ANY)
    get(lifecare, "nothing_here")
    first, second = lifecare.received()
    assert (first.method, first.resource, first.query, first.status) == ("GET", "orders", {"q": Q_ANY}, 200)
    assert first.at == now()
    assert (second.path, second.status) == (f"{BASE}/api/v1/nothing_here", 404)
