"""The webhook: somebody says that an order changed. It is a hint, and its data is never trusted.

It only makes the adapter read the order's case, or the change feeds, now instead of at the next poll. So a hook that is
lost, late, doubled or untrue changes only when the adapter reads.
"""

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import Connection

from adapter.log_events import log, log_context
from adapter.ops.context import Ops, OpsContext
from adapter.store import cases, due, feeds
from adapter.store.errors import StoreError
from adapter.store.sql import insert_missing
from adapter.store.tables import feed_items

LARGEST = 8 * 1024
"""Bytes in a body, at most."""

TOLERANCE = timedelta(minutes=5)
"""How far a request's timestamp may be from our clock, in either direction."""

_SIGNATURE = re.compile(r"(?:sha256=)?([0-9a-fA-F]{64})")
_SEEN = "hook:seen"


def _just_the_id(value: object) -> object:
    """An order's id, sent as text, as a number, or inside the order itself. Nothing else of the order is read."""
    if isinstance(value, dict):
        value = next((value[name] for name in ("Id", "id") if name in value), None)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _printable(value: str) -> str:
    if not value.isprintable() or value.isspace():
        raise ValueError("must be an order's id")
    return value


OrderId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(_printable),
    BeforeValidator(_just_the_id),
]


class Hint(BaseModel):
    """What changed."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    order: OrderId | None = None
    orders: list[OrderId] = Field([], max_length=100)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*([self.order] if self.order else []), *self.orders]))


class Taken(BaseModel):
    """``known`` cases were marked to be read now. ``new`` orders have no case yet: the change feeds are read now."""

    known: int
    new: int


class Refused(BaseModel):
    """Why nothing was done."""

    error: str


_ID_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"},
        {"type": "integer", "minimum": 0, "maximum": 10**18},
        {
            "type": "object",
            "required": ["Id"],
            "properties": {
                "Id": {"type": ["string", "integer"], "pattern": "^[A-Za-z0-9_-]+$", "minLength": 1, "maxLength": 64,
                       "minimum": 0, "maximum": 10**18}
            },
        },
    ]
}  # fmt: skip
_BODY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "An order, or only its id; or several. Nothing but the id is read.",
    "anyOf": [{"required": ["order"]}, {"required": ["orders"]}],
    "properties": {
        "order": _ID_SCHEMA,
        "orders": {"type": "array", "items": _ID_SCHEMA, "minItems": 1, "maxItems": 100},
    },
}
_HEADERS = (
    ("Adapter-Timestamp", True, "Seconds since 1970-01-01 UTC, at most five minutes from now.", "^[0-9]{1,11}$"),
    (
        "Adapter-Signature",
        True,
        "`sha256=` and the HMAC-SHA256, in hexadecimal, over the timestamp, a full stop and the body.",
        "^sha256=[0-9a-f]{64}$",
    ),
    ("Adapter-Tenant", False, "The municipality, where the adapter serves several.", "^[a-z][a-z0-9-]{0,39}$"),
)
_DOCS: dict[str, Any] = {
    "parameters": [
        {
            "name": name,
            "in": "header",
            "required": required,
            "description": text,
            "schema": {"type": "string", "pattern": pattern},
        }
        for name, required, text, pattern in _HEADERS
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": _BODY_SCHEMA}}},
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refused, "description": text}
    for status, text in {
        400: "The body isn't JSON of the right form.",
        401: "The signature is missing or wrong, or the timestamp isn't within five minutes of now.",
        404: "No such municipality, or it receives no hooks.",
        409: "The same request was received before. Don't repeat it.",
        413: f"The body is larger than {LARGEST} bytes.",
        429: "Too many; `Retry-After` says when to come back.",
        503: "The adapter's database can't be used just now.",
    }.items()
}


async def _take(request: Request, ops: OpsContext) -> Taken:
    """Raises ``HTTPException`` with the reason if it isn't accepted."""
    tenant, secret = _tenant(request, ops)
    body = await request.body()
    if len(body) > LARGEST:
        raise HTTPException(413, f"the body is larger than {LARGEST} bytes")
    timestamp, signature = (request.headers.get(h, "") for h in ("Adapter-Timestamp", "Adapter-Signature"))
    now = ops.runtime.clock.now()
    right = verified(secret, timestamp, signature, body, now)
    if right is None:
        text = "the signature is missing or wrong, or the timestamp isn't within five minutes of now"
        raise HTTPException(401, text)
    if not ops.limits.hooks.take(tenant):
        raise HTTPException(429, f"more than {ops.settings.hooks_per_minute} hooks a minute")
    ids = _ids(body)
    with log_context(tenant=tenant):
        taken = await ops.runtime.db.run(lambda c: _mark(c, tenant, right, ids, now))
        log("hook_received", orders=len(ids), known=taken.known, new=taken.new)
    if taken.new:
        ops.runtime.asked[tenant] = now
    return taken


