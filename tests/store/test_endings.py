"""What acts came to, written together: one that can't be written takes nothing from another."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from adapter.domain.ledger import ActState
from adapter.engine.endings import Endings
from adapter.ports import Effect
from adapter.store import cases, database, dispatch, due
from adapter.store.database import Database
from adapter.store.dispatch import ClaimedAct, Ended
from adapter.store.errors import Overtaken, StoreError
from adapter.store.tables import acts
from tests.store.backends import NOW, Store, after, decided, done, want


class Gated:
    """A database of which each transaction waits to be let through."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.begun = asyncio.Semaphore(0)
        self.let = asyncio.Semaphore(0)
        self.count = 0

    async def run(self, fn: Callable[[Connection], Any]) -> Any:
        self.count += 1
        self.begun.release()
        await self.let.acquire()
        return await self.store.db.run(fn)


def under_way(store: Store) -> list[ClaimedAct]:
    """An act of each of four cases, claimed."""
    for n in range(4):
        store.settle(store.open(str(n), person_id=f"p{n}"), want("a"))
    return sorted(store.take(), key=lambda claimed: claimed.person_id)


def ended(claimed: ClaimedAct, result: Any = 1) -> Ended:
    return Ended(claimed, Effect({"id": result}), NOW, "act_done")


def states(store: Store, claimed: list[ClaimedAct]) -> list[ActState]:
    return [store.acts(store.open(one.person_id[1:]))["a"].state for one in claimed]


async def written(store: Store, *these: Ended) -> tuple[list[BaseException | None], int]:
    """What each writer heard, and in how many transactions they were written; the first alone, as it was first."""
    gated, endings = Gated(store), Endings()
    writers = [asyncio.ensure_future(endings.write(gated, one)) for one in these]  # type: ignore[arg-type]  # stands in
    await gated.begun.acquire()
    for _ in range(20):
        gated.let.release()
    return await asyncio.gather(*writers, return_exceptions=True), gated.count


async def test_acts_that_end_while_another_is_written_are_written_in_one_transaction(store: Store) -> None:
    claimed = under_way(store)
    heard, transactions = await written(store, *(ended(one, n) for n, one in enumerate(claimed)))
    assert heard == [None] * 4
    stored = store.run(lambda c: {row.ref: row.result for row in c.execute(select(acts.c.ref, acts.c.result))})
    assert [stored[one.ref] for one in claimed] == [{"id": n} for n in range(4)], "each its own"
    assert states(store, claimed) == [ActState.DONE] * 4
    assert transactions == 2


async def test_an_act_that_is_another_process_s_by_now_is_overtaken_alone(store: Store) -> None:
    claimed = under_way(store)
    claimed[2] = replace(claimed[2], lease_until=after(hours=-1))
    heard, _ = await written(store, *map(ended, claimed))
    assert [type(error) for error in heard] == [type(None), type(None), Overtaken, type(None)]
    assert states(store, claimed) == [ActState.DONE, ActState.DONE, ActState.SENDING, ActState.DONE]


async def test_an_act_that_cannot_be_stored_stops_no_other(store: Store) -> None:
    claimed = under_way(store)
    heard, _ = await written(store, *(ended(one, object() if n == 2 else n) for n, one in enumerate(claimed)))
    assert [error is None for error in heard] == [True, True, False, True]
    assert states(store, claimed) == [ActState.DONE, ActState.DONE, ActState.SENDING, ActState.DONE]


async def test_what_a_cancelled_writer_was_to_write_for_others_is_written_by_the_next(store: Store) -> None:
    claimed = under_way(store)
    gated, endings = Gated(store), Endings()
    first, second, *others = (
        asyncio.ensure_future(endings.write(gated, ended(one)))  # type: ignore[arg-type]  # stands in
        for one in claimed
    )
    await gated.begun.acquire()
    gated.let.release()
    await first
    await gated.begun.acquire()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    for _ in range(20):
        gated.let.release()
    await asyncio.gather(*others)
    assert states(store, claimed) == [ActState.DONE, ActState.SENDING, ActState.DONE, ActState.DONE]


async def test_one_municipality_s_endings_do_not_wait_for_another_s(store: Store) -> None:
    (ours, *_), there = under_way(store), Store(store.db, "south")
    there.settle(there.open("9", tenant="south"), want("a"))
    (theirs,) = there.take()
    gated, endings = Gated(store), Endings()
    first = asyncio.ensure_future(endings.write(gated, ended(ours)))  # type: ignore[arg-type]  # stands in
    await gated.begun.acquire()
    async with asyncio.timeout(10):
        await endings.write(store.db, ended(theirs))
    gated.let.release()
    await first


