"""What an answer, or its absence, means: the one place where HTTP becomes ``connectors.errors``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

import aiohttp
import httpx

from connectors.errors import (
    AmbiguousWrite,
    Conflict,
    ContractBroken,
    NotFound,
    Refused,
    Transient,
    Unauthorised,
    VendorError,
)
from connectors.http.message import message_of


@lru_cache(maxsize=32)
def http_date(value: str | None) -> datetime | None:
    """An HTTP date (RFC 9110, section 5.6.7) as an aware UTC instant; None if it is absent or no date."""
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, TypeError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def retry_after(headers: httpx.Headers, now: datetime) -> float | None:
    """``Retry-After`` in seconds. A date is measured against the server's own ``Date``, else against ``now`` (UTC)."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    until = http_date(value)
    if until is None:
        return None
    return max(0.0, (until - (http_date(headers.get("Date")) or now)).total_seconds())


def of_status(
    status: int, headers: httpx.Headers, body: bytes, *, vendor: str, call: str, repeatable: bool, now: datetime
) -> VendorError:
    """The error that an answer other than 2xx stands for."""
    message = message_of(body)
    if status in (429, 503):  # both say "not done, come again": no effect, writes included
        wait = retry_after(headers, now)
        return Transient(message, vendor=vendor, call=call, status=status, retry_after=wait)
    if status in (409, 412):
        return Conflict(message, vendor=vendor, call=call, status=status, existing_id=_existing_id(body))
    if status >= 500 or status == 408 or status < 400:
        # 408 and redirects come from whatever stands in front of the vendor: of a write nobody knows what became.
        if not repeatable:
            return AmbiguousWrite(message, vendor=vendor, call=call, status=status)
        if status < 400:
            return ContractBroken("a redirect, which is not followed", vendor=vendor, call=call, status=status)
        return Transient(message, vendor=vendor, call=call, status=status)
    kind: type[VendorError] = Refused
    if status in (401, 403):
        kind = Unauthorised
    elif status in (404, 410):
        kind = NotFound
    return kind(message, vendor=vendor, call=call, status=status)


def of_failure(failure: BaseException, *, vendor: str, call: str, repeatable: bool) -> VendorError:
    """The error that a failed exchange stands for. The failure's own text is never used: it holds the URL (L3)."""
    if _nothing_sent(failure):
        return Transient(f"could not connect ({_name(failure)}), nothing was sent", vendor=vendor, call=call)
    if repeatable:
        return Transient(f"no whole answer came ({_name(failure)})", vendor=vendor, call=call)
    return AmbiguousWrite(f"sent, but the answer was lost ({_name(failure)})", vendor=vendor, call=call)


def _nothing_sent(failure: BaseException) -> bool:
    cause = failure.__cause__ if isinstance(failure, httpx.HTTPError) else failure
    if isinstance(cause, aiohttp.ClientError):
        # httpx-aiohttp calls every aiohttp connection error a ConnectTimeout, also a connection that was cut *after*
        # the request was sent (ServerDisconnectedError, ClientOSError): only the cause tells them apart.
        return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL)
    return isinstance(
        failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol
    )


def _name(failure: BaseException) -> str:
    cause = failure.__cause__ if isinstance(failure, httpx.HTTPError) else None
    return type(cause or failure).__name__


def _existing_id(body: bytes) -> str | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = document.get("existingId") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None
