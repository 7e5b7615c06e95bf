"""The outbox: an act that is called for is sent once, in order, by one process at a time."""

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from adapter.domain.ledger import ActKind, ActState, PersonRecord, ScheduleRecord, ScheduleStatus
from adapter.ports import Effect
from adapter.store import claims, outbox, queries, schedules
from adapter.store.cases import Case
from adapter.store.errors import Overtaken
from adapter.store.tables import acts
from tests.next_due import next_retry
from tests.store.backends import NOTHING, NOW, Store, after, decided, done, want


def test_an_act_of_a_newer_version_is_left_to_that_one(store: Store) -> None:
    newer, known = store.open("1"), store.open("2")
    for case in (newer, known):
        store.settle(case, want("a"))
    fax = update(acts).where(acts.c.ref == newer.ref).values(kind="fax")
    store.db.run_sync(lambda conn: conn.execute(fax))
    assert [claimed.ref for claimed in store.take()] == [known.ref]


def test_what_is_called_for_goes_out_in_order_and_one_at_a_time_within_a_lane(store: Store) -> None:
    case = store.wanting(want("a"), want("b"), want("p", ActKind.PUT_PERSON), want("s", ActKind.CREATE))
    store.known_person(case)
    taken = store.take()
    assert {c.act.key for c in taken} == {"a", "p"}
    assert store.take("two") == []
    for claimed in taken:
        store.run(done, claimed, Effect({}, person="print"), NOW)
    assert {c.act.key for c in store.take()} == {"b", "s"}


def test_an_act_that_is_put_off_or_unknown_holds_up_its_lane_and_a_parked_one_does_not(store: Store) -> None:
    store.wanting(want("a"), want("b"))
    (a,) = store.take()
    store.failed(a, ActState.PENDING, after(hours=1))
    assert store.take(now=after(minutes=59)) == []
    (a,) = store.take(now=after(hours=1))
    assert (a.act.key, a.act.attempts) == ("a", 2)
    store.failed(a, ActState.UNKNOWN, after(hours=2))
    assert store.take(now=after(minutes=119)) == []
    (a,) = store.take(now=after(hours=2))
    assert (a.act.key, a.act.state) == ("a", ActState.UNKNOWN)
    store.failed(a, ActState.PARKED)
    assert [c.act.key for c in store.take(now=after(hours=2))] == ["b"]


def test_what_was_being_sent_when_its_process_died_is_unknown(store: Store) -> None:
    case = store.wanting(want("a"))
    (dead,) = store.take("one")
    assert dead.act.state is ActState.SENDING
    (found,) = store.take("two", now=after(minutes=5))
    assert (found.act.state, found.looks, found.act.attempts) == (ActState.UNKNOWN, 0, 1)
    assert store.audit(case.ref)[-1].name == "act.lost"
    (again,) = store.take("one", now=after(minutes=10))
    assert again.act.state is ActState.UNKNOWN
    store.run(claims.give_back, again, now=after(minutes=10))
    assert store.acts(case)["a"].state is ActState.UNKNOWN


def test_what_a_process_known_to_be_dead_was_sending_is_unknown_at_once_and_settles_once(store: Store) -> None:
    """Kinds that are looked up twice are looked up now and after ``settle``; all others only after ``settle``."""
    case = store.wanting(want("a"), want("p", ActKind.PAUSE))
    assert {c.act.key for c in store.take()} == {"a", "p"}
    start, settle = after(minutes=1), timedelta(seconds=30)
    store.run(claims.release_all, now=start, settle=settle, at_once={ActKind.MESSAGE})
    assert {act.state for act in store.acts(case).values()} == {ActState.UNKNOWN}
    assert [e.name for e in store.audit(case.ref)][-2:] == ["act.lost", "act.lost"]
    assert [(c.act.key, c.looks) for c in store.take(now=start)] == [("a", 0)]
    assert [c.act.key for c in store.take(now=start + settle)] == ["p"]