async def test_endings_of_a_case_that_somebody_holds_stop_no_other(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WaitingOrder longer than PostgreSQL lets a statement wait."""
    monkeypatch.setattr(database, "LOCK_MS", 300)
    store, other = Store(Database(postgres_url)), Store(Database(postgres_url, inline=True))
    store.db.upgrade()
    claimed = under_way(store)
    held, go = threading.Event(), threading.Event()

    def holds(conn: Connection) -> None:
        cases.lock(conn, claimed[1].tenant, claimed[1].ref)
        held.set()
        assert go.wait(30)

    holding = asyncio.get_running_loop().run_in_executor(None, other.db.run_sync, holds)
    await asyncio.to_thread(held.wait)
    heard, _ = await written(store, *map(ended, claimed))
    go.set()
    await holding
    assert [getattr(error, "reason", None) for error in heard] == [None, "contended", None, None]
    assert states(store, claimed) == [ActState.DONE, ActState.SENDING, ActState.DONE, ActState.DONE]
    store.db.close()
    other.db.close()


@given(st.randoms(use_true_random=False))
def test_whoever_is_cancelled_or_fails_what_is_said_to_be_written_is_and_nobody_waits_for_ever(
    luck: random.Random,
) -> None:
    asyncio.run(_amid_trouble(luck))


async def _amid_trouble(luck: random.Random) -> None:
    written_down: set[int] = set()
    poisoned = {n for n in range(40) if luck.random() < 0.1}

    class Troubled:
        async def run(self, fn: Callable[[Any], Any]) -> None:
            for _ in range(luck.randrange(4)):
                await asyncio.sleep(0)
            if luck.random() < 0.1:
                raise StoreError("away", "unreachable")
            fn(None)
            for _ in range(luck.randrange(4)):
                await asyncio.sleep(0)

    def done_all(_: Any, batch: list[Any]) -> None:
        if poisoned & {one.claimed.act.n for one in batch}:
            raise ValueError("one of these")
        written_down.update(one.claimed.act.n for one in batch)

    heard: dict[int, str] = {}
    endings = Endings()

    async def writes(n: int) -> None:
        one: Any = SimpleNamespace(claimed=SimpleNamespace(tenant="north", act=SimpleNamespace(n=n)))
        try:
            await endings.write(Troubled(), one)  # type: ignore[arg-type]  # stands in
            heard[n] = "written"
        except Exception as e:  # noqa: BLE001  # whatever it hears
            heard[n] = type(e).__name__

    with patch.object(dispatch, "done_all", done_all):
        tasks = [asyncio.ensure_future(writes(n)) for n in range(40)]
        for task in luck.sample(tasks, 12):
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert {n for n, what in heard.items() if what == "written"} <= written_down - poisoned
    assert {n for n, what in heard.items() if what == "ValueError"} <= poisoned


def test_an_act_that_ends_while_its_case_is_reconciled_is_decided_with_and_makes_it_due_no_second_time(
    store: Store,
) -> None:
    case = store.open("1")
    store.settle(case, want("a"), want("b"))
    (act,) = store.take()
    (held,) = store.claim()
    store.run(done, act, Effect({}), NOW)
    store.finish(held, decided())
    assert store.claim(now=after(hours=1)) == []


@pytest.mark.parametrize("mark", ["an act's ending", "a feed"])
@pytest.mark.parametrize("turn", ["fails", "is given back"])
def test_what_makes_a_case_due_while_its_turn_comes_to_nothing_is_not_put_off(
    store: Store, mark: str, turn: str
) -> None:
    case = store.open("1")
    store.settle(case, want("a"))
    (act,) = store.take()
    (held,) = store.claim()
    if mark == "a feed":
        store.run(due.mark_due, case.tenant, [case.ref], after(seconds=1), "clients")
    else:
        store.run(done, act, Effect({}), after(seconds=1))
    if turn == "fails":
        store.run(due.fail, held, owner="one", now=after(seconds=2), error="KeyError")
    else:
        store.run(due.release, held, owner="one", due_at=after(hours=1))
    assert [again.ref for again in store.claim(now=after(seconds=2))] == [case.ref]


def test_an_act_that_ends_after_the_decision_makes_its_case_due(store: Store) -> None:
    case = store.open("1")
    store.settle(case, want("a"))
    (act,) = store.take()
    (held,) = store.claim()
    store.finish(held, decided())
    store.run(done, act, Effect({}), NOW)
    assert [again.ref for again in store.claim()] == [case.ref]
