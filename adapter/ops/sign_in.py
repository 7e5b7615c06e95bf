"""Who may see the status page, and what else they may: whoever signed in with a token of theirs or with OpenID Connect,
whoever the reverse proxy says has signed in, or, on loopback without any of it, whoever is on the machine."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from fastapi import Request, Response
from sqlalchemy import Connection

from adapter.domain.wall_clock import local_date
from adapter.ops.connections import by_tls
from adapter.settings.model import OpsSettings, TokenSettings
from adapter.settings.values import Role
from adapter.store import sessions
from adapter.store.reads import Read, Reader

COOKIE = "adapter_session"
CALLBACK = "/oidc/callback"
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_OIDC = "oidc:"
"""What a session was begun by that no token began; no token's name has a colon."""


class NoPage(Exception):
    """What somebody gets in a page's place: a page that says why not. ``title`` and ``text`` are codes of the text
    table; a ``reason`` is logged as a refused sign-in."""

    def __init__(self, status: int, title: str, text: str, *, reason: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.title = title
        self.text = text
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Person(Reader):
    """Somebody who may see the page; ``session`` is what is kept of whoever signed in here."""

    role: Role
    session: sessions.Content | None = None


def page_of_ours(to: str) -> str:
    """The path that somebody is to come to, or the first page: what a browser says may lead anywhere."""
    return to if len(to) <= 500 and re.fullmatch(r"/(?!/)[\w./-]*(\?[\w=&%.+-]*)?", to, re.ASCII) else "/"


class Access:
    """The settings' ways of signing in. Who has signed in is kept in the database until it ends; each remembers the
    digest of what it was signed in by, so that a token that is changed or taken out ends its sessions, and so does a
    change of what OpenID Connect's roles mean. ``zone`` is where a token's last day ends."""

    def __init__(self, settings: OpsSettings, zone: tzinfo) -> None:
        self._settings, self._zone = settings, zone
        self._tokens = dict(settings.tokens)
        if settings.token.get_secret_value():
            self._tokens["operator"] = TokenSettings(token=settings.token, role="operate")
        self._by = {name: _digest(token.token.get_secret_value()) for name, token in self._tokens.items()}
        if oidc := settings.oidc:
            secret = oidc.client_secret.get_secret_value()
            of = (oidc.issuer, oidc.client_id, oidc.name_claim, oidc.role_claim, oidc.read_roles, oidc.operate_roles)
            self._by[_OIDC] = _digest(secret, *of)
        self._networks = [
            ipaddress.ip_network(a.strip(), strict=False) for a in settings.proxy_addresses.split(",") if a.strip()
        ]
        self._operators = {name.strip() for name in settings.proxy_operators.split(",")}

    @property
    def by_token(self) -> bool:
        return bool(self._tokens)

    @property
    def by_oidc(self) -> bool:
        return self._settings.oidc is not None

    def without_session(self, request: Request) -> Person | None:
        """Whoever may see the page without having signed in here; None where it is up to the session. Raises ``NoPage``
        where nobody may."""
        header, place = self._settings.proxy_header, self.caller(request)
        named = request.headers.getlist(header)[-1:]  # HAProxy puts its own behind those that the caller made up
        if named and self._from_proxy(request) and (name := plain(named[0])):
            return Person(name, place, "operate" if self._operators & {name, "*"} else "read")
        if self._by:
            return None
        if header:
            raise NoPage(403, "no_entry", "no_entry_text")
        # Open on loopback: a foreign name in Host is another site's page that reaches for this one (DNS rebinding).
        if (request.url.hostname or "") not in _LOCAL_HOSTS:
            raise NoPage(403, "no_entry", "no_host_text")
        return Person("local", place, "operate")

    def of_session(self, conn: Connection, request: Request, now: datetime) -> Person | None:
        """Whoever signed in with this browser, and is so still."""
        kept = sessions.find(conn, request.cookies.get(self.cookie(request), ""), now)
        role = self._role(kept, now) if kept else None
        return Person(kept["who"], self.caller(request), role, kept) if kept and role else None

    def sessions_of(self, conn: Connection, person: Person, now: datetime) -> dict[str, sessions.Content]:
        """All sessions of whoever has this one, by their digest."""

        def whose(kept: sessions.Content) -> tuple[object, object]:
            return kept.get("by"), kept.get("who")

        mine, found = person.session, sessions.find_all(conn, now)
        return {n: kept for n, kept in found.items() if mine and whose(kept) == whose(mine) and self._role(kept, now)}

    def _role(self, kept: sessions.Content, now: datetime) -> Role | None:
        """What whoever has this session may now; None for one that is over, or on its way to the identity provider."""
        by = kept.get("by")
        if by is None or self._by.get(by) != kept["digest"] or self.over(by, now):
            return None
        if "at" in kept and now >= datetime.fromisoformat(kept["at"]) + self.lasts:
            return None  # session_hours are fewer than when it began
        return self._tokens[by].role if by in self._tokens else kept["role"]

    def last_day(self, name: str) -> date | None:
        """Of the token with this name; None where there is none."""
        return self._tokens[name].expires if name in self._tokens else None

    def over(self, name: str, now: datetime) -> bool:
        """Whether the last day of the token with this name is over."""
        last = self.last_day(name)
        return last is not None and local_date(now, self._zone) > last

    def caller(self, request: Request) -> str:
        """Who asks: who connects, or, behind the reverse proxy, whom it names last in X-Forwarded-For. One stranger's
        guesses then lock out that stranger alone."""
        named = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2]
        return (plain(named) if self._from_proxy(request) else "") or (request.client.host if request.client else "")

    def by_given_token(self, given: str, place: str) -> Person | None:
        """Whose token it is."""
        found = None
        for name, token in self._tokens.items():  # all of them, however early one fits
            if hmac.compare_digest(given.encode(), token.token.get_secret_value().encode()):
                found = Person(name, place, token.role)
        return found

    def begin(self, conn: Connection, person: Person, now: datetime, before: Read | None, *, oidc: bool = False) -> str:
        """Keep somebody signed in, who did so ``before``; what their browser gets."""
        by = _OIDC if oidc else person.who
        content = {"who": person.who, "role": person.role, "by": by, "digest": self._by[by]}
        content |= {"at": now.isoformat(), "place": person.place}
        content |= {"before": before.at.isoformat(), "before_place": before.place} if before else {}
        return sessions.begin(conn, content, now=now, ends_at=now + self.lasts)

    @property
    def lasts(self) -> timedelta:
        return timedelta(hours=self._settings.session_hours)

    @staticmethod
    def cookie(request: Request) -> str:
        """The name of the session's cookie. By TLS no other host and no page in clear can set one of this name."""
        return f"__Host-{COOKIE}" if by_tls(request.headers, request.url.scheme) else COOKIE

    @staticmethod
    def give(response: Response, name: str, given: str, request: Request, *, lasts: timedelta, path: str = "/") -> None:
        """Hand the browser a cookie. It is ``lax``, as one comes from other sites: from a link in a message, or back
        from the identity provider. What changes something is a POST, which sends none from elsewhere."""
        secure = by_tls(request.headers, request.url.scheme)
        response.set_cookie(
            name, given, int(lasts.total_seconds()), httponly=True, samesite="lax", secure=secure, path=path
        )

    def _from_proxy(self, request: Request) -> bool:
        try:
            peer = ipaddress.ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        return any(peer in network for network in self._networks)


def plain(name: str, longest: int = 100) -> str:
    """Somebody's name as another tells it: one short line."""
    return "".join(sign for sign in name.strip() if sign.isprintable())[:longest]


def _digest(secret: str, *more: str) -> str:
    return hmac.new(secret.encode(), "\n".join(("status page session", *more)).encode(), hashlib.sha256).hexdigest()
