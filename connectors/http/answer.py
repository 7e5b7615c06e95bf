"""A vendor's answer, and how its body is read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from connectors.errors import AmbiguousWrite, ContractBroken, VendorError
from connectors.http.classify import http_date
from connectors.json_values import COSTLIEST, cost, read_json
from connectors.rows import faults_of

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with 2xx or with a status that the caller accepts.

    If it can't be read, the error is ``ContractBroken`` for a read and ``AmbiguousWrite`` for a write.
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
        """The body as JSON (``read_json``)."""
        if cost(self.body) > COSTLIEST:
            raise self.broken("the answer holds more values than the adapter reads")
        try:
            return read_json(self.body)
        except (ValueError, RecursionError):
            error = self.broken("the answer is not JSON")
        raise error

    def parse(self, model: type[M]) -> M:
        """The body as ``model``. The error names the wrong fields and none of their values."""
        document = self.json()
        try:
            return model.model_validate(document)
        except ValidationError as failure:
            error = self.broken(f"the answer is no {model.__name__}: {faults_of(failure)}")
        raise error

    def broken(self, reason: str) -> VendorError:
        """The error for an answer that breaks the contract. The caller raises it."""
        kind = ContractBroken if self.repeatable else AmbiguousWrite
        return kind(reason, vendor=self.vendor, call=self.call, status=self.status)
