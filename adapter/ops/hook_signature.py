"""Signed requests: HMAC-SHA256 (RFC 2104) over the timestamp, a full stop, and the body."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(minutes=5)
"""How far a request's timestamp may be from our clock, in either direction."""

_SIGNATURE = re.compile(r"(?:sha256=)?([0-9a-fA-F]{64})")


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The signature as it stands in the header: ``sha256=`` and 64 hexadecimal digits."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def verified(secret: bytes, timestamp: str, signature: str, body: bytes, now: datetime) -> str | None:
    """The signature in its one form, if it is right and the timestamp (seconds since 1970, UTC) within the tolerance
    of ``now``; None otherwise. Takes the same time however wrong it is."""
    given = _SIGNATURE.fullmatch(signature)
    right = sign(secret, timestamp, body)
    told = "sha256=" + given[1].lower() if given else ""
    same = hmac.compare_digest(right.encode(), told.encode())
    return right if same and _timely(timestamp, now) else None


def _timely(timestamp: str, now: datetime) -> bool:
    if not re.fullmatch(r"[0-9]{1,11}", timestamp, re.ASCII):
        return False
    return abs(now - datetime.fromtimestamp(int(timestamp), UTC)) <= TOLERANCE
