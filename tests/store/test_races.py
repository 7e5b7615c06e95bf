"""Two processes on one PostgreSQL at the same moment: one acts just before a statement of the other."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Text, event, func, text

from adapter.domain.facts import Client
from adapter.domain.ledger import ActKind, ActState
from adapter.store import cases, claims, due, events, facts, outbox
from adapter.store.claims import ClaimedAct
from adapter.store.database import Database
from adapter.store.errors import OrderTaken
from adapter.store.facts import StoredFact
from tests.store.backends import NOW, Store, after, want


@dataclass
class Two:
    one: Store
    other: Store
    failures: list[str] = field(default_factory=list)

    def before(self, words: str, do: Callable[[], object], *, nth: int = 1) -> None:
        """``one`` does something just before the ``nth`` statement of ``other`` that begins so."""
        left = [nth]

        @event.listens_for(self.other.db._engine, "before_cursor_execute")
        def before(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith(words):
                left[0] -= 1
                if left[0] == 0:
                    do()


@pytest.fixture
def two(postgres_url: str) -> Iterator[Two]:
    both = Two(Store(Database(postgres_url, inline=True)), Store(Database(postgres_url, inline=True)))
    both.one.db.upgrade()
    for store in (both.one, both.other):
        event.listen(
            store.db._engine, "handle_error", lambda c: both.failures.append(type(c.original_exception).__name__)
        )
    yield both
    both.one.db.close()
    both.other.db.close()


def test_one_act_of_a_schedule_is_under_way_though_parked_ones_get_another_chance(two: Two) -> None:
    case = two.one.open("1")
    first, second = (want(key, ActKind.CHANGE, what={"n": 1}) for key in ("c1", "c2"))
    two.one.settle(case, first)
    (taken,) = two.one.take()
    two.one.failed(taken, ActState.PARKED)
    two.one.settle(case, first, second)
    under_way: list[ClaimedAct] = []
    two.before("UPDATE acts SET ready_at", lambda: under_way.extend(two.one.take(now=after(seconds=1))))
    two.other.run(outbox.requeue_parked, "north", case.ref, after(seconds=1))
    under_way += two.other.take("two", now=after(seconds=2))
    assert len(under_way) == 1


def test_a_vendor_that_is_back_lets_nothing_go_that_was_taken_meanwhile(two: Two) -> None:
    two.one.wanting(want("p", ActKind.PAUSE, what={"n": 1}))
    (taken,) = two.one.take()
    two.one.failed(taken, ActState.PENDING, after(minutes=10))

    def probe() -> None:
        lease = {"now": after(seconds=1), "owner": "one", "lease_until": after(seconds=61)}
        found = two.one.run(claims.claim_probe, tenant="north", lane="platform", **lease)
        taken_meanwhile.extend([found] if found is not None else [])

    taken_meanwhile: list[ClaimedAct] = []
    two.before("UPDATE acts", probe)
    span = {"settle": timedelta(seconds=30), "gap": timedelta(0)}
    two.other.run(claims.retry_soon, "north", "platform", now=after(seconds=1), **span)
    taken_meanwhile += two.other.take("two", now=after(seconds=2))
    assert [found.act.state for found in taken_meanwhile] == [ActState.SENDING]


def test_letting_acts_go_and_deciding_on_them_do_not_lock_each_other_out(two: Two) -> None:
    case = two.one.wanting(want("c", ActKind.PUT_PERSON, what={"n": 1}), want("p", ActKind.PAUSE, what={"n": 1}))
    for taken in two.one.take():
        two.one.failed(taken, ActState.PENDING, after(minutes=10))
    deciding = threading.Thread(target=lambda: two.one.run(outbox.lock_acts, case.tenant, case.ref))

    def decide_meanwhile() -> None:
        deciding.start()
        deciding.join(0.2)

    two.before("UPDATE acts", decide_meanwhile, nth=2)
    span = {"settle": timedelta(seconds=30), "gap": timedelta(0)}
    two.other.run(claims.retry_soon, "north", "platform", now=after(seconds=1), **span)
    deciding.join()
    assert two.failures == []


def test_an_act_that_changed_a_moment_ago_is_claimed_with_its_case_as_it_is_now(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = two.one.open("1")
    open_person = {"client": StoredFact.read("client", Client(7, protected=False), (), NOW)}
    protected = {"client": StoredFact.read("client", Client(7, protected=True), (), after(seconds=1))}
    two.one.run(facts.save, "north", case.ref, {}, open_person)
    two.one.settle(case, want("p", ActKind.EMPTY_PERSON, what={"unit": "x"}))
    # The claim sees an older state of the database, and reaches the row a moment later.
    slowly = func.length(func.pg_sleep(0.5).cast(Text)) >= 0
    monkeypatch.setattr(claims, "_READY", claims._READY.where(slowly))
    begun = threading.Event()
    event.listen(two.other.db._engine, "before_cursor_execute", lambda *_: begun.set())
    found: list[ClaimedAct] = []
    claiming = threading.Thread(
        target=lambda: found.extend(two.other.take("two", now=after(seconds=5), lanes=["platform"]))
    )
    claiming.start()
    begun.wait()
    claiming.join(0.2)
    two.one.run(facts.save, "north", case.ref, open_person, protected)
    two.one.settle(case, want("p", ActKind.EMPTY_PERSON, what={"unit": "y"}), facts_at=after(seconds=1))
    claiming.join()
    (claimed,) = found
    assert claimed.act.what == {"unit": "y"}
    assert claimed.client is not None
    assert claimed.client.protected


def test_whoever_comes_second_with_an_order_opens_no_case(two: Two) -> None:
    """It may go on in the same transaction."""
    two.before("INSERT INTO cases", lambda: two.one.open("1"))

    def opens(conn: Any) -> int:
        with pytest.raises(OrderTaken):
            cases.open_case(
                conn, tenant="north", person_id="19900101TF04", evidence_after=NOW.date(), order_ids=["1"], now=NOW
            )
        return len(cases.all_cases(conn, "north"))

    assert two.other.db.run_sync(opens) == 1


@pytest.mark.parametrize(("key", "stored"), [("told", ["told"]), ("more", ["told", "more"])])
def test_two_who_want_something_of_the_same_subject_at_once_both_get_it_once(
    two: Two, key: str, stored: list[str]
) -> None:
    """A subject that isn't a case can't be locked while its first act is stored."""

    def wants(store: Store, key: str) -> bool:
        return store.run(outbox.want, "north", "order-1", want(key, ActKind.MAIL), now=NOW)

    two.before("INSERT INTO acts", lambda: wants(two.one, "told"))
    assert wants(two.other, key) == (key != "told")
    assert [act.key for act in two.one.run(outbox.acts, "north", "order-1")] == stored
    assert [event.name for event in two.one.run(events.of_case, "north", "order-1")] == ["act.wanted"] * len(stored)
    assert two.failures == []


def test_cases_that_are_marked_together_are_locked_in_one_order(two: Two) -> None:
    """By reference, in whatever order they are named or stored. Otherwise two processes could block each other."""
    stored = [two.one.open(str(n)).ref for n in range(8)]
    last, first = next((a, b) for a, b in pairwise(stored) if a > b)

    def marks(conn: Any) -> None:
        for way in ("indexscan", "bitmapscan"):  # PostgreSQL may choose so with few cases or old statistics
            conn.execute(text(f"SET LOCAL enable_{way} = off"))
        due.mark_due(conn, "north", [last, first], after(seconds=1), "feed")

    marking = threading.Thread(target=lambda: two.other.run(marks))

    def holds(conn: Any) -> None:
        cases.lock(conn, "north", first)
        marking.start()
        marking.join(0.3)
        free = text("SELECT ref FROM cases WHERE ref = :ref FOR UPDATE NOWAIT")
        assert conn.scalar(free, {"ref": last}) == last

    two.one.db.run_sync(holds)
    marking.join()
    assert two.failures == []
    assert {case.ref for case in two.one.run(cases.all_cases, "north") if case.due_reason == "feed"} == {first, last}
