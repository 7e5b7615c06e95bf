"""Every way in which a vendor call can end badly, as one family (design: whether to retry is in the exception's type).

A connector raises nothing else: httpx's own exceptions carry whole URLs, and a Lifecare URL carries the key and
personal identity numbers (L3, encode/httpx#2760). Messages here are redacted and capped by ``connectors.http``.
"""

from __future__ import annotations


class VendorError(Exception):
    """A call to a vendor failed.

    ``vendor`` is ``lifecare``, ``phoniro`` or ``mail``; ``call`` names the operation and the resource, never a URL
    (``GET executions``); ``status`` is the HTTP status, if there was an answer, and ``fields`` are those at fault by
    it. ``retry_after`` is what the vendor asked for, in seconds (a date is already converted); ``existing_id`` is who
    has a reference that is taken, where the vendor says so (Phoniro's ``existingId``).
    """

    def __init__(
        self,
        message: str,
        *,
        vendor: str,
        call: str,
        status: int | None = None,
        fields: tuple[str, ...] = (),
        retry_after: float | None = None,
        existing_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.vendor, self.call, self.status, self.fields = vendor, call, status, fields
        self.retry_after, self.existing_id = retry_after, existing_id

    def __str__(self) -> str:
        answer = f" answered {self.status}" if self.status is not None else ""
        return f"{self.vendor} {self.call}{answer}: {self.message}"


class Transient(VendorError):
    """The call had no effect and may succeed later: refused connection, 429, 503, a time-out of a read."""


class NotSent(Transient):
    """The call was not made, because whoever wanted it had lost the right to write by then. It says nothing about the
    vendor."""


class AmbiguousWrite(VendorError):
    """A write was sent and its answer was lost or says nothing (time-out, cut connection, 500, 502, 504, garbage):
    it may have had its effect. It is *unknown*, not failed (P4)."""


class Unauthorised(VendorError):
    """The key, token or login is not accepted, or not licensed for this resource (L12)."""


class NotFound(VendorError):
    """The one thing asked for by its id is not there."""


class Refused(VendorError):
    """The vendor understood and refuses (400, 422 and their like); the same call will be refused again."""


class Conflict(VendorError):
    """The thing is in another state than the call supposes (409, 412)."""


class ContractBroken(VendorError):
    """The answer to a read is not what the contract says: not JSON, a missing field, a date that is no date."""


class TooLong(ContractBroken):
    """The answer to a read, or a list, is longer than is read."""
