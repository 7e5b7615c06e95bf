"""The token endpoint of the simulated Phoniro: OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from connectors.mock.wire import Answer, Request, json_answer, problem

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


class Tokens:
    """The tokens handed out, with the instants (UTC) at which they run out."""

    def __init__(self, client_id: str, client_secret: str, *, seconds: int, rng: random.Random) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self._seconds = seconds
        self._rng = rng
        self._valid_until: dict[str, datetime] = {}

    def revoke_all(self) -> int:
        """Every token is refused from now on; gives how many there were."""
        revoked = len(self._valid_until)
        self._valid_until.clear()
        return revoked

    def refusal(self, request: Request, now: datetime) -> Answer | None:
        """The 401 for a request without a valid bearer token (RFC 6750); None where it has one."""
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        until = self._valid_until.get(token.strip()) if scheme.lower() == "bearer" else None
        if until is not None and now < until:
            return None
        challenge = 'Bearer error="invalid_token"' if scheme else "Bearer"
        return problem(401, "Unauthorized", "A valid bearer token is needed.", headers={"www-authenticate": challenge})

    def grant(self, request: Request, now: datetime) -> Answer:
        """Answer a token request, or refuse it with the error body of RFC 6749, section 5.2."""
        if request.method != "POST":
            return problem(405, "Method Not Allowed", headers={"allow": "POST"})
        error = self._error(request)
        if error is not None:
            return json_answer({"error": error}, 400, NO_STORE)
        token = f"{self._rng.getrandbits(160):040x}"
        self._valid_until[token] = now + timedelta(seconds=self._seconds)
        granted = {"access_token": token, "token_type": "Bearer", "expires_in": self._seconds, "scope": "supervision"}
        return json_answer(granted, 200, NO_STORE)

    def _error(self, request: Request) -> str | None:
        content_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
        form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        if content_type != "application/x-www-form-urlencoded" or any(len(values) > 1 for values in form.values()):
            return "invalid_request"
        sent = {name: values[0] for name, values in form.items()}
        if not {"grant_type", "client_id", "client_secret", "scope"} <= sent.keys():
            return "invalid_request"
        if (sent["client_id"], sent["client_secret"]) != (self.client_id, self.client_secret):
            return "invalid_client"
        if sent["grant_type"] != "client_credentials":
            return "unsupported_grant_type"
        return None if sent["scope"].split() == ["supervision"] else "invalid_scope"
