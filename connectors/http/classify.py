"""Turns HTTP answers and failures into ``connectors.errors``. This is the only place that does."""

import errno
import json
import os
import ssl
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

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
from connectors.http.error_text import fields_of, message_of, one_line

BELIEVABLE = timedelta(days=1)
"""A ``Retry-After`` that is further away or longer past is a mistake: milliseconds, an epoch or a typing error
(PA2)."""


def http_date(value: str | None) -> datetime | None:
    """An HTTP date (RFC 9110, section 5.6.7) as an aware UTC instant; None if it is missing or invalid."""
    try:
        moment = parsedate_to_datetime(value or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def retry_after(headers: httpx.Headers) -> float | None:
    """``Retry-After`` in seconds; None if it is missing or not believable (PA2). A date is compared with the server's
    own ``Date``, or with our clock if there is none."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return seconds if (seconds := float(value)) <= BELIEVABLE.total_seconds() else None
    until = http_date(value)
    if until is None:
        return None
    wait = until - (http_date(headers.get("Date")) or datetime.now(UTC))
    return max(0.0, wait.total_seconds()) if abs(wait) <= BELIEVABLE else None


def of_status(
    response: httpx.Response, body: bytes, *, vendor: str, call: str, repeatable: bool, secrets: Collection[str]
) -> VendorError:
    """The error for an answer that isn't 2xx. ``secrets`` are taken out of the vendor's words."""
    status, message = response.status_code, message_of(body, secrets)
    wait = retry_after(response.headers) if status in (429, 503) else None
    if status in (429, 503) and wait is None and "Retry-After" in response.headers:
        message += " (its Retry-After is not believable and is ignored)"
    elif status < 400 and repeatable:
        message = "a redirect, which is not followed"
    return _kind(status, repeatable)(
        message,
        vendor=vendor,
        call=call,
        status=status,
        fields=fields_of(body),
        retry_after=wait,
        existing_id=_existing_id(body) if status in (409, 412) else None,
    )


def _kind(status: int, repeatable: bool) -> type[VendorError]:
    match status:
        case 429 | 503:  # both say "not done, come again", so a write had no effect either
            return Transient
        case 409 | 412:
            return Conflict
        case 401 | 403:
            return Unauthorised
        case 404 | 410:
            return NotFound
    if 400 <= status < 500 and status != 408:
        return Refused
    # 408 and redirects come from a server in front of the vendor. Nobody knows whether a write reached the vendor.
    if not repeatable:
        return AmbiguousWrite
    return ContractBroken if status < 400 else Transient


def of_failure(failure: BaseException, *, vendor: str, call: str, repeatable: bool, sent: bool) -> VendorError:
    """The error for a call that got no answer. ``sent``: sending had begun. The failure's own text is never used,
    because it holds the URL (L3)."""
    cause = failure.__cause__ if isinstance(failure, httpx.HTTPError) else None
    name = type(cause or failure).__name__
    if not sent or _nothing_sent(failure, cause):
        return Transient(f"{_why_not(cause or failure)}, nothing was sent", vendor=vendor, call=call)
    if repeatable:
        return Transient(f"no whole answer came ({name})", vendor=vendor, call=call)
    return AmbiguousWrite(f"sent, but the answer was lost ({name})", vendor=vendor, call=call)


def _why_not(raised: BaseException) -> str:
    """Why there is no connection, in words that help to mend it."""
    name = type(raised).__name__
    match raised:
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(raised.certificate_error, "verify_message", "") or "no reason given"
            return f"the certificate is not trusted ({one_line(why)}; put the certificate of your own CA into ca_file)"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy refused the connection (it answered {raised.status})"
        case aiohttp.ClientProxyConnectionError():
            return f"the proxy can't be reached ({_why_not(raised.os_error)})"
        case aiohttp.ClientConnectorDNSError():
            return f"no such host: {raised.host} can't be looked up"
        case aiohttp.ClientConnectorError() if not isinstance(raised.os_error, ssl.SSLError):
            return _why_not(raised.os_error)
        case ConnectionRefusedError():
            return "the connection was refused: nothing listens there"
        case aiohttp.ConnectionTimeoutError():
            return "no connection in time (a firewall?)"
        case TimeoutError():
            return "its turn didn't come in time: there was no token"
        case OSError(errno=int(number)) if number in errno.errorcode and not isinstance(raised, aiohttp.ClientError):
            return f"could not connect ({os.strerror(number)})"
    return f"could not connect ({name})"


def _nothing_sent(failure: BaseException, cause: BaseException | None) -> bool:
    raised = cause or failure
    if isinstance(raised, aiohttp.ClientError):
        # httpx-aiohttp makes every aiohttp connection error a ConnectTimeout, also when the connection was cut *after*
        # the request was sent (ServerDisconnectedError, ClientOSError). Only the cause shows the difference.
        before = aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError | aiohttp.ConnectionTimeoutError
        return isinstance(raised, before | aiohttp.InvalidURL)
    return isinstance(
        failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol
    )


def _existing_id(body: bytes) -> str | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = document.get("existingId") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None
