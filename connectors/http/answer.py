"""An answer that came, and what is made of its body."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from connectors.errors import AmbiguousWrite, ContractBroken, VendorError
from connectors.http.classify import http_date
from connectors.plain import COSTLIEST, cost, read_json
from connectors.rows import faults_of

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer, or one of a status that the caller accepts.

    What can't be read of it is ``ContractBroken`` on a read and ``AmbiguousWrite`` on a write.
    """

    vendor: str
    call: str
    repeatable: bool
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def server_time(self) -> datetime | None:
        """The ``Date`` header (aware UTC), for the skew between the vendor's clock and ours."""
        return http_date(self.headers.get("Date"))

    def json(self) -> Any:
        """The body as JSON; what is odd about one value spoils no other (``read_json``)."""
        if cost(self.body) > COSTLIEST:
            raise self.broken("the answer holds more values than are read")
        try:
            return read_json(self.body)
        except (ValueError, RecursionError):
            error = self.broken("the answer is not JSON")
        raise error

    def parse(self, model: type[M]) -> M:
        """The body as ``model``; the error names the fields at fault and none of their values."""
        document = self.json()
        try:
            return model.model_validate(document)
        except ValidationError as failure:
            error = self.broken(f"the answer is no {model.__name__}: {faults_of(failure)}")
        raise error

    def broken(self, reason: str) -> VendorError:
        """The error, to be raised by the caller, for an answer that is not what the contract says."""
        kind = ContractBroken if self.repeatable else AmbiguousWrite
        return kind(reason, vendor=self.vendor, call=self.call, status=self.status)
