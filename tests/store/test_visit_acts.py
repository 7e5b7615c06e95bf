"""Visits in the outbox: each look's acts are stored under the look, and are forgotten in time."""

from datetime import timedelta

from sqlalchemy import func, insert, select

from adapter.domain.ledger import ActKind, ActState, Wanted
from adapter.ports import Effect
from adapter.store import outbox, visit_acts
from adapter.store.tables import acts
from tests.store.backends import NOW, Store, after, done

LOOKS = [f"TK-7F3K2M-1@{n}" for n in range(3)]
VISIT = Wanted("1:visit", ActKind.VISIT, {"case": "TK-7F3K2M", "look": "a"}, "look_done")
OTHER = Wanted("1:visit", ActKind.VISIT, {"case": "TK-7F3K2M", "look": "b"}, "look_done")
REMOVE = Wanted("2:remove", ActKind.REMOVE_VISIT, {"case": "TK-7F3K2M", "look": "a"}, "look_not_done")


def settle(store: Store, wanted: dict[str, Wanted | None]) -> None:
    rows = store.run(outbox.of_subjects, "north", wanted)
    store.run(outbox.settle_each, "north", wanted, rows, now=NOW)


def rows(store: Store, look: str) -> list[tuple[str, ActState, object]]:
    return [(a.key, a.state, a.what["look"]) for a in store.run(outbox.acts, "north", look)]


def test_looks_go_out_beside_each_other_and_each_looks_acts_one_after_the_other(store: Store) -> None:
    settle(store, dict.fromkeys(LOOKS, VISIT))
    first = store.take(limit=2)
    assert [claimed.lane for claimed in first] == ["visit", "visit"]
    settle(store, {first[0].ref: REMOVE})
    (third,) = store.take()
    assert third.ref not in {claimed.ref for claimed in first}, "the one that takes back waits for the other"
    store.run(done, first[0], Effect({"visit": 1}), after(minutes=1))
    (back,) = store.take(now=after(minutes=1))
    assert (back.ref, back.act.key) == (first[0].ref, "2:remove")


def test_what_waits_says_what_is_called_for_now_or_is_dropped_and_may_be_called_for_again(store: Store) -> None:
    look = LOOKS[0]
    settle(store, {look: VISIT})
    settle(store, {look: OTHER})
    assert rows(store, look) == [("1:visit", ActState.PENDING, "b")]
    settle(store, {look: None})
    assert (rows(store, look)[0][1], store.take()) == (ActState.DROPPED, [])
    settle(store, {look: VISIT})
    assert [claimed.act.what["look"] for claimed in store.take()] == ["a"]


def test_acts_of_looks_are_forgotten_once_they_are_over_and_old_and_no_sooner(store: Store) -> None:
    settle(store, dict.fromkeys(LOOKS, VISIT))
    sent, waiting, unknown = (store.take(limit=1)[0] for _ in range(3))
    for claimed in (sent, waiting):
        store.run(done, claimed, Effect({"visit": 1}), NOW)
    settle(store, {waiting.ref: REMOVE})
    later = NOW + timedelta(days=90)
    assert store.run(visit_acts.forgettable, "north", NOW, 10) == []
    old = store.run(visit_acts.forgettable, "north", later, 10)
    assert old == [sent.ref], f"not {unknown.ref}, of which nothing is known yet"
    store.run(visit_acts.forget, "north", old)

    left = select(func.count()).select_from(acts).where(acts.c.ref == sent.ref)
    assert store.run(lambda c: c.scalar(left)) == 0


def test_what_is_held_back_of_many_looks_is_let_go_at_once_each_looks_acts_in_their_order(store: Store) -> None:
    settle(store, dict.fromkeys(LOOKS, VISIT))
    for claimed in store.take():
        store.failed(claimed, ActState.PARKED)
    settle(store, {LOOKS[0]: VISIT})
    parked = {"tenant": "north", "ref": LOOKS[0], "n": 2, "key": "2:remove", "kind": ActKind.REMOVE_VISIT}
    first = select(acts).where(acts.c.ref == LOOKS[0])
    store.run(lambda c: c.execute(insert(acts).values({**c.execute(first).one()._mapping, **parked})))
    assert store.run(outbox.release_parked, "north", after(days=1), lane="visit", since=after(days=1)) == 0
    assert store.run(outbox.release_parked, "north", after(days=1), lane="visit", since=NOW) == 4
    ready = store.take(now=after(days=1))
    assert sorted((claimed.ref, claimed.act.n) for claimed in ready) == [(look, 1) for look in LOOKS]
    assert {claimed.act.error for claimed in ready} == {None}
