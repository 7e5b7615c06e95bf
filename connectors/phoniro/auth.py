"""OAuth 2.0 client credentials (RFC 6749, section 4.4): a bearer token, renewed before it runs out."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Annotated, Final

import httpx
from pydantic import BaseModel, ConfigDict, Field

from connectors.errors import Refused, Unauthorised
from connectors.http.client import VendorHttp

RENEW_AHEAD: Final = 60.0
"""A token is renewed so many seconds before it expires. If it lives less than two minutes: after half its life."""


class _Token(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    # Only signs that are safe in a header (RFC 6750, section 2.1, and a few more), so that no new header can begin.
    access_token: Annotated[str, Field(pattern=r"^[!-~]+$", repr=False)]
    token_type: Annotated[str, Field(pattern=r"^[Bb][Ee][Aa][Rr][Ee][Rr]$")]
    expires_in: Annotated[float, Field(gt=0)]


class ClientCredentials(httpx.Auth):
    """Sends each request with the client's token. A 401 had no effect, so the request is then sent once more with a new
    token. ``http`` fetches tokens, ``monotonic`` is a clock in seconds.

    If there is no token, the request isn't sent, and ``Unauthorised`` (client id, secret or scope not accepted),
    ``Transient`` or ``ContractBroken`` is raised.
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
            request.extensions.pop("sent_at", None)  # while it waits for a token it counts as not sent
            token = await self._current()
            request.headers["Authorization"] = f"Bearer {token}"
            response = yield request
            if response.status_code != 401:
                return
            if token == self._token:  # otherwise another request has renewed it meanwhile
                self._token = None

    async def _current(self) -> str:
        """A token that is valid for a while. Callers at the same time wait for the same renewal."""
        async with self._renewal:
            if self._token is None or self._monotonic() >= self._renew_at:
                self._token = await self._renew()
            return self._token

    async def _renew(self) -> str:
        asked_at = self._monotonic()
        call = "POST token"
        try:
            # Only this POST may be repeated, because one more token does no harm.
            answer = await self._http.send("POST", "connect/token", call=call, form=self._form, repeatable=True)
        except Refused as error:
            reason = f"client id, client secret or scope is not accepted: {error.message}"
            refusal = Unauthorised(reason, vendor=error.vendor, call=call, status=error.status)
        else:
            token = answer.parse(_Token)
            self._renew_at = asked_at + token.expires_in - min(RENEW_AHEAD, token.expires_in / 2)
            return token.access_token
        raise refusal
