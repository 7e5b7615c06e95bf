"""Who may see the status page: whoever gives the token, whoever the reverse proxy says has signed in, or, on loopback
without either, whoever is on the machine."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress

from fastapi import Request, Response

from adapter.settings import OpsSettings

COOKIE = "adapter_session"
SESSION_SECONDS = 12 * 3600
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class Access:
    """The settings' way of signing in. A session is a keyed digest of the token: it says nothing of it, and a changed
    token ends it."""

    def __init__(self, settings: OpsSettings) -> None:
        self._token = settings.token.get_secret_value()
        self._header = settings.proxy_header
        self._networks = [
            ipaddress.ip_network(a.strip(), strict=False) for a in settings.proxy_addresses.split(",") if a.strip()
        ]

    @property
    def by_token(self) -> bool:
        return bool(self._token)

    def refusal(self, request: Request) -> str | None:
        """None where the caller may see the page, else the code of the text that says why not: ``sign_in``,
        ``no_entry`` or ``no_host_text``."""
        if self._header and self._from_proxy(request) and request.headers.get(self._header):
            return None
        if self._token:
            given = request.cookies.get(COOKIE, "")
            return None if hmac.compare_digest(given.encode(), self._session().encode()) else "sign_in"
        if self._header:
            return "no_entry"
        # Open on loopback: a foreign name in Host is another site's page that reaches for this one (DNS rebinding).
        return None if (request.url.hostname or "") in _LOCAL_HOSTS else "no_host_text"

    def caller(self, request: Request) -> str:
        """Who asks: who connects, or, behind the reverse proxy, whom it names last in X-Forwarded-For. One stranger's
        guesses then lock out that stranger alone."""
        named = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        return (named if self._from_proxy(request) else "") or (request.client.host if request.client else "")

    def accepts(self, token: str) -> bool:
        return bool(self._token) and hmac.compare_digest(token.encode(), self._token.encode())

    def begin(self, response: Response, *, secure: bool) -> None:
        """Sign the caller in."""
        response.set_cookie(
            COOKIE, self._session(), max_age=SESSION_SECONDS, httponly=True, samesite="strict", secure=secure, path="/"
        )

    @staticmethod
    def encrypted(request: Request) -> bool:
        """Whether the caller's side is TLS, which a proxy before us may end and then says so. Anybody may say it: all
        that comes of it is that their own cookie is never sent in clear."""
        forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
        return request.url.scheme == "https" or forwarded == "https"

    @staticmethod
    def end(response: Response) -> None:
        response.delete_cookie(COOKIE, path="/")

    def _session(self) -> str:
        return hmac.new(self._token.encode(), b"status page session", hashlib.sha256).hexdigest()

    def _from_proxy(self, request: Request) -> bool:
        try:
            peer = ipaddress.ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        return any(peer in network for network in self._networks)
