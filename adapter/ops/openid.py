"""Signing in with OpenID Connect: the code flow with PKCE, state and nonce, by Authlib. Only a signed ID token from the
issuer counts, and only if it is meant for us."""

import ssl
import warnings
from collections.abc import Mapping
from typing import Any, Final

import httpx
from fastapi import Request, Response

from adapter.ops.sign_in import CALLBACK, NoPage, plain
from adapter.settings.model import OidcSettings
from adapter.settings.values import Role

with warnings.catch_warnings():
    from authlib.deprecate import AuthlibDeprecationWarning

    # Authlib asks for the successor of httpx, which nothing else here uses yet.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.starlette_client import OAuth

_PATIENCE_SECONDS: Final = 10.0


class OpenId:
    """One identity provider. It is not called before somebody signs in."""

    def __init__(self, settings: OidcSettings, public_url: str) -> None:
        """``public_url`` is where people reach the status page."""
        self._settings = settings
        self._back_to = public_url + CALLBACK
        more: dict[str, Any] = {"verify": _trusting(settings)} if settings.ca_file else {}
        self._provider = OAuth().register(
            "oidc",
            client_id=settings.client_id,
            client_secret=settings.client_secret.get_secret_value(),
            server_metadata_url=f"{settings.issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": settings.scope,
                "code_challenge_method": "S256",
                "timeout": _PATIENCE_SECONDS,
                **more,
            },
        )

    async def begin(self, request: Request) -> tuple[Response, Mapping[str, Any]]:
        """The redirect to the provider, and what to keep until the browser comes back. Raises ``NoPage``."""
        await self._issuer()
        request.scope["session"] = {}
        response: Response = await self._provider.authorize_redirect(request, self._back_to)
        return response, request.scope["session"]

    async def finish(self, request: Request, kept: Mapping[str, Any]) -> tuple[str, Role]:
        """Who came back, and their role. Raises ``NoPage``. Without ``kept`` the provider isn't called."""
        if not kept:
            raise NoPage(403, "no_sign_in", "oidc_refused", reason="not on the way")
        issuer = await self._issuer()
        request.scope["session"] = dict(kept)
        # Without this, Authlib accepts a token for another audience if it names us as the party that asked for it.
        ours = {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
        }
        try:
            token = await self._provider.authorize_access_token(request, claims_options=ours)
        except Exception as error:  # noqa: BLE001  # no answer of the provider, however odd, may sign somebody in
            raise NoPage(403, "no_sign_in", "oidc_refused", reason=type(error).__name__) from None
        claims = token.get("userinfo")
        if not claims:
            raise NoPage(403, "no_sign_in", "oidc_refused", reason="no id token")
        return self._user(claims)

    async def _issuer(self) -> str:
        """The issuer's name as it stands in its tokens."""
        try:
            about = await self._provider.load_server_metadata()
        except (httpx.HTTPError, ValueError, TypeError, AttributeError) as error:
            reason = f"issuer unreadable: {type(error).__name__}"
            raise NoPage(503, "no_sign_in", "oidc_away", reason=reason) from None
        issuer = str(about.get("issuer", ""))
        if issuer.rstrip("/") != self._settings.issuer.rstrip("/"):
            about.clear()  # Authlib would keep it for ever, and the wrong page may have been there only for a moment
            raise NoPage(403, "no_sign_in", "oidc_refused", reason="another issuer")
        return issuer

    def _user(self, claims: Mapping[str, Any]) -> tuple[str, Role]:
        # Several persons can have the same name. Only `sub` is never given to another (OpenID Connect Core, 5.7).
        name, sub = plain(str(claims.get(self._settings.name_claim) or "")), plain(str(claims["sub"]), longest=255)
        who = sub if name in ("", sub) else f"{name} ({sub})"
        found: Any = claims
        for part in self._settings.role_claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        roles = {found} if isinstance(found, str) else set(map(str, found)) if isinstance(found, list) else set()
        if roles & _names(self._settings.operate_roles):
            return who, "operate"
        if roles & _names(self._settings.read_roles):
            return who, "read"
        raise NoPage(403, "no_entry", "oidc_no_role", reason="no role")


def _names(value: str) -> set[str]:
    return {name.strip() for name in value.split(",") if name.strip()}


def _trusting(settings: OidcSettings) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    context.load_verify_locations(settings.ca_file)
    return context
