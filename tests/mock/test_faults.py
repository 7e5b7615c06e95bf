"""The fault plan does exactly what its rule says to a request, and nothing to other requests."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.mock.faults import Kind, Rule
from connectors.mock.routing import Cut, json_answer
from connectors.mock.vendor import SimulatedVendor

START = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


class Vendor(SimulatedVendor):
    """A vendor that counts its effects, with a clock that the test moves."""

    def __init__(self) -> None:
        self.now, self.done = START, list[str]()
        super().__init__(lambda: self.now)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.done.append(request.url.path)
        return json_answer({"done": len(self.done)}, 201)

    def post(self, path: str = "/things", body: object = None) -> httpx.Response:
        return self.ask("POST", path, json=body)

    def ask(self, method: str, path: str, **what: Any) -> httpx.Response:
        return self.handle(httpx.Request(method, f"http://vendor{path}", **what))


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


GARBAGE = (200, "text/html; charset=utf-8", b"<!DOCTYPE html>")
SCHEMA = (200, "application/json; charset=utf-8", b'{"unexpected":[')
OUR_OWN = (502, "text/plain", b"bad gateway")
VENDORS = (201, "application/json; charset=utf-8", b'{"done":')


@pytest.mark.parametrize(
    ("kind", "effects", "told"),
    [
        (None, 1, VENDORS),
        (Kind.STATUS_BEFORE, 0, OUR_OWN),
        (Kind.STATUS_AFTER, 1, OUR_OWN),
        (Kind.CUT_BEFORE, 0, None),
        (Kind.CUT_AFTER, 1, None),
        (Kind.GARBAGE, 1, GARBAGE),
        (Kind.WRONG_SCHEMA, 1, SCHEMA),
        (Kind.EMPTY, 1, (200, "application/json; charset=utf-8", b"")),
        (Kind.DUPLICATE, 2, VENDORS),
        (Kind.DELAY, 1, VENDORS),
    ],
)
def test_a_fault_spoils_the_answer_before_or_after_the_effect(
    vendor: Vendor, kind: Kind | None, effects: int, told: tuple[int, str, bytes] | None
) -> None:
    """A delay is returned with the answer or the cut. Nothing sleeps."""
    if kind is not None:
        vendor.faults.add(Rule(kind=kind, status=502, body="bad gateway", content_type="text/plain", delay=3600))
    if told is None:
        with pytest.raises(Cut) as cut:
            vendor.post()
        assert cut.value.delay == 3600
    else:
        answer = vendor.post()
        status, content_type, begin = told
        assert (answer.status_code, answer.headers["content-type"]) == (status, content_type)
        assert answer.content.startswith(begin)
        assert bool(answer.content) == bool(begin)
        assert answer.extensions.get("delay") == (3600 if kind else None)
    assert len(vendor.done) == effects


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ({"retry_after": 30}, "30"),
        ({"retry_after": 90, "retry_after_as_date": True}, "Mon, 02 Mar 2026 20:01:30 GMT"),
        *(({"retry_after": odd}, odd) for odd in ("3600000", "-5", "Thu, 01 Jan 1970 00:00:00 GMT", "soon")),
    ],
)
def test_pa2_retry_after_can_be_seconds_a_date_or_anything(vendor: Vendor, given: dict[str, Any], header: str) -> None:
    vendor.faults.add(Rule(kind=Kind.STATUS_BEFORE, status=429, **given))
    assert vendor.post().headers["retry-after"] == header


@pytest.mark.parametrize("cut", [False, True])
def test_a_late_effect_answers_now_and_happens_when_its_time_has_come(vendor: Vendor, cut: bool) -> None:
    vendor.faults.add(Rule(kind=Kind.LATE_EFFECT, seconds=60, cut=cut))
    if cut:
        with pytest.raises(Cut):
            vendor.post()
    else:
        assert vendor.post().status_code == 504
    vendor.faults.clear()
    vendor.now += timedelta(seconds=59)
    assert (vendor.faults.tick(), vendor.done) == (0, [])
    vendor.now += timedelta(seconds=1)
    assert (vendor.faults.tick(), vendor.done) == (1, ["/things"])
    assert vendor.faults.tick() == 0


def test_late_effects_happen_in_the_order_of_their_times_and_before_the_next_request(vendor: Vendor) -> None:
    vendor.faults.add(Rule(kind=Kind.LATE_EFFECT, path="/slow", seconds=60))
    vendor.faults.add(Rule(kind=Kind.LATE_EFFECT, path="/less-slow", seconds=30))
    vendor.post("/slow")
    vendor.post("/less-slow")
    vendor.now += timedelta(seconds=61)
    vendor.post("/next")
    assert vendor.done == ["/less-slow", "/slow", "/next"]


def test_a_rule_lets_the_first_through_and_then_hits_so_many(vendor: Vendor) -> None:
    vendor.faults.add(Rule(kind=Kind.STATUS_BEFORE, skip=1, times=2))
    assert [vendor.post().status_code for _ in range(5)] == [201, 503, 503, 201, 201]
    assert [(hit.kind, hit.path) for hit in vendor.faults.hits] == [(Kind.STATUS_BEFORE, "/things")] * 2


def test_a_rule_without_times_hits_until_it_is_removed(vendor: Vendor) -> None:
    rule_id = vendor.faults.add(Rule(kind=Kind.STATUS_BEFORE, times=None))
    assert {vendor.post().status_code for _ in range(50)} == {503}
    assert vendor.faults.remove(rule_id)
    assert vendor.post().status_code == 201


def test_a_rule_hits_only_its_method_path_and_pattern(vendor: Vendor) -> None:
    vendor.faults.add(Rule(kind=Kind.STATUS_BEFORE, method="GET", times=None))
    vendor.faults.add(Rule(kind=Kind.STATUS_BEFORE, path="/other", times=None))
    vendor.faults.add(Rule(kind=Kind.STATUS_BEFORE, pattern=r"things\?.*x=1", times=None))
    assert vendor.post().status_code == 201
    assert vendor.ask("GET", "/things").status_code == 503
    assert vendor.post("/other/thing").status_code == 503
    assert vendor.post("/things?y=2&x=1").status_code == 503


def test_rules_are_managed_over_the_admin_path_which_is_never_faulted(vendor: Vendor) -> None:
    made = vendor.post("/admin/acts/add_fault", {"rule": {"kind": "status_before", "times": None}}).json()["result"]
    assert vendor.post().status_code == 503
    assert vendor.ask("GET", "/admin/acts").status_code == 200
    listed = vendor.ask("GET", "/admin/faults").json()
    assert [(rule["id"], rule["kind"], rule["hits"]) for rule in listed["rules"]] == [(made, "status_before", 1)]
    removed = [vendor.post("/admin/acts/remove_fault", {"rule_id": n}).json()["result"] for n in (99, made)]
    assert (removed, vendor.post().status_code) == ([False, True], 201)


def test_a_rule_that_is_none_is_refused_with_the_field_that_is_wrong(vendor: Vendor) -> None:
    answer = vendor.post("/admin/acts/add_fault", {"rule": {"kind": "earthquake", "tims": 3, "pattern": "("}})
    assert answer.status_code == 400
    assert all(field in answer.text for field in ("kind", "tims", "pattern")), answer.text


def test_a_reset_of_the_vendor_resets_its_faults_and_what_is_under_way(vendor: Vendor) -> None:
    vendor.faults.add(Rule(kind=Kind.LATE_EFFECT, times=None, seconds=5))
    vendor.post()
    vendor.post("/admin/acts/reset")
    vendor.now += timedelta(seconds=10)
    assert vendor.post().status_code == 201
    assert vendor.done == ["/things"]