def test_a_process_that_slept_through_its_lease_writes_nothing_about_the_act(store: Store) -> None:
    case = store.wanting(want("a"))
    store.take("one")
    (asleep,) = store.take("one", now=after(minutes=5))
    (awake,) = store.take("one", now=after(minutes=10))
    audit = store.audit(case.ref)
    for late in (
        lambda conn: done(conn, asleep, NOTHING, NOW),
        lambda conn: claims.failed(conn, asleep, ActState.UNKNOWN, error="e", now=NOW),
        lambda conn: claims.give_back(conn, asleep, now=NOW),
    ):
        with pytest.raises(Overtaken):
            store.db.run_sync(late)
    assert store.audit(case.ref) == audit
    store.end(awake)
    assert store.acts(case)["a"].state is ActState.DONE


def test_an_act_looked_for_in_vain_is_sent_again(store: Store) -> None:
    store.wanting(want("a"))
    (a,) = store.take()
    store.failed(a, ActState.UNKNOWN, looks=1)
    (a,) = store.take()
    assert a.looks == 1
    store.failed(a, ActState.PENDING)
    (a,) = store.take()
    assert (a.act.state, a.act.attempts, a.looks) == (ActState.SENDING, 2, 0)


def test_what_is_no_longer_called_for_is_dropped_and_comes_back_under_its_number(store: Store) -> None:
    case = store.wanting(want("a"), want("b"))
    assert store.settle(case, want("b")) == outbox.Settled(dropped=("a",))
    assert [c.act.key for c in store.take()] == ["b"]
    assert store.settle(case, want("a")) == outbox.Settled(new=("a",))
    assert (store.acts(case)["a"].n, store.acts(case)["a"].state) == (1, ActState.PENDING)


def test_what_went_out_or_may_have_gone_out_is_never_touched(store: Store) -> None:
    case = store.wanting(want("done"), want("unknown", ActKind.MAIL), want("sending", ActKind.END))
    taken = {c.act.key: c for c in store.take()}
    store.end(taken["done"])
    store.failed(taken["unknown"], ActState.UNKNOWN)
    before = store.acts(case)
    assert store.settle(case, want("done", what={"to": "x"})) == outbox.Settled()
    assert store.acts(case) == before


def test_new_content_reaches_an_act_that_waits_at_once(store: Store) -> None:
    case = store.wanting(want("a"))
    (a,) = store.take()
    store.failed(a, ActState.PENDING, after(hours=9))
    assert store.settle(case, want("a")) == outbox.Settled()
    assert store.take(now=after(hours=8)) == []
    assert store.settle(case, want("a", what={"to": "other"})).changed == ("a",)
    (a,) = store.take()
    assert a.act.what == {"to": "other"}


def test_a_delay_that_has_passed_does_not_undo_the_wait_after_a_failure(store: Store) -> None:
    case = store.wanting(want("a", not_before=after(hours=1)))
    (a,) = store.take(now=after(hours=1))
    store.failed(a, ActState.PENDING, after(hours=5), now=after(hours=1))
    assert store.settle(case, want("a"), now=after(hours=2)) == outbox.Settled()
    assert store.run(next_retry, ["north"]) == after(hours=5)


def test_a_parked_act_gets_another_chance_when_its_cause_may_be_gone(store: Store) -> None:
    case = store.wanting(want("a"))

    def parked() -> None:
        (claimed,) = store.take()
        store.failed(claimed, ActState.PARKED)
        assert store.settle(case, want("a", what=dict(claimed.act.what))) == outbox.Settled()
        assert store.take(now=after(days=99)) == []

    parked()
    assert store.settle(case, want("a", what={"to": "other"})).changed == ("a",)
    parked()
    assert store.run(outbox.requeue_parked, "north", case.ref, NOW) == 1
    parked()
    assert store.run(outbox.release_parked, "north", NOW, lane="mail") == 0
    assert store.run(outbox.release_parked, "north", NOW) == 1
    assert [c.act.key for c in store.take()] == ["a"]


