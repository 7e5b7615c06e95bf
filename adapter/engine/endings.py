"""Writing down what acts came to. Acts that end while others are being written are written together, in one
transaction: the busier the adapter, the more of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from adapter.store import dispatch
from adapter.store.database import Database
from adapter.store.dispatch import Ended
from adapter.store.errors import StoreError


@dataclass(slots=True)
class _Entry:
    ended: Ended
    written: bool = False
    error: Exception | None = None


class Endings:
    """Of one process. One transaction writes at a time; what comes meanwhile goes into the next."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting: list[_Entry] = []

    async def write(self, db: Database, ended: Ended) -> None:
        """Store that an act had its effect. Raises ``Overtaken``, ``StoreError``, and what is wrong with this act."""
        entry = _Entry(ended)
        self._waiting.append(entry)
        try:
            async with self._turn:
                if not entry.written and entry.error is None:
                    batch, self._waiting = self._waiting, []
                    try:
                        await _write(db, batch)
                    finally:
                        # Where this one was cancelled under way: whoever comes next writes them.
                        self._waiting += [e for e in batch if e is not entry and not e.written and e.error is None]
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
        if entry.error is not None:
            raise entry.error


async def _write(db: Database, batch: list[_Entry]) -> None:
    try:
        await db.run(lambda c: dispatch.done_all(c, [entry.ended for entry in batch]))
    except Exception as e:  # noqa: BLE001  # P6: what is wrong with one act stops no other
        if len(batch) == 1 or (isinstance(e, StoreError) and e.reason != "content"):
            for entry in batch:
                entry.error = e
            return
        for entry in batch:
            await _write(db, [entry])
        return
    for entry in batch:
        entry.written = True
