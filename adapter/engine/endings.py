"""Writing down what acts came to. Acts that end while others are being written are written together, in one
transaction: the busier the adapter, the more of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from adapter.store import dispatch
from adapter.store.database import Database
from adapter.store.dispatch import Ended
from adapter.store.errors import StoreError


@dataclass(slots=True)
class _Entry:
    ended: Ended
    written: bool = False
    error: Exception | None = None


@dataclass(slots=True)
class _Queue:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[_Entry] = field(default_factory=list)


class Endings:
    """Of one process. For each municipality one transaction writes at a time; what comes meanwhile goes into the
    next."""

    def __init__(self) -> None:
        self._queues: defaultdict[str, _Queue] = defaultdict(_Queue)

    async def write(self, db: Database, ended: Ended) -> None:
        """Store that an act had its effect. Raises ``Overtaken``, ``StoreError``, and what is wrong with this act."""
        entry, queue = _Entry(ended), self._queues[ended.claimed.tenant]
        queue.waiting.append(entry)
        try:
            async with queue.turn:
                if not entry.written and entry.error is None:
                    batch, queue.waiting = queue.waiting, []
                    try:
                        await _write(db, batch)
                    finally:
                        # Where this one was cancelled under way: whoever comes next writes them.
                        queue.waiting += [e for e in batch if e is not entry and not e.written and e.error is None]
        finally:
            if entry in queue.waiting:
                queue.waiting.remove(entry)
        if entry.error is not None:
            raise entry.error


async def _write(db: Database, batch: list[_Entry]) -> None:
    try:
        await db.run(lambda c: dispatch.done_all(c, [entry.ended for entry in batch]))
    except Exception as e:  # noqa: BLE001  # P6: what is wrong with one act stops no other
        if len(batch) == 1 or (isinstance(e, StoreError) and not e.of_one):
            for entry in batch:
                entry.error = e
            return
        # Side by side: one whose rows somebody holds is waited for by no other.
        await asyncio.gather(*(_write(db, [entry]) for entry in batch))
        return
    for entry in batch:
        entry.written = True
