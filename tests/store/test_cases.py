"""Cases: one per order, due when they should be, and reconciled by one process at a time."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, delete, update

from adapter.domain.decision import Attention, Decision, Phase, StepState, StepView
from adapter.domain.ledger import ActKind
from adapter.domain.routine import Role
from adapter.presentation.case_file import find_case
from adapter.store import cases, due, outbox
from adapter.store.errors import OrderTaken, Overtaken
from adapter.store.tables import cases as cases_table
from tests.conftest import Logs
from tests.next_due import next_due
from tests.store.backends import NOW, Store, after, decided, want


def test_a_case_is_opened_once_for_an_order(store: Store) -> None:
    first = store.open("11", "12")
    assert re.fullmatch(r"TK-[2-9A-HJ-NP-Z]{6}", first.ref)
    assert (first.phase, first.due_at, first.open) == (Phase.PREPARING, NOW, True)
    with pytest.raises(OrderTaken, match=first.ref):
        store.open_new("13", "12")
    assert store.run(cases.all_cases, "north") == [first]
    assert store.run(cases.case_of_order, "north", "13") is None
    assert store.run(cases.chain, first) == {"11", "12"}
    assert store.run(cases.case_of_order, "north", "12") == first
    assert [e.name for e in store.audit(first.ref)] == ["case.opened"]
    assert store.open("11", tenant="south").ref != first.ref, "another municipality's order of that number is another"


def test_a_reference_that_no_case_can_have_finds_none_in_any_database(store: Store) -> None:
    first = store.open("11")
    for typed in ("\0", "11\0", f"{first.ref}\0"):
        assert store.run(find_case, ("north",), typed) is None
    assert store.run(find_case, ("north",), f" {first.ref.lower()} ") == first


def test_an_order_gets_the_same_reference_in_a_database_that_was_put_back(store: Store) -> None:
    first = store.open("1", "2")
    store.run(cases.unlink_orders, first, ["1", "2"])
    store.run(lambda c: c.execute(delete(cases_table)))
    assert store.open("1").ref == first.ref


def test_an_order_cannot_be_linked_to_a_second_case(store: Store) -> None:
    first, second = store.open("1"), store.open("2")
    with pytest.raises(OrderTaken, match=first.ref):
        store.run(cases.link, second, {"order": ["3", "1"]})
    assert store.run(cases.chain, second) == {"2"}


def test_an_order_that_was_let_go_opens_a_later_case_under_a_reference_of_its_own(store: Store) -> None:
    first = store.open("1", "2")
    store.run(cases.unlink_orders, first, ["1"])
    assert store.open("1").ref != first.ref
    assert store.run(cases.chain, first) == {"2"}


def test_an_execution_may_serve_several_cases(store: Store) -> None:
    first, second = store.open("1"), store.open("2")
    store.run(cases.link, first, {"execution": [7, 8], "client": [1]})
    store.run(cases.link, first, {"execution": [7]})
    store.run(cases.link, second, {"execution": [7]})
    assert store.run(cases.links, "north", first.ref)["execution"] == {"7", "8"}
    known = store.run(cases.refs_of_links, "north", "execution", ["7"])
    assert set(known["7"]) == {first.ref, second.ref}


def test_a_case_of_a_newer_version_stops_no_other(store: Store, logs: Logs) -> None:
    """It is logged, and left alone until the lease ends."""
    newer, known = store.open("1"), store.open("2")
    lent = update(cases_table).where(cases_table.c.ref == newer.ref).values(phase="lent")
    store.db.run_sync(lambda conn: conn.execute(lent))
    assert [case.ref for case in store.claim()] == [known.ref]
    assert [line["case"] for line in logs.events("case_poisoned")] == [newer.ref]
    assert store.claim(now=after(minutes=1)) == []


def test_a_case_that_is_claimed_is_nobody_elses_until_its_lease_runs_out(store: Store) -> None:
    store.open("1")
    claimed = store.claim_one("one")
    assert store.claim("two") == []
    assert store.claim("two", now=after(minutes=4)) == []
    assert store.run(next_due, ["north"]) == claimed.lease_until
    again = store.claim_one("two", now=after(minutes=5))
    assert (again.ref, again.lease_owner) == (claimed.ref, "two")


def test_whoever_slept_through_a_lease_writes_nothing(store: Store) -> None:
    store.open("1")
    asleep = store.claim_one("one")
    awake = store.claim_one("one", now=after(minutes=5))
    for late in (
        lambda conn: due.finish(conn, asleep, decided(Phase.ACTIVE), owner="one", now=NOW, read_again_at=None),
        lambda conn: due.release(conn, asleep, owner="one", due_at=NOW),
        lambda conn: due.fail(conn, asleep, owner="one", now=NOW, error="broken"),
    ):
        with pytest.raises(Overtaken):
            store.db.run_sync(late)
    assert store.finish(awake, decided(Phase.PAUSED)).phase is Phase.PAUSED
    with pytest.raises(Overtaken):
        store.finish(awake, decided(Phase.ACTIVE))


def test_a_finished_case_waits_for_its_time_or_for_its_evidence_to_be_read_again(store: Store) -> None:
    store.open("1")
    claimed = store.claim_one()
    finished = store.finish(claimed, decided(wake_at=after(hours=48)), read_again_at=after(hours=24))
    assert (finished.due_at, finished.ready_at) == (after(hours=48), after(hours=24))
    assert store.claim(now=after(hours=23)) == []
    again = store.claim_one(now=after(hours=24))
    store.finish(again, decided(), read_again_at=None)
    assert store.run(next_due, ["north"]) is None
    assert store.claim(now=after(days=999)) == []


def test_a_mark_during_a_lease_is_not_lost(store: Store) -> None:
    case = store.open("1")
    claimed = store.claim_one()
    assert store.mark(case.ref, now=after(minutes=1), reason="order changed") == 1
    assert store.claim("two", now=after(minutes=2)) == []
    finished = store.finish(claimed, decided(wake_at=after(days=9)), now=after(minutes=3))
    assert finished.due_reason == "order changed"
    assert [c.ref for c in store.claim("two", now=after(minutes=3))] == [case.ref]


def test_a_mark_brings_a_case_forward_and_never_puts_it_off(store: Store) -> None:
    case = store.open("1")
    claimed = store.claim_one()
    store.finish(claimed, decided(wake_at=after(days=9)))
    store.mark(case.ref, "TK-NOBODY", now=after(hours=1))
    store.mark(case.ref, now=after(hours=2))
    assert store.read(case).due_at == after(hours=1)


def test_a_case_that_closes_is_not_due_any_more_and_cannot_be_marked(store: Store) -> None:
    case = store.open("1")
    claimed = store.claim_one()
    closed = store.finish(claimed, decided(Phase.CLOSED, wake_at=after(hours=1)), read_again_at=after(hours=1))
    assert (closed.closed_at, closed.due_at, closed.ready_at) == (NOW, None, None)
    assert store.mark(case.ref) == 0
    assert store.run(cases.all_cases, "north") == []
    assert store.run(cases.all_cases, "north", open_only=False) == [closed]
    assert store.open("1") == closed


def test_a_case_marked_while_it_closes_stays_open_for_another_look(store: Store) -> None:
    case = store.open("1")
    claimed = store.claim_one()
    store.mark(case.ref, reason="a new order came")
    after_all = store.finish(claimed, decided(Phase.CLOSED))
    assert (after_all.open, after_all.phase) == (True, Phase.PREPARING)
    again = store.claim_one()
    assert not store.finish(again, decided(Phase.CLOSED)).open


def test_a_persons_other_cases_are_looked_at_when_one_closes(store: Store) -> None:
    first, second = store.open("1"), store.open("2")
    stranger = store.open("3", person_id="19900101TF04")
    claimed = {c.ref: c for c in store.claim()}
    for ref in (second.ref, stranger.ref):
        store.finish(claimed[ref], decided(Phase.CLOSING))
    assert store.run(outbox.ledger, second).person_elsewhere
    store.finish(claimed[first.ref], decided(Phase.CLOSED))
    assert [c.ref for c in store.claim()] == [second.ref]
    assert not store.run(outbox.ledger, second).person_elsewhere


def test_a_case_that_cannot_be_reconciled_waits_longer_each_time_but_a_mark_does_not_wait(store: Store) -> None:
    case = store.open("1")
    waits, now, failed = [], NOW, case
    for _ in range(9):
        claimed = store.claim_one(now=now)
        failed = store.run(due.fail, claimed, owner="one", now=now, error="KeyError")
        assert failed.ready_at is not None
        waits.append(failed.ready_at - now)
        now = failed.ready_at
    assert waits[:3] == [timedelta(minutes=m) for m in (1, 2, 4)]
    assert waits[-1] == timedelta(hours=1)
    assert (failed.failures, failed.error) == (9, "KeyError")
    store.mark(case.ref, now=now - timedelta(minutes=30))
    claimed = store.claim_one(now=now - timedelta(minutes=30))
    assert store.finish(claimed, decided()).failures == 0


def test_a_case_given_back_undecided_comes_again_when_asked(store: Store) -> None:
    case = store.open("1")
    claimed = store.claim_one()
    store.run(due.release, claimed, owner="one", due_at=after(seconds=30), error="no answer")
    assert store.claim(now=after(seconds=29)) == []
    assert [c.ref for c in store.claim(now=after(seconds=30))] == [case.ref]


def test_the_longest_waiting_goes_first(store: Store) -> None:
    later, sooner = store.open("1", now=after(hours=-1)), store.open("2", now=after(hours=-2))
    assert [c.ref for c in store.claim(limit=1)] == [sooner.ref]
    assert [c.ref for c in store.claim(limit=1)] == [later.ref]


def test_the_last_decision_is_kept_for_display_and_each_change_of_phase_for_the_audit(store: Store) -> None:
    store.open("1")
    claimed = store.claim_one()
    step = StepView("I4", Role.COORDINATOR, StepState.AWAITED, since=NOW, late=1)
    decision = Decision(
        Phase.ACTIVE, (want("m"),), (step,), (Attention("late", (("step", "I4"),)),), waiting=("times",)
    )
    finished = store.finish(claimed, decision, facts_read_at=NOW, collected_at=NOW)
    shown = store.read(finished).last_decision
    assert shown == Decision(Phase.ACTIVE, (), decision.steps, decision.attention, waiting=("times",))
    assert (finished.collected_at, finished.facts_read_at) == (NOW, NOW)
    assert store.audit(finished.ref)[-1].data == {"from": "preparing", "to": "active"}


def test_a_transaction_that_dies_leaves_nothing(store: Store) -> None:
    case = store.open("1")
    claimed = store.claim_one()

    def dies(conn: Connection) -> None:
        outbox.settle_wanted(conn, case, [want("m", ActKind.MAIL)], facts_at=NOW, now=NOW)
        due.finish(conn, claimed, decided(Phase.ACTIVE), owner="one", now=NOW, read_again_at=None)
        raise SystemExit

    with pytest.raises(SystemExit):
        store.db.run_sync(dies)
    assert store.read(case) == replace(claimed, due_reason=None)
    assert store.acts(case) == {}
    assert len(store.audit(case.ref)) == 1


def test_an_act_that_ends_makes_its_case_due_unless_it_is_being_decided_anyway(store: Store) -> None:
    case = store.wanting(want("a"), want("b"))
    (act,) = store.take()
    held = store.claim_one()
    store.end(act)
    store.finish(held, decided())
    assert store.claim(now=after(hours=1)) == []
    (act,) = store.take()
    store.end(act)
    assert store.claim_one().ref == case.ref


@pytest.mark.parametrize("mark", ["an act's ending", "a feed"])
@pytest.mark.parametrize("turn", ["fails", "is given back"])
def test_what_makes_a_case_due_while_its_turn_comes_to_nothing_is_not_put_off(
    store: Store, mark: str, turn: str
) -> None:
    case = store.wanting(want("a"))
    (act,) = store.take()
    held = store.claim_one()
    if mark == "a feed":
        store.mark(case.ref, now=after(seconds=1), reason="clients")
    else:
        store.end(act, now=after(seconds=1))
    if turn == "fails":
        store.run(due.fail, held, owner="one", now=after(seconds=2), error="KeyError")
    else:
        store.run(due.release, held, owner="one", due_at=after(hours=1))
    assert [again.ref for again in store.claim(now=after(seconds=2))] == [case.ref]