def _tenant(request: Request, ops: OpsContext) -> tuple[str, bytes]:
    tenants = ops.runtime.tenants
    only = next(iter(tenants)) if len(tenants) == 1 else ""
    tenant = request.headers.get("Adapter-Tenant") or only
    secret = ops.hook_secrets.get(tenant)
    if tenant not in tenants or not secret:
        raise HTTPException(404, "no such municipality, or it receives no hooks")
    return tenant, secret


def _refuse(ops: OpsContext, status: int, reason: str) -> JSONResponse:
    # A caller without the secret must not be able to fill the log.
    if status == 429 or ops.limits.refused_hooks.take(""):
        if status != 409:
            log("hook_refused", status=status, reason=reason)
    else:
        status, reason = 429, "too many refused requests"
    headers = {"Retry-After": str(ops.limits.hooks.wait_seconds())} if status == 429 else {}
    return JSONResponse({"error": reason}, status, headers)


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The signature in the header: HMAC-SHA256 (RFC 2104) over the timestamp, a full stop and the body, written as
    ``sha256=`` and 64 hexadecimal digits."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def verified(secret: bytes, timestamp: str, signature: str, body: bytes, now: datetime) -> str | None:
    """The signature in lower case with its prefix, if it is right and the timestamp (seconds since 1970, UTC) is within
    the tolerance of ``now``; otherwise None. It takes the same time for every wrong signature."""
    given = _SIGNATURE.fullmatch(signature)
    right = sign(secret, timestamp, body)
    sent = "sha256=" + given[1].lower() if given else ""
    same = hmac.compare_digest(right.encode(), sent.encode())
    return right if same and _timely(timestamp, now) else None


def _timely(timestamp: str, now: datetime) -> bool:
    if not re.fullmatch(r"[0-9]{1,11}", timestamp, re.ASCII):
        return False
    return abs(now - datetime.fromtimestamp(int(timestamp), UTC)) <= TOLERANCE


def _ids(body: bytes) -> tuple[str, ...]:
    try:
        ids = Hint.model_validate(json.loads(body)).ids
    except (ValidationError, ValueError, RecursionError):
        ids = ()
    if not ids:
        raise HTTPException(400, 'the body must be JSON such as {"order": "4711"} or {"orders": ["4711"]}')
    return ids


def _mark(c: Connection, tenant: str, signature: str, ids: tuple[str, ...], now: datetime) -> Taken:
    """All in one transaction, so that a hook counts as received only if its cases were marked."""
    feeds.forget(c, tenant, _SEEN, now - 2 * TOLERANCE)
    seen = {"tenant": tenant, "feed": _SEEN, "item": signature, "fingerprint": "", "seen_at": now}
    if not insert_missing(c, feed_items, seen):
        raise HTTPException(409, "the same request was received before")
    found = {order: cases.case_of_order(c, tenant, order) for order in ids}
    refs = {case.ref for case in found.values() if case is not None and case.open}
    due.mark_due(c, tenant, refs, now, "hook")
    return Taken(known=len(refs), new=sum(case is None for case in found.values()))


routes = APIRouter(tags=["hooks"])


@routes.post(
    "/hooks/lifecare",
    status_code=202,
    response_model=Taken,
    responses=_REFUSALS,
    openapi_extra=_DOCS,
    summary="An order was placed or changed",
)
async def lifecare(request: Request, ops: Ops) -> JSONResponse:
    """A hint that an order changed. The adapter reads it from Lifecare now instead of at the next poll."""
    try:
        taken = await _take(request, ops)
    except HTTPException as e:  # also from BodyLimits
        return _refuse(ops, e.status_code, e.detail)
    except StoreError as e:
        # Not logged here: the jobs log it, once.
        return JSONResponse({"error": f"the database can't be used ({e.reason}); try again"}, 503)
    return JSONResponse(taken.model_dump(), 202)