def test_an_act_given_back_for_old_facts_goes_out_when_decided_on_fresh_ones(store: Store) -> None:
    case = store.open("1")
    store.settle(case, want("s", ActKind.RESUME, opens=True), facts_at=after(hours=-9))
    (claimed,) = store.take()
    assert (claimed.opens, claimed.facts_at) == (True, after(hours=-9))
    store.run(claims.give_back, claimed, now=NOW, retry_at=after(hours=1))
    assert store.take() == []
    store.settle(case, want("s", ActKind.RESUME, opens=True))
    (claimed,) = store.take()
    assert (claimed.facts_at, claimed.act.attempts) == (NOW, 1)


def test_a_key_that_is_wanted_twice_is_a_fault_in_the_decision(store: Store) -> None:
    case = store.open("1")
    with pytest.raises(ValueError, match="one key twice"):
        store.settle(case, want("a"), want("a"))


def test_a_done_act_leaves_what_is_known_of_the_schedule_and_the_person(store: Store) -> None:
    case = store.open("1")
    store.known_person(case)
    store.settle(case, want("p", ActKind.PUT_PERSON), want("s", ActKind.CREATE), want("e", ActKind.EMPTY_PERSON))
    assert store.run(outbox.ledger, case).person is None
    record = ScheduleRecord(1, ScheduleStatus.OPEN, date(2026, 3, 3), None, None, NOW, frozenset({"1"}))
    created = Effect({}, schedule=record, schedule_id="S9", etag='"1"')
    for key, effect, person in (
        ("p", Effect({"ok": True}, person="print"), PersonRecord("print")),
        ("s", created, PersonRecord("print")),
        ("e", NOTHING, PersonRecord("", True)),
    ):
        (claimed,) = store.take()
        assert claimed.act.key == key
        store.end(claimed, effect)
        assert store.run(outbox.ledger, case).person == person
    assert store.run(outbox.ledger, case).schedule == record
    assert store.run(schedules.remote_ids, "north", [case.ref]) == {case.ref: {1: ("S9", '"1"')}}
    owned = store.run(schedules.by_remote_ids, "north", ["S9"])["S9"]
    assert (owned.ref, owned.record) == (case.ref, record)
    store.run(schedules.save, "north", case.ref, record, remote_id=None, etag='"2"')
    assert store.run(schedules.remote_ids, "north", [case.ref]) == {case.ref: {1: ("S9", '"2"')}}


def test_a_case_is_decided_once_for_the_acts_that_go_out_together_and_before_cases_that_came_after_it(
    store: Store,
) -> None:
    older, later = store.open("1", now=after(hours=-2)), store.open("2", now=after(hours=-1))
    claimed = store.claim_one(limit=1)
    store.settle(claimed, want("a"), want("b"), want("mail", ActKind.MAIL))
    store.finish(claimed, decided())
    first, mail = store.take()
    store.end(first)
    assert [case.ref for case in store.claim("other")] == [later.ref]
    store.end(mail)
    assert store.claim() == [], "another act can go out at once"
    (second,) = store.take()
    waits = store.run(queries.overview, "north", second.lease_until)
    assert (waits.ready, waits.ready_since) == (2, second.lease_until), "no longer than until its lease ends"
    store.end(second)
    third = store.open("3", now=after(minutes=-90))
    assert store.run(queries.overview, "north", NOW).ready_since == after(minutes=-90)
    assert [case.ref for case in store.claim()] == [older.ref, third.ref]


def test_a_case_that_goes_on_after_a_letter_has_waited_since_the_letter(store: Store) -> None:
    store.open("1")
    claimed = store.claim_one()
    store.settle(claimed, want("a"))
    store.finish(claimed, decided(wake_at=after(hours=20)))
    (letter,) = store.take(now=after(hours=11))
    store.end(letter, now=after(hours=11))
    assert store.run(queries.overview, "north", after(hours=11)).ready_since == after(hours=11)


