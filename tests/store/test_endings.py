"""What acts came to, written together: one that can't be written takes nothing from another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from adapter.domain.ledger import ActState
from adapter.engine.endings import Endings
from adapter.ports import Effect
from adapter.store.dispatch import ClaimedAct, Ended
from adapter.store.errors import Overtaken
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
    heard, transactions = await written(store, *map(ended, claimed))
    assert heard == [None] * 4
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


def test_an_act_that_ends_after_the_decision_makes_its_case_due(store: Store) -> None:
    case = store.open("1")
    store.settle(case, want("a"))
    (act,) = store.take()
    (held,) = store.claim()
    store.finish(held, decided())
    store.run(done, act, Effect({}), NOW)
    assert [again.ref for again in store.claim()] == [case.ref]
