"""Every way in which a call to a vendor can fail. The type of the exception says whether to try again.

A connector raises nothing else. httpx's own exceptions hold whole URLs, and a Lifecare URL has the key and personal
identity numbers (L3, encode/httpx#2760). ``connectors.http`` redacts and shortens the messages.
"""


class VendorError(Exception):
    """A call to a vendor failed.

    ``vendor`` is ``lifecare``, ``phoniro`` or ``mail``. ``call`` names the operation and the resource
    (``GET executions``), never a URL. ``status`` is the HTTP status if there was an answer, and ``fields`` are the
    fields that it finds wrong. ``retry_after`` is the wait that the vendor asked for, in seconds. ``existing_id`` is
    the id of what already has the reference, if the vendor says it (Phoniro's ``existingId``).
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
    """The call had no effect and may succeed later: a refused connection, 429, 503, a read that timed out."""


class NotSent(Transient):
    """The write was not sent, because the caller had lost the right to write. It says nothing about the vendor."""


class AmbiguousWrite(VendorError):
    """A write was sent, and its answer was lost or is unusable (time-out, cut connection, 500, 502, 504, garbage). It
    may have had its effect, so it is *unknown*, not failed (P4)."""


class Unauthorised(VendorError):
    """The key, token or login is not accepted, or not licensed for this resource (L12)."""


class NotFound(VendorError):
    """Nothing has the id that was asked for."""


class Refused(VendorError):
    """The vendor understood the call and refuses it (400, 422 and similar). It will refuse the same call again."""


class Conflict(VendorError):
    """The resource is in another state than the call assumes (409, 412)."""


class ContractBroken(VendorError):
    """The answer to a read breaks the contract: it isn't JSON, a field is missing, a date is invalid."""


class TooLong(ContractBroken):
    """The answer to a read, or a list, is longer than the adapter reads."""