def test_what_came_of_an_act_on_the_schedule_waits_for_no_note_or_mail_that_is_going_out(store: Store) -> None:
    """P2: the case is decided at once, because its next act may be a pause or an end."""
    case = store.open("1")
    claimed = store.claim_one()
    store.settle(claimed, want("create", ActKind.CREATE), want("a"), want("mail", ActKind.MAIL))
    store.finish(claimed, decided())
    (note,) = store.take(lanes=["message"])
    store.end(note)
    assert store.claim() == []
    (create,) = store.take(lanes=["platform"])
    store.end(create)
    assert [each.ref for each in store.claim()] == [case.ref]


def test_a_letter_whose_night_is_over_goes_before_what_is_wanted_after_it(store: Store) -> None:
    case = store.wanting(want("held", not_before=after(hours=1)))
    store.settle(case, want("held"), want("new"), now=after(hours=2))
    assert [each.act.key for each in store.take(now=after(hours=2))] == ["held"]


def test_a_waiting_act_that_opens_nothing_any_more_needs_no_fresh_facts(store: Store) -> None:
    case = store.wanting(want("change", ActKind.CHANGE, opens=True))
    store.settle(case, want("change", ActKind.CHANGE))
    assert [each.opens for each in store.take()] == [False]


def test_every_turn_of_an_act_is_in_the_audit(store: Store) -> None:
    case = store.open("1")
    store.run(outbox.settle_wanted, case, [want("a")], facts_at=NOW, now=NOW, correlation="c1")
    (a,) = store.take()
    store.failed(a, ActState.UNKNOWN)
    (a,) = store.take()
    store.run(done, a, Effect({"id": 5}), NOW)
    audit = store.audit(case.ref)
    assert [e.name for e in audit] == ["case.opened", "act.wanted", "act.unknown", "act.done"]
    assert audit[-1].data == {"key": "a", "n": 1, "kind": "message", "id": 5}
    assert {e.correlation for e in audit[1:]} == {"c1"}


def test_each_tenant_s_lane_has_room_of_its_own(store: Store) -> None:
    for i in range(4):
        store.settle(store.open(f"n{i}"), want("a"), want("m", ActKind.MAIL), now=after(hours=-1))
    store.settle(store.open("s", tenant="south"), want("a"))
    first = store.take(limit=3, tenants=["north", "south"])
    taken = Counter((c.tenant, c.lane) for c in first)
    assert taken == {("north", "message"): 3, ("north", "mail"): 3, ("south", "message"): 1}
    assert {c.lane for c in store.take(lanes=["mail"])} == {"mail"}


def test_what_is_held_back_holds_up_nothing_that_may_go_out_now(store: Store) -> None:
    case = store.open("1")
    morning = want("morning", not_before=after(hours=9))
    store.settle(case, morning)
    store.settle(case, morning, want("urgent"))
    (urgent,) = store.take()
    assert urgent.act.key == "urgent"
    store.end(urgent)
    assert store.take(now=after(hours=8)) == []
    assert store.run(next_retry, ["north"]) == after(hours=9)
    assert [c.act.key for c in store.take(now=after(hours=9))] == ["morning"]


def test_what_something_else_than_a_case_wants_goes_out_as_an_act_of_a_case_does(store: Store) -> None:
    told = want("told", ActKind.MAIL, not_before=after(hours=1))
    assert store.run(outbox.want, "north", "order-1", told, now=NOW)
    assert not store.run(outbox.want, "north", "order-1", told, now=NOW)
    more = want("more", ActKind.MAIL, not_before=after(hours=1))
    assert store.run(outbox.want, "north", "order-1", more, now=NOW)
    assert store.run(outbox.want, "north", "order-2", want("told", ActKind.MAIL), now=NOW)
    (other,) = store.take()
    assert (other.ref, other.act.key) == ("order-2", "told")
    store.end(other)
    (mine,) = store.take(now=after(hours=1))
    assert store.take(now=after(hours=1)) == []
    assert (mine.ref, mine.act.n, mine.act.key, mine.person_id, mine.client) == ("order-1", 1, "told", "", None)
    store.failed(mine, ActState.UNKNOWN, after(hours=2))
    (mine,) = store.take(now=after(hours=2))
    store.end(mine, now=after(hours=2))
    assert not store.run(outbox.want, "north", "order-1", want("told", ActKind.MAIL), now=after(hours=3))
    (later,) = store.take(now=after(hours=3))
    store.failed(later, ActState.PARKED)
    assert store.run(outbox.release_parked, "north", after(hours=4)) == 1
    names = [e.name for e in store.audit("order-1")]
    assert names == ["act.wanted", "act.wanted", "act.unknown", "act.done", "act.parked", "act.requeued"]


