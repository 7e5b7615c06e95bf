"""The kinds of values that settings have, each with what is said of one that can't be used; never the value itself."""

import os
import re
import ssl
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote

import httpx
from pydantic import AfterValidator, Field, SecretStr, StringConstraints
from pydantic_core import PydanticKnownError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

PSEUDONYM_KEY_MIN = 16
TOKEN_MIN = 16
TOKEN_TOLD = timedelta(days=14)
"""A token's last day is told of so long before."""
ENCRYPTION_KEY_MIN = 32
_ENCRYPTED = ("require", "verify-ca", "verify-full")
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Role = Literal["read", "operate"]
"""What a person may on the status page: look, or have something done as well."""
TenantName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Seconds = Annotated[float, Field(gt=0)]


def _base_url(value: str) -> str:
    """``https://host[:port][/path]`` without a trailing slash."""
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL:
        raise ValueError("must be a URL such as https://host.example: its host, port or path can't be read") from None
    if url.scheme not in ("http", "https") or not url.host or (url.port or 0) >= 65536:
        raise ValueError("must be a URL such as https://host.example")
    if url.userinfo or any(sign.isspace() or sign in "?#" for sign in value):
        raise ValueError("must be a bare URL: no user, password, space, query or fragment in it")
    if url.scheme == "http" and url.host not in LOOPBACK:
        raise ValueError("must be https: personal data and the key would travel in clear (http is for localhost only)")
    return value.rstrip("/")


def _host(value: str) -> str:
    if not re.fullmatch(r"[\w.-]*|[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*(%\w+)?", value):
        raise ValueError("must be a host's name or address alone; the port is a setting of its own")
    return value


def _mail_address(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+", value):
        raise ValueError("must be a plain mail address in ASCII: name@domain")
    return value


def _public_url(value: str) -> str:
    """Empty, or where people reach the status page: https, except on this machine itself."""
    return _base_url(value) if value else value


def _present(value: SecretStr) -> SecretStr:
    if not value.get_secret_value():
        raise ValueError("is empty")
    return value


def _long(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < PSEUDONYM_KEY_MIN:
        raise ValueError(f"is required, with at least {PSEUDONYM_KEY_MIN} random characters")
    return value


def _encryption_keys(value: SecretStr) -> SecretStr:
    """None, or keys divided by white space."""
    if any(len(key) < ENCRYPTION_KEY_MIN for key in value.get_secret_value().split()):
        raise ValueError(f"must have at least {ENCRYPTION_KEY_MIN} random characters, or be left out")
    return value


def _token(value: SecretStr) -> SecretStr:
    """None, or one that can't be guessed."""
    if 0 < len(value.get_secret_value()) < TOKEN_MIN:
        raise ValueError(f"must have at least {TOKEN_MIN} random characters, or be left out")
    return value


def _networks(value: str) -> str:
    for part in filter(None, (p.strip() for p in value.split(","))):
        try:
            ip_network(part)
        except ValueError:
            raise ValueError("must be IP addresses or networks, such as 10.0.0.5, 10.1.0.0/16") from None
    return value


def _proxy(value: SecretStr) -> SecretStr:
    """``http://[user:password@]host:port``, ``none`` or empty."""
    text = value.get_secret_value()
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if text and text != "none" and (url.scheme != "http" or not url.host or url.path not in ("", "/")):
        raise ValueError("must be a proxy's address such as http://proxy.example:3128, or none, or empty")
    return value


def _authorities(value: Path | None) -> Path | None:
    try:
        if value is not None:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
    except OSError:  # ssl.SSLError among them
        raise ValueError("must name a file of certificates (PEM) that can be read") from None
    return value


def _required(value: Path | None) -> Path | None:
    if value is None:
        raise PydanticKnownError("missing")
    return value


def _decoded_key(value: SecretStr) -> SecretStr:
    """Lifecare's key as base64, from any form in which it is handed out (L2): no base64 holds a percent sign."""
    key = value.get_secret_value().strip()
    while (decoded := unquote(key)) != key:
        key = decoded
    return SecretStr(key)


def _store_url(value: SecretStr) -> SecretStr:
    try:
        url = parsed_url(value)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in ("sqlite", "postgresql"):
        raise ValueError(
            "must be a database URL that begins with sqlite:/// or postgresql:// (or postgresql+driver://)"
        )
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError(
            "names no file: the adapter would forget at each stop what it has sent. Write sqlite:///var/adapter.db"
        )
    if url.drivername == "postgresql":  # as everybody writes it: the driver that is installed, not SQLAlchemy's first
        value = SecretStr(url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
    return value


def in_clear(value: SecretStr) -> bool:
    """Whether it is a PostgreSQL on another host that may be reached without TLS, as libpq does unless it is told. What
    the URL leaves open the environment can say (``PGHOST``, ``PGSSLMODE``)."""
    url = parsed_url(value)
    if url.get_backend_name() != "postgresql":
        return False
    named = [url.host, *(url.query.get(name) for name in ("host", "hostaddr"))]
    texts = [",".join(each) if isinstance(each, tuple) else each for each in named if each]
    hosts = ",".join(texts or [os.environ.get("PGHOST", "")]).split(",")
    elsewhere = [host for host in hosts if host and not host.startswith(("/", "@")) and host not in LOOPBACK]
    return bool(elsewhere) and url.query.get("sslmode", os.environ.get("PGSSLMODE")) not in _ENCRYPTED


def certificate_fault(certificate: Path, key: Path | None) -> str | None:
    """Why a client certificate and its key can't be used; None when they can."""
    try:
        # Without a password to give, one that wants a password is refused and not asked for on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError):  # ssl.SSLError among them
        return "cert_file and cert_key_file must be a certificate and its own key (PEM, without a password)"
    return None


def parsed_url(url: SecretStr) -> URL:
    """The store's URL in SQLAlchemy's form, whose own text hides the password."""
    return make_url(url.get_secret_value())


BaseUrl = Annotated[str, AfterValidator(_base_url)]
Host = Annotated[str, AfterValidator(_host)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
Secret = Annotated[SecretStr, AfterValidator(_present)]
LongSecret = Annotated[SecretStr, AfterValidator(_long)]
EncryptionKeys = Annotated[SecretStr, AfterValidator(_encryption_keys)]
Token = Annotated[SecretStr, AfterValidator(_token)]
NeededToken = Annotated[SecretStr, AfterValidator(_present), AfterValidator(_token)]
LifecareKey = Annotated[SecretStr, AfterValidator(_decoded_key), AfterValidator(_present)]
ProxyUrl = Annotated[SecretStr, AfterValidator(_proxy)]
Authorities = Annotated[
    Path | None,
    AfterValidator(_authorities),
    Field(description="Certificates (PEM) of authorities to trust as well as the system's."),
]
Networks = Annotated[str, AfterValidator(_networks)]
RequiredPath = Annotated[Path | None, AfterValidator(_required)]
StoreUrl = Annotated[SecretStr, AfterValidator(_store_url)]
