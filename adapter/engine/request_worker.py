"""What people ask by file: takes each entry once, and works on it beside the daily work."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from adapter.domain.facts import Signal
from adapter.engine.adoption import adopt
from adapter.engine.file_watch import FileWatch
from adapter.engine.request_file import KINDS, Adoption, Declaration, Entry, Refusal, Resync, read_request_file
from adapter.engine.resync import ResyncTurn
from adapter.engine.runtime import Runtime
from adapter.log_events import log, log_context
from adapter.ports import PortError
from adapter.store import cases, due, facts, requests
from adapter.store.errors import Overtaken, StoreError
from adapter.store.requests import Request

RETRY: Final = timedelta(minutes=1)
"""How long a request waits if something can't be read now."""
PAPERS: Final = frozenset({Signal.CONSENT_SIGNED, Signal.LIABILITY_SIGNED, Signal.COHABITANT_CONSENT})
"""Papers that must be signed before anybody may look. The routine wants them noted in Lifecare only."""
LEASES: Final = 10
"""How many leases of a case a turn at a request may last."""


def request_files(rt: Runtime) -> list[Path]:
    """The request files."""
    return [path for path in (rt.tuning.adopt_file, rt.tuning.resync_file) if path is not None]


class RequestDesk:
    """Reads the request files when they have changed, and works on the requests."""

    def __init__(self, rt: Runtime) -> None:
        self.rt = rt
        self.watch = FileWatch(lambda: request_files(rt))

    async def look_and_work(self) -> None:
        """Raises ``StoreError``; then the files are read at a later check."""
        if self.watch.changed():
            await take_in(self.rt, *request_files(self.rt))
            self.watch.was_read()
        await turn(self.rt)


async def take_in(rt: Runtime, *files: Path) -> None:
    """Take every entry that wasn't taken before, and log those that can't be used. Raises ``StoreError``."""
    refused: list[str] = []
    for path in files:
        read = read_request_file(path, list(rt.tenants))
        refusals = list(read.refusals)
        for line, entry in read.entries:
            refusals += await rt.db.run(partial(_take, rt=rt, entry=entry, origin=f"{path.name}:{line}"))
        for refusal in sorted(refusals, key=lambda r: r.line):
            log("request_refused", file=path.name, line=refusal.line, field=refusal.key, reason=refusal.reason)
            refused.append(f"{path.name}:{refusal.line}")
    rt.requests_refused[:] = dict.fromkeys(refused)


def _take(c: Connection, rt: Runtime, entry: Entry, origin: str) -> list[Refusal]:
    line = int(origin.rpartition(":")[2])
    if isinstance(entry, Declaration):
        return _declare(c, rt, entry, origin, line)
    kind = next(name for name, model in KINDS.items() if isinstance(entry, model))
    content = entry.model_dump(mode="json", exclude_defaults=True)
    tenants = [entry.tenant] if entry.tenant else list(rt.tenants)
    if isinstance(entry, Resync) and (before := requests.all_requests(c, id=entry.key)):
        reason = f"{entry.key} was taken before for another request; give this one a new id"
        return [Refusal(line, "id", reason)] if before[0].content != content else []
    if requests.take(c, tenants, entry.key, kind, content, rt.clock.now(), origin=origin):
        _tell_taken(entry, kind)
    return []


def _declare(c: Connection, rt: Runtime, entry: Declaration, origin: str, line: int) -> list[Refusal]:
    """A step declared by hand counts at once, like its signal."""
    tenants = [entry.tenant] if entry.tenant else list(rt.tenants)
    found = [case for name in tenants if (case := cases.case(c, name, entry.case))]
    if len(found) != 1:
        reason = "is no case of ours" if not found else "is a case of more than one municipality; name the tenant"
        return [Refusal(line, "case", f"{entry.case} {reason}")]
    (case,) = found
    signal, now = entry.signal, rt.clock.now()
    if requests.all_requests(c, id=entry.key, tenant=case.tenant):
        return []
    if not case.open:
        return [Refusal(line, "case", f"{entry.case} is closed; take the entry out")]
    if entry.at > now:
        return [Refusal(line, "at", "is in the future; declare a step when it is done")]
    if entry.at < case.opened_at:
        return [Refusal(line, "at", f"is from before the case was opened ({case.opened_at:%Y-%m-%d %H:%M} UTC)")]
    if signal in PAPERS:
        return [Refusal(line, "signal", f"{signal} must be noted in Lifecare; it can't be declared by hand")]
    content = entry.model_dump(mode="json", exclude_defaults=True)
    if requests.take(c, [case.tenant], entry.key, "done", content, now, origin=origin, finished=True):
        facts.declare(c, case.tenant, case.ref, signal, at=entry.at, who=entry.who, why=entry.why, now=now)
        due.mark_due(c, case.tenant, [case.ref], now, "declared")
        with log_context(tenant=case.tenant, case=case.ref):
            log("step_declared", signal=signal.value, who=entry.who, why=entry.why)
    return []


def _tell_taken(entry: Entry, kind: str) -> None:
    scope, mode = (entry.scope, entry.mode) if isinstance(entry, Resync) else (None, None)
    log("request_taken", request=entry.key, kind=kind, scope=scope, mode=mode, who=entry.who, why=entry.why)


async def turn(rt: Runtime) -> bool:
    """Work on the requests whose turn it is, up to and with the first re-sync, which continues at later turns. Returns
    False if there was none. If something can't be read now, that request is tried again later, and the others go on.
    Raises ``StoreError``."""
    worked = False
    while True:
        now = rt.clock.now()
        until = now + rt.tuning.lease * LEASES
        claim = partial(requests.claim, tenants=list(rt.tenants), now=now, owner=rt.owner, lease_until=until)
        request = await rt.db.run(claim)
        if request is None:
            return worked
        with log_context(tenant=request.tenant, correlation=f"{request.kind}-{request.id}"):
            await _work(rt, request)
        worked = True
        if request.kind == "resync":
            return worked


async def _work(rt: Runtime, request: Request) -> None:
    tenant, began = rt.tenants[request.tenant], rt.clock.now()
    try:
        if request.kind == "adopt":
            await _adopt(rt, request)
        else:
            await ResyncTurn(rt, tenant, request).take()
    except Overtaken:
        log("lease_lost", lease=f"request {request.id}", held_seconds=(rt.clock.now() - began).total_seconds())
    except PortError as e:
        if request.error != str(e):
            log("request_waits", request=request.id, failure=e.failure.value, error=e, retry_seconds=RETRY.seconds)
        await _wait(rt, request, str(e))
    except StoreError:
        raise
    except Exception as e:  # noqa: BLE001  # P6: an exception of our own code for one request concerns only that one
        log("job_failed", job=f"request {request.id}", error=e)
        await _wait(rt, request, f"{type(e).__name__} while working on it")


async def _wait(rt: Runtime, request: Request, error: str) -> None:
    again = rt.clock.now() + RETRY
    await rt.db.run(lambda c: requests.give_back(c, request, error=error, retry_at=again))


async def _adopt(rt: Runtime, request: Request) -> None:
    reason = await adopt(rt, rt.tenants[request.tenant], Adoption.model_validate(request.content))
    ended = {"finished_at": rt.clock.now(), "error": reason, "retry_at": None}
    await rt.db.run(lambda c: requests.give_back(c, request, **ended))
    if reason:
        file, _, line = request.origin.rpartition(":")
        log("request_refused", file=file, line=int(line), field="", reason=reason)