def test_what_something_else_than_a_case_wants_no_more_is_dropped_unless_it_may_have_gone_out(store: Store) -> None:
    for key in ("sending", "waits"):
        store.run(outbox.want, "north", "order-1", want(key, ActKind.MAIL), now=NOW)
    store.take()
    store.run(outbox.drop_waiting, "north", "order-1", now=NOW)
    found = {act.key: act.state for act in store.run(outbox.acts, "north", "order-1")}
    assert found == {"sending": ActState.SENDING, "waits": ActState.DROPPED}
    assert store.run(outbox.want, "north", "order-1", want("waits", ActKind.MAIL), now=NOW)


KEYS = ("a", "b", "c", "d")
KINDS = {"a": ActKind.MESSAGE, "b": ActKind.MESSAGE, "c": ActKind.MAIL, "d": ActKind.MESSAGE}
FAILED = {"retry": ActState.PENDING, "unknown": ActState.UNKNOWN, "park": ActState.PARKED}
STEP = st.one_of(
    st.tuples(st.just("settle"), st.lists(st.sampled_from(KEYS), unique=True), st.integers(0, 1)),
    st.tuples(
        st.sampled_from(("done", "retry", "unknown", "park", "die", "give_back", "requeue")), st.none(), st.none()
    ),
)


_TENANTS = count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=25))
def test_whatever_happens_keys_stay_unique_done_stays_done_and_lanes_keep_their_order(
    store: Store, steps: list[Any]
) -> None:
    """One case's outbox lives a random life. What must hold is checked after every step."""
    store.tenant = f"t{next(_TENANTS)}"
    case = store.open("1")
    now = NOW
    done: dict[str, object] = {}
    for name, keys, version in steps:
        now += timedelta(minutes=10)
        if name == "settle":
            store.settle(case, *(want(k, KINDS[k], what={"v": version}) for k in keys), now=now)
            live = {k for k, act in store.acts(case).items() if act.state in (ActState.PENDING, ActState.PARKED)}
            assert live <= set(keys)
        elif name == "requeue":
            store.run(outbox.requeue_parked, store.tenant, case.ref, now)
        else:
            _carry_out(store, name, now)
        rows = store.run(outbox.acts, store.tenant, case.ref)
        assert [a.n for a in rows] == list(range(1, len(rows) + 1))
        assert len({a.key for a in rows}) == len(rows)
        now_done = {a.key: a for a in rows if a.state is ActState.DONE}
        assert done.items() <= now_done.items()
        done = dict(now_done)
        _heads_only(store, case)


def _carry_out(store: Store, name: str, now: datetime) -> None:
    for claimed in store.take(now=now):
        if name == "done":
            store.end(claimed, now=now)
        elif name == "give_back":
            store.run(claims.give_back, claimed, now=now)
        elif name != "die":
            store.failed(claimed, FAILED[name], now, now=now)


def _heads_only(store: Store, case: Case) -> None:
    """Nothing is stuck and nothing overtakes: in each lane one act can be claimed: the one under way, or else the
    first unfinished one."""
    unfinished = [a for a in store.acts(case).values() if a.state in outbox.UNFINISHED]
    unfinished.sort(key=lambda a: (a.state is ActState.PENDING, a.n), reverse=True)
    heads = {outbox.lane_of(a.kind): a.key for a in unfinished}
    c = acts.c
    query = select(c.lane, c.key).where(c.tenant == case.tenant, c.ref == case.ref, c.ready_at.is_not(None))
    assert {row.lane: row.key for row in store.run(lambda conn: conn.execute(query).all())} == heads
