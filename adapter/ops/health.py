"""Whether the process is alive (``/healthz``), and whether the adapter does its work (``/readyz``)."""

import asyncio
import math
from datetime import datetime, timedelta
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from adapter.engine.feed_reader import FEEDS
from adapter.engine.runtime import Runtime
from adapter.ops.context import Ops
from adapter.store.database import usable
from adapter.store.errors import StoreError
from adapter.store.keys import new_keys
from adapter.store.tables import feeds

FRESH_POLLS = 10
FRESH_LEAST = timedelta(minutes=10)
"""A feed is fresh while its last whole read is younger than ``FRESH_POLLS`` polls or than ``FRESH_LEAST``."""

AHEAD = timedelta(minutes=1)
"""How far another replica's clock may be ahead of ours."""

STORE_SECONDS = 5.0
TENANT = "feeds "
"""The names of the checks that concern one municipality begin so."""


class Check(BaseModel):
    """One check; ``detail`` says what is wrong."""

    name: str
    ok: bool
    detail: str = ""


class Health(BaseModel):
    """``fail`` comes with status 503. ``part``: something is wrong for some municipalities, and others are served."""

    status: Literal["ok", "part", "fail"]
    checks: list[Check] = Field(description="What was checked.")


def age(at: datetime | None, now: datetime) -> float:
    """Seconds since ``at``. Infinite if it is None or in the future: then the clock was set back, and nobody knows the
    age."""
    if at is None or at - now > AHEAD:
        return math.inf
    return max((now - at).total_seconds(), 0.0)


def fresh_for(runtime: Runtime) -> timedelta:
    """How old a feed's last whole read may be."""
    return max(runtime.tuning.poll * FRESH_POLLS, FRESH_LEAST)


routes = APIRouter(tags=["health"])
_FAILING: dict[int | str, dict[str, object]] = {503: {"model": Health, "description": "Something is wrong."}}


@routes.get("/healthz", responses=_FAILING, summary="Is the process alive?")
async def healthz(response: Response, ops: Ops) -> Health:
    """The event loop answers, and the work gave a sign of life lately. Vendors and the database aren't asked, because a
    restart would mend neither."""
    work = Check(name="work", ok=ops.watchdog.alive)
    if not work.ok:
        work.detail = f"no sign of life from the work for {ops.watchdog.work_seconds:.0f} s"
    return _answer(response, [Check(name="loop", ok=True), work])


@routes.get("/readyz", responses=_FAILING, summary="Does the adapter do its work?")
async def readyz(response: Response, ops: Ops) -> Health:
    """The database answers, its keys are known, its tables are this version's (or a newer one's), and every feed was
    read lately. The status stays 200 while at least one municipality is served as it should be; the checks show the
    others' faults."""
    checks = await readiness(ops.runtime)
    some = any(check.ok for check in checks if check.name.startswith(TENANT))
    return _answer(response, checks, part=some and all(c.ok for c in checks if not c.name.startswith(TENANT)))


def _answer(response: Response, checks: list[Check], *, part: bool = False) -> Health:
    well = all(check.ok for check in checks)
    response.status_code = 200 if well or part else 503
    return Health(status="ok" if well else "part" if part else "fail", checks=checks)


async def readiness(rt: Runtime) -> list[Check]:
    """The checks of the store, the migrations and each municipality's feeds. A check that can't be made isn't ok."""
    try:
        async with asyncio.timeout(STORE_SECONDS):
            current, head = await asyncio.to_thread(rt.db.schema)
            read_at = await rt.db.run(_read_at)
    except StoreError as e:
        return [Check(name="store", ok=False, detail=str(e))]
    except TimeoutError:
        return [Check(name="store", ok=False, detail=f"no answer within {STORE_SECONDS:.0f} s")]
    current_enough = usable(current, head)
    checks = [Check(name="store", ok=True), Check(name="migrations", ok=current_enough)]
    if not current_enough:
        checks[-1].detail = f"the tables are of revision {current or 'none'}, this version needs {head}"
    now, oldest = rt.clock.now(), fresh_for(rt)
    for tenant in rt.tenants:
        read = {name: read_at.get((tenant, name)) for name in FEEDS}
        faults = {
            "not read yet": [name for name, at in read.items() if at is None],
            f"not read whole within {oldest.total_seconds():.0f} s": [
                name for name, at in read.items() if at is not None and age(at, now) > oldest.total_seconds()
            ],
        }
        detail = "; ".join(f"{what}: {', '.join(names)}" for what, names in faults.items() if names)
        checks.append(Check(name=f"{TENANT}{tenant}", ok=not detail, detail=detail))
    refused = "not served: its settings or mapping can't be used; `adapter check` says what to mend"
    return [*checks, *(Check(name=f"{TENANT}{name}", ok=False, detail=refused) for name in rt.refused)]


def _read_at(c: Connection) -> dict[tuple[str, str], datetime | None]:
    new_keys(c)
    return {(t, name): at for t, name, at in c.execute(select(feeds.c.tenant, feeds.c.name, feeds.c.read_at))}
