"""The audit's head, once a day: a hash over all events. It goes to the log and a file, where a person who can change
the database can't change it."""

import json
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection

from adapter.engine.runtime import Runtime
from adapter.log_events import log, log_context
from adapter.store import events
from adapter.store.audit_chain import HEAD, Head

_SETTLED: Final = timedelta(minutes=10)
"""Longer than any transaction takes. No new event can come before one that is so old."""


async def take_heads(rt: Runtime) -> None:
    """Make each municipality's head, if none was made today (UTC) and there are new events. Raises ``StoreError``."""
    for name in rt.tenants:
        before, up_to = await rt.db.run(partial(_since, tenant=name, rt=rt))
        if up_to is None:
            continue
        head = before
        while more := await rt.db.run(partial(events.after, tenant=name, id=head.up_to, up_to=up_to)):
            head = head.plus(more)
        data: dict[str, str | int] = {"up_to": head.up_to, "events": head.events, "head": head.head}
        now = rt.clock.now()
        await rt.db.run(partial(events.record, tenant=name, ref=None, name=HEAD, data=data, now=now))
        with log_context(tenant=name):
            log("audit_head", up_to=head.up_to, events=head.events, head=head.head)
            _keep(rt, {"tenant": name, "at": now.isoformat(), **data})


def _since(c: Connection, tenant: str, rt: Runtime) -> tuple[Head, int | None]:
    """The last head, and the last event for the next one; None if there is nothing to do."""
    now = rt.clock.now()
    taken = events.named(c, tenant, HEAD)
    # ``adapter audit verify`` reports a head that can't be read. The next head then starts from the one before it.
    last = next((head for event in reversed(taken) if (head := readable_head(event.data))), Head())
    if taken and taken[-1].at.date() >= now.date():
        return last, None
    up_to = events.last_before(c, tenant, now - _SETTLED)
    return last, up_to if up_to is not None and up_to > last.up_to else None


def head_of(data: events.Data) -> Head:
    """A head from an event's data. Raises ``KeyError`` and ``ValueError`` if it isn't one."""
    return Head(int(data["up_to"] or 0), int(data["events"] or 0), str(data["head"]))


def readable_head(data: events.Data) -> Head | None:
    """The same for data from the database, which may be damaged or changed; None if it isn't a head."""
    try:
        return head_of(data)
    except (KeyError, TypeError, ValueError):
        return None


def _keep(rt: Runtime, line: dict[str, object]) -> None:
    path = rt.tuning.audit_heads
    if path is None:
        return
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    except OSError as error:
        log("audit_head_not_kept", file=path.name, reason=error.strerror)
