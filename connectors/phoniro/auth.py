"""OAuth 2.0 client credentials (RFC 6749, section 4.4): a bearer token, renewed before it runs out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Annotated, Final

import httpx
from pydantic import BaseModel, ConfigDict, Field

from connectors.errors import Refused, Unauthorised
from connectors.http.client import VendorHttp

RENEW_AHEAD: Final = 60.0
"""Seconds before its expiry at which a token is renewed; for a token that lives under two minutes, half its life."""


class _Token(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    # What may stand in a header (RFC 6750, section 2.1, a little wider): nothing that could start another one.
    access_token: Annotated[str, Field(pattern=r"^[!-~]+$", repr=False)]
    token_type: Annotated[str, Field(pattern=r"^[Bb][Ee][Aa][Rr][Ee][Rr]$")]
    expires_in: Annotated[float, Field(gt=0)]


class ClientCredentials(httpx.Auth):
    """Sends each request with the client's token, and once more with a new one if the answer is 401, which had no
    effect. ``http`` asks for tokens, ``monotonic`` is a clock in seconds.

    Where no token can be had, ``Unauthorised`` (client id, secret or scope not accepted), ``Transient`` or
    ``ContractBroken`` is raised, and the request has not been sent.
    """

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

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        for _ in range(2):
            request.extensions.pop("sent_at", None)  # not sent, or in vain, as long as it waits for a token
            token = await self._current()
            request.headers["Authorization"] = f"Bearer {token}"
            response = yield request
            if response.status_code != 401:
                return
            if token == self._token:  # else somebody has renewed it meanwhile
                self._token = None

    async def _current(self) -> str:
        """A token that holds for a while yet; callers at the same time wait for one and the same renewal."""
        async with self._renewal:
            if self._token is None or self._monotonic() >= self._renew_at:
                self._token = await self._renew()
            return self._token

    async def _renew(self) -> str:
        asked_at = self._monotonic()
        call = "POST token"
        try:
            # A token more does no harm: this POST alone may be repeated.
            answer = await self._http.send("POST", "connect/token", call=call, form=self._form, repeatable=True)
        except Refused as error:
            reason = f"client id, client secret or scope is not accepted: {error.message}"
            refusal = Unauthorised(reason, vendor=error.vendor, call=call, status=error.status)
        else:
            token = answer.parse(_Token)
            self._renew_at = asked_at + token.expires_in - min(RENEW_AHEAD, token.expires_in / 2)
            return token.access_token
        raise refusal
