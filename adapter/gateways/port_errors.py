"""Turns a connector's error into the port's. The engine decides what follows from it."""

from collections.abc import Iterator
from contextlib import contextmanager

from adapter.ports import Failure, PortError
from connectors.errors import (
    AmbiguousWrite,
    Conflict,
    ContractBroken,
    NotFound,
    NotSent,
    Refused,
    Transient,
    Unauthorised,
    VendorError,
)
from mappings.content import WrongContent

_FAILURES: dict[type[VendorError], Failure] = {
    Transient: Failure.TRANSIENT,
    NotSent: Failure.NOT_SENT,
    AmbiguousWrite: Failure.AMBIGUOUS,
    Unauthorised: Failure.UNAUTHORISED,
    NotFound: Failure.NOT_FOUND,
    Refused: Failure.REFUSED,
    Conflict: Failure.CONFLICT,
    ContractBroken: Failure.CONTRACT,
}


def port_error(error: VendorError) -> PortError:
    """The port's error for a connector's. A kind that isn't in the table counts as a broken contract."""
    return PortError(
        _FAILURES.get(type(error), Failure.CONTRACT),
        str(error),
        vendor=error.vendor,
        retry_after=error.retry_after,
        status=error.status,
        fields=error.fields,
    )


@contextmanager
def as_port_errors(vendor: str = "") -> Iterator[None]:
    """Raises ``PortError`` instead of what a connector raises, or of ``WrongContent`` of an act for ``vendor``, without
    the first error as its cause (P8)."""
    try:
        yield
    except VendorError as error:
        failure = port_error(error)
    except WrongContent as error:
        failure = unmapped(f"the act's content can't be used: {error}", vendor)
    else:
        return
    raise failure from None


def unmapped(reason: str, vendor: str, *, lacks: tuple[str, str] | None = None) -> PortError:
    """Our own tables or the act's content lack something that the act needs. Nothing was sent."""
    return PortError(Failure.UNMAPPED, f"{reason}; nothing was sent", vendor=vendor, lacks=lacks)
