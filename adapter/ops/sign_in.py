"""Who may see the status page, and who may also change something.

Three kinds of people may see it: those who signed in with a token or with OpenID Connect, those whom the reverse proxy
has signed in, and, if none of this is configured and the page is on loopback, everybody on the machine.
"""

import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from fastapi import Request, Response
from sqlalchemy import Connection

from adapter.domain.wall_clock import local_date
from adapter.ops.safe_headers import by_tls
from adapter.settings.model import OpsSettings, TokenSettings
from adapter.settings.values import Role
from adapter.store import sessions
from adapter.store.reads import Read, Reader

COOKIE = "adapter_session"
CALLBACK = "/oidc/callback"
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_OIDC = "oidc:"
"""Stands in a session where others have the token's name. No token's name has a colon."""


class NoPage(Exception):
    """The caller gets a page that says why they can't have the one they asked for. ``title`` and ``text`` are codes in
    the text table. If there is a ``reason``, it is logged as a refused sign-in."""

    def __init__(self, status: int, title: str, text: str, *, reason: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.title = title
        self.text = text
        self.reason = reason


@dataclass(frozen=True, slots=True)
class User(Reader):
    """A user who may see the page. ``session`` is the stored session if they signed in here."""

    role: Role
    session: sessions.Content | None = None


def page_of_ours(to: str) -> str:
    """``to`` if it is a path of ours, otherwise the first page. A browser could send any address."""
    return to if len(to) <= 500 and re.fullmatch(r"/(?!/)[\w./-]*(\?[\w=&%.+-]*)?", to, re.ASCII) else "/"


class Access:
    """The ways of signing in that the settings allow. Sessions are stored in the database until they end. A session
    holds a digest of the token, or of the OpenID Connect settings, by which it began. So it ends when that token is
    changed or removed, or those settings change. A token's last day ends in ``zone``."""

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

    def without_session(self, request: Request) -> User | None:
        """The user, if they may see the page without signing in here; None if they need a session. Raises ``NoPage``
        if they can't get in at all."""
        header, place = self._settings.proxy_header, self.caller(request)
        named = request.headers.getlist(header)[-1:]  # the last one is the proxy's; the caller may have sent others
        if named and self._from_proxy(request) and (name := plain(named[0])):
            return User(name, place, "operate" if self._operators & {name, "*"} else "read")
        if self._by:
            return None
        if header:
            raise NoPage(403, "no_entry", "no_entry_text")
        # Open on loopback. Another name in Host means that another site's page is calling us (DNS rebinding).
        if (request.url.hostname or "") not in _LOCAL_HOSTS:
            raise NoPage(403, "no_entry", "no_host_text")
        return User("local", place, "operate")

    def of_session(self, conn: Connection, request: Request, now: datetime) -> User | None:
        """The user who is signed in with this browser, or None."""
        kept = sessions.find(conn, request.cookies.get(self.cookie(request), ""), now)
        role = self._role(kept, now) if kept else None
        return User(kept["who"], self.caller(request), role, kept) if kept and role else None

    def sessions_of(self, conn: Connection, user: User, now: datetime) -> dict[str, sessions.Content]:
        """All sessions of this user, by their digest."""

        def whose(kept: sessions.Content) -> tuple[object, object]:
            return kept.get("by"), kept.get("who")

        mine, found = user.session, sessions.find_all(conn, now)
        return {n: kept for n, kept in found.items() if mine and whose(kept) == whose(mine) and self._role(kept, now)}

    def _role(self, kept: sessions.Content, now: datetime) -> Role | None:
        """The role that a session gives now; None if it is over, or its browser is still at the identity provider."""
        by = kept.get("by")
        if by is None or self._by.get(by) != kept["digest"] or self.over(by, now):
            return None
        if "at" in kept and now >= datetime.fromisoformat(kept["at"]) + self.lasts:
            return None  # session_hours was lowered after it began
        return self._tokens[by].role if by in self._tokens else kept["role"]

    def last_day(self, name: str) -> date | None:
        """The last day of the token with this name; None if it has none."""
        return self._tokens[name].expires if name in self._tokens else None

    def over(self, name: str, now: datetime) -> bool:
        """Whether the last day of the token with this name is over."""
        last = self.last_day(name)
        return last is not None and local_date(now, self._zone) > last

    def caller(self, request: Request) -> str:
        """The caller's address: of the connection, or, through the reverse proxy, the last one in X-Forwarded-For. So a
        stranger who guesses tokens locks out only that address."""
        named = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2]
        return (plain(named) if self._from_proxy(request) else "") or (request.client.host if request.client else "")

    def user_by_token(self, secret: str, place: str) -> User | None:
        """The user whose token this is, or None."""
        found = None
        for name, token in self._tokens.items():  # all of them, so that the time tells nothing
            if hmac.compare_digest(secret.encode(), token.token.get_secret_value().encode()):
                found = User(name, place, token.role)
        return found

    def begin(self, conn: Connection, user: User, now: datetime, before: Read | None, *, oidc: bool = False) -> str:
        """Begin a session and return the value of its cookie. ``before`` is when the user last signed in."""
        by = _OIDC if oidc else user.who
        content = {"who": user.who, "role": user.role, "by": by, "digest": self._by[by]}
        content |= {"at": now.isoformat(), "place": user.place}
        content |= {"before": before.at.isoformat(), "before_place": before.place} if before else {}
        return sessions.begin(conn, content, now=now, ends_at=now + self.lasts)

    @property
    def lasts(self) -> timedelta:
        return timedelta(hours=self._settings.session_hours)

    @staticmethod
    def cookie(request: Request) -> str:
        """The name of the session's cookie. With TLS it has the ``__Host-`` prefix, so that no other host and no page
        without TLS can set it."""
        return f"__Host-{COOKIE}" if by_tls(request.headers, request.url.scheme) else COOKIE

    @staticmethod
    def set_cookie(
        response: Response, name: str, value: str, request: Request, *, lasts: timedelta, path: str = "/"
    ) -> None:
        """Give the browser a cookie. It is ``lax``, because people come from other sites: from a link in a message, or
        back from the identity provider. Only a POST changes something, and a POST from another site sends no cookie."""
        secure = by_tls(request.headers, request.url.scheme)
        response.set_cookie(
            name, value, int(lasts.total_seconds()), httponly=True, samesite="lax", secure=secure, path=path
        )

    def _from_proxy(self, request: Request) -> bool:
        try:
            peer = ipaddress.ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        return any(peer in network for network in self._networks)


def plain(name: str, longest: int = 100) -> str:
    """A name from outside, made into one short printable line."""
    return "".join(sign for sign in name.strip() if sign.isprintable())[:longest]


def _digest(secret: str, *more: str) -> str:
    return hmac.new(secret.encode(), "\n".join(("status page session", *more)).encode(), hashlib.sha256).hexdigest()
