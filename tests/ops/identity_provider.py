"""A small OpenID Connect identity provider on loopback, which can be told to lie."""

import asyncio
import base64
import hashlib
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "the-adapter", "a secret that both have"


@dataclass
class IdentityProvider:
    """Signs everybody in at once, as ``claims`` say. ``lie`` makes the token wrong in one way."""

    claims: dict[str, Any] = field(default_factory=lambda: {"preferred_username": "anna.larm", "roles": ["night"]})
    lie: str = ""
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = ECKey.generate_key("P-256", parameters={"kid": "one", "use": "sig", "alg": "ES256"})
        self.strangers = ECKey.generate_key("P-256", parameters={"kid": "one"})
        routes = [("/.well-known/openid-configuration", self.about, "GET"), ("/authorize", self.authorize, "GET")]
        routes += [("/token", self.token, "POST"), ("/jwks", self.jwks, "GET")]
        self.app = Starlette(routes=[Route(path, answer, methods=[method]) for path, answer, method in routes])

    async def about(self, _: Request) -> Response:
        paths = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/jwks"}
        about: dict[str, Any] = {name: self.url + path for name, path in paths.items()}
        about["issuer"] = "https://another.example" if self.lie == "issuer's name" else self.url
        # It allows signatures that nobody should accept.
        return JSONResponse(about | {"id_token_signing_alg_values_supported": ["ES256", "none", "HS256"]})

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        code = f"code-{len(self.asked)}"
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def token(self, request: Request) -> Response:
        given = dict((await request.form()).items())
        asked = self.codes.pop(str(given.get("code")), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        shown = hashlib.sha256(str(given.get("code_verifier", "")).encode()).digest()
        challenge = base64.urlsafe_b64encode(shown).decode().rstrip("=")
        known = asked is not None and asked["code_challenge"] == challenge and asked["code_challenge_method"] == "S256"
        if not known or request.headers.get("authorization") != f"Basic {basic}":
            return JSONResponse({"error": "invalid_grant"}, 400)
        assert asked is not None
        answer = {"access_token": "unused", "token_type": "Bearer"}
        return JSONResponse(answer if self.lie == "no token" else answer | {"id_token": self._id_token(asked["nonce"])})

    async def jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 300, "nonce": nonce}
        claims |= self.claims
        wrong: dict[str, dict[str, Any]] = {
            "nonce": {"nonce": "another"},
            "audience": {"aud": "somebody-else"},
            "audience, asked by us": {"aud": "somebody-else", "azp": CLIENT},
            "expired": {"iat": now - 900, "exp": now - 600},
            "issuer": {"iss": "https://another.example"},
        }
        claims |= wrong.get(self.lie, {})
        if self.lie == "unsigned":
            parts = (json.dumps(part).encode() for part in ({"alg": "none", "kid": "one"}, claims))
            return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."
        if self.lie == "signed with the shared secret":
            return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])
        key = self.strangers if self.lie == "a stranger's key" else self.key
        return jwt.encode({"alg": "ES256", "kid": "one"}, claims, key)


@asynccontextmanager
async def identity_provider() -> AsyncIterator[IdentityProvider]:
    provider = IdentityProvider()
    config = uvicorn.Config(provider.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        provider.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # Connections wait in the listener until it is served.
        task = asyncio.create_task(server._serve([listener]))
        try:
            yield provider
        finally:
            server.should_exit = True
            await task
