"""Taking in ``config/resync.toml``: each request once for ever, each step declared by hand as its signal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from adapter.engine.resync_file import Declaration, Refusal, Request, read_resync_file
from adapter.engine.runtime import Runtime
from adapter.log_events import log, log_context
from adapter.store import cases, declarations, due, resyncs

Stamp = tuple[int, int, int]


@dataclass(slots=True)
class ResyncWatch:
    """Looks whether the file changed, and takes in what stands in it."""

    path: Path
    seen: Stamp | None = None
    taken: Stamp | None = None

    async def look(self, rt: Runtime) -> None:
        """Take the file in if it changed; not before two looks in a row saw it the same, so that a file that is just
        being written isn't read by half. Raises ``StoreError``: then it is taken in at a later look."""
        stamp = _stamp(self.path)
        settled, self.seen = stamp == self.seen, stamp
        if settled and stamp != self.taken:
            await take_in(rt, self.path)
            self.taken = stamp


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_size, found.st_ino


async def take_in(rt: Runtime, path: Path) -> None:
    """Take every entry of the file that wasn't taken before, and tell of those that can't be used. Raises
    ``StoreError``."""
    read = read_resync_file(path, list(rt.tenants))
    refusals = list(read.refusals)
    for line, request in read.requests:
        refusals += await rt.db.run(partial(_take, rt=rt, request=request, line=line))
    for line, declared in read.declarations:
        refusals += await rt.db.run(partial(_declare, rt=rt, entry=declared, line=line))
    for refusal in sorted(refusals, key=lambda r: r.line):
        log("resync_refused", file=path.name, line=refusal.line, field=refusal.key, reason=refusal.reason)


def _take(c: Connection, rt: Runtime, request: Request, line: int) -> list[Refusal]:
    told = request.model_dump(mode="json", exclude_defaults=True)
    tenants = [request.tenant] if request.tenant else list(rt.tenants)
    if resyncs.take(c, tenants, request.id, told, rt.clock.now()):
        log("resync_taken", resync=request.id, scope=request.scope, mode=request.mode, who=request.who, why=request.why)
    elif resyncs.request_of(c, request.id) != told:
        return [Refusal(line, "id", f"{request.id} was taken before for another request; give this one a new id")]
    return []


def _declare(c: Connection, rt: Runtime, entry: Declaration, line: int) -> list[Refusal]:
    tenants = [entry.tenant] if entry.tenant else list(rt.tenants)
    found = [case for name in tenants if (case := cases.case(c, name, entry.case))]
    if len(found) != 1:
        told = "is no case of ours" if not found else "is a case of more than one municipality; name the tenant"
        return [Refusal(line, "case", f"{entry.case} {told}")]
    (case,) = found
    signal, now = entry.signal, rt.clock.now()
    if not case.open:
        return [Refusal(line, "case", f"{entry.case} is closed; take the entry out")]
    if entry.at > now:
        return [Refusal(line, "at", "is still to come; declare a step once it is done")]
    if declarations.declare(c, case.tenant, case.ref, signal, at=entry.at, who=entry.who, why=entry.why):
        due.mark_due(c, case.tenant, [case.ref], now, "declared")
        resyncs.record_declaration(c, case.tenant, case.ref, signal.value, entry.who, entry.why, now)
        with log_context(tenant=case.tenant, case=case.ref):
            log("step_declared", signal=signal.value, who=entry.who, why=entry.why)
    return []
