"""The simulated Phoniro tells the truth about who can look, whatever the status says."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.mock.phoniro.schemas import SetOutcome
from tests.mock.phoniro_client import SCHEDULES, Client

# Status, and who can look.


def test_a_schedule_is_planned_before_its_first_local_day(client: Client) -> None:
    schedule_id = client.schedule(validFrom="2026-03-03")
    midnight = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
    assert client.get(schedule_id)["status"] == "planned"
    assert not client.phoniro.schedule(schedule_id).now.can_look(midnight - timedelta(seconds=1))
    client.now = midnight
    assert client.get(schedule_id)["status"] == "active"
    assert client.phoniro.schedule(schedule_id).now.can_look(midnight)


def test_after_the_last_local_day_nobody_can_look_though_the_status_says_active(client: Client) -> None:
    schedule_id = client.schedule(validTo="2026-03-04")
    client.now = datetime(2026, 3, 4, 22, 59, 59, tzinfo=UTC)
    assert client.phoniro.schedule(schedule_id).now.can_look(client.now)
    client.now += timedelta(seconds=1)
    assert not client.phoniro.schedule(schedule_id).now.can_look(client.now)
    assert client.get(schedule_id)["status"] == "active"


def test_an_end_in_the_past_is_now_and_ending_again_changes_nothing(client: Client) -> None:
    schedule_id = client.schedule()
    ended = client.act(schedule_id, "end", endAt="2020-01-01T00:00:00+01:00", reason="deceased")
    assert (ended.json()["status"], ended.json()["endedAt"]) == ("ended", "2026-03-02T19:00:00Z")
    client.now += timedelta(hours=1)
    again = client.act(schedule_id, "end", endAt="2026-04-01T00:00:00Z", reason="other")
    assert (again.status_code, again.json()) == (200, ended.json())
    assert again.headers["etag"] == ended.headers["etag"]


def test_an_end_to_come_ends_by_itself_at_its_instant(client: Client) -> None:
    schedule_id = client.schedule()
    client.act(schedule_id, "end", endAt="2026-03-03T08:00:00+01:00", reason="decision_ended")
    end = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    assert client.get(schedule_id)["status"] == "active"
    assert client.phoniro.schedule(schedule_id).now.can_look(end - timedelta(seconds=1))
    assert not client.phoniro.schedule(schedule_id).now.can_look(end)
    client.now = end
    assert client.get(schedule_id)["status"] == "ended"


def test_a_pause_is_over_by_itself_and_a_second_one_replaces_it(client: Client) -> None:
    schedule_id = client.schedule()
    client.act(schedule_id, "pause", reason="absence", until="2026-03-02T22:00:00+01:00")
    paused = client.act(schedule_id, "pause", reason="equipment", until="2026-03-02T20:30:00+01:00").json()
    assert (paused["status"], paused["pausedUntil"]) == ("paused", "2026-03-02T19:30:00Z")
    assert client.phoniro.schedule(schedule_id).versions[-1].pause_reason == "equipment"
    client.now += timedelta(minutes=30)
    resumed = client.get(schedule_id)
    assert (resumed["status"], resumed["pausedUntil"]) == ("active", None)


def test_a_pause_without_end_lasts_until_it_is_resumed_and_resuming_twice_is_fine(client: Client) -> None:
    schedule_id = client.schedule()
    client.act(schedule_id, "pause", reason="consent_withdrawn")
    assert not client.phoniro.schedule(schedule_id).now.can_look(client.now + timedelta(days=400))
    assert client.act(schedule_id, "resume").json()["status"] == "active"
    again = client.act(schedule_id, "resume")
    assert (again.status_code, again.headers["etag"]) == (200, '"3"')


def test_an_ended_schedule_is_in_conflict_with_every_change(client: Client) -> None:
    schedule_id = client.schedule()
    client.act(schedule_id, "pause", reason="absence")
    client.act(schedule_id, "end", endAt="2026-01-01T00:00:00Z", reason="other")
    assert client.act(schedule_id, "pause", reason="absence").status_code == 409
    assert client.act(schedule_id, "resume").status_code == 409
    assert client.call("PATCH", f"{SCHEDULES}/{schedule_id}", {"cameraId": "C"}, etag="*").status_code == 409
    assert client.get(schedule_id)["status"] == "ended"


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
    schedule = client.phoniro.schedule(schedule_id)
    could = [schedule.could_look(start + timedelta(minutes=30 * half)) for half in range(-1, 12)]
    assert could == [False, True, True, False, False, True, True, False, True, True, True, False, False]
    assert [version.act for version in schedule.versions] == [
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
    schedule = client.phoniro.schedule(client.schedule(rules=rules))
    spring = schedule.looks(datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC))
    autumn = schedule.looks(datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC))
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
    """A schedule changes at random around the night that loses an hour. Its history alone says who could look when."""
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
        if clocks & times and client.phoniro.schedule(schedule_id).could_look(moment):
            expected.append(moment)
    assert list(client.phoniro.schedule(schedule_id).looks(SPRING, SPRING + timedelta(hours=72))) == expected


HALF = timedelta(minutes=30)


def test_pa4_a_supervision_is_pending_then_has_its_outcome_and_can_be_corrected(client: Client) -> None:
    spoiled, whole = client.schedule("TK-1-1"), client.schedule("TK-2-1")
    client.phoniro.outcome_after_seconds = 300
    due = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
    client.phoniro.set_outcome(SetOutcome(scheduleId=spoiled, dueAt=due, outcome="missed", toldAt=due + 2 * HALF))
    client.phoniro.set_outcome(SetOutcome(scheduleId=spoiled, dueAt=due, outcome="ok", toldAt=due + 3 * HALF))
    seen: dict[str, list[str]] = {spoiled: [], whole: []}
    for halves in range(4):
        client.now = due + halves * HALF
        for told in client.listed("/api/v1/supervisions", **{"from": due.isoformat(), "to": (due + HALF).isoformat()}):
            seen[told["scheduleId"]].append(told["outcome"])
    assert seen == {spoiled: ["pending", "pending", "missed", "ok"], whole: ["pending", "ok", "ok", "ok"]}


def test_supervisions_that_were_due_are_listed_in_order_with_their_outcomes(client: Client) -> None:
    first, second = client.schedule("TK-1-1"), client.schedule("TK-2-1")
    client.now += timedelta(days=1)
    due = datetime(2026, 3, 3, 1, 30, tzinfo=UTC)
    client.admin("set_outcome", outcome={"scheduleId": second, "dueAt": due.isoformat(), "outcome": "missed"})
    listed = client.listed(
        "/api/v1/supervisions", limit=3, **{"from": "2026-03-02T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
    )
    assert [one["dueAt"] for one in listed] == ["2026-03-02T22:00:00Z"] * 2 + ["2026-03-03T01:30:00Z"] * 2
    assert {one["scheduleId"]: one["outcome"] for one in listed[2:]} == {first: "ok", second: "missed"}
    assert client.call("GET", "/api/v1/supervisions", to="2027-01-01T00:00:00Z").status_code == 400


def test_it_lives_its_nights_by_itself_by_shares_and_the_same_in_every_run(client: Client) -> None:
    plan = {"missed": 0.2, "corrected": 0.2, "second": 0.1, "visit": 0.1, "late": 0.1, "unlisted": 0.1, "offline": 0.05}
    client.schedule()
    client.admin("set_nights", plan=plan)
    client.now += timedelta(days=60)
    span = {"from": "2026-03-02T00:00:00Z", "to": "2026-05-01T00:00:00Z"}
    listed = client.listed("/api/v1/supervisions", limit=500, **span)
    assert listed == client.listed("/api/v1/supervisions", limit=500, **span)
    due = len(list(client.phoniro.schedules[0].looks(datetime(2026, 3, 2, tzinfo=UTC), client.now)))
    found = Counter(one["outcome"] for one in listed)
    assert set(found) == {"ok", "missed", "not_visible_then_ok", "visit_dispatched", "camera_offline"}
    assert 0 < due - len(listed) < due / 4, "some are not even listed"
    assert 0.1 < found["missed"] / due < 0.35
