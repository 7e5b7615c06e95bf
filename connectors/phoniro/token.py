"""OAuth 2.0 client credentials (RFC 6749, section 4.4): a bearer token, renewed before it runs out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from connectors.errors import Refused, Unauthorised, VendorError
from connectors.http import VendorHttp

RENEW_AHEAD: Final = 60.0
"""Seconds before its expiry at which a token is renewed; for a token that lives under two minutes, half its life."""

_CALL: Final = "POST token"
_TELLING_PART: Final = 12


class _Token(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    # What may stand in a header (RFC 6750, section 2.1, a little wider): nothing that could start another one.
    access_token: Annotated[str, Field(pattern=r"^[!-~]+$", repr=False)]
    token_type: Annotated[str, Field(pattern=r"^[Bb][Ee][Aa][Rr][Ee][Rr]$")]
    expires_in: Annotated[float, Field(gt=0)]


class TokenSource:
    """The current token of one client. ``monotonic`` is a clock in seconds."""

    def __init__(
        self, http: VendorHttp, client_id: str, client_secret: str, scope: str, monotonic: Callable[[], float]
    ) -> None:
        self._http = http
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
            "scope": scope,
        }
        self._monotonic = monotonic
        self._renewal = asyncio.Lock()
        self._token: str | None = None
        self._renew_at = 0.0

    async def get(self) -> str:
        """A token that holds for a while yet; callers at the same time wait for one and the same renewal.

        Raises ``Unauthorised`` (client id, secret or scope not accepted), ``Transient`` or ``ContractBroken``; whatever
        the token was wanted for has then not been sent.
        """
        async with self._renewal:
            if self._token is None or self._monotonic() >= self._renew_at:
                self._token = await self._renew()
            return self._token

    def reject(self, token: str) -> None:
        """Forget a token that was answered 401, unless it has been replaced already."""
        if token == self._token:
            self._token = None

    async def _renew(self) -> str:
        asked_at = self._monotonic()
        try:
            # A token more does no harm: this POST alone may be repeated.
            answer = await self._http.send("POST", "connect/token", call=_CALL, form=self._form, repeatable=True)
        except VendorError as error:
            hide(error, self._form["client_secret"])
            if not isinstance(error, Refused):
                raise
            reason = f"client id, client secret or scope is not accepted: {error.message}"
            refusal = Unauthorised(reason, vendor=error.vendor, call=error.call, status=error.status)
        else:
            token = answer.parse(_Token)
            self._renew_at = asked_at + token.expires_in - min(RENEW_AHEAD, token.expires_in / 2)
            return token.access_token
        raise refusal


def hide(error: VendorError, secret: str) -> None:
    """Take a secret that the vendor echoed out of the error, also where the cap has cut the echo short."""
    start = error.message.find(secret[:_TELLING_PART]) if secret else -1
    if start >= 0:
        error.message = error.message[:start] + "[redacted]"
        error.args = (error.message,)
