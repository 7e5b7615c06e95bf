"""The settings as frozen values. Nothing here reads a file or the environment: see ``adapter.settings.load``.

A secret ``x`` has a sibling ``x_file``: a file that holds it. The descriptions are the text of ``docs/settings.md``.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from adapter.settings.values import (
    ENCRYPTION_KEY_MIN,
    LOOPBACK,
    PSEUDONYM_KEY_MIN,
    Authorities,
    BaseUrl,
    EncryptionKeys,
    Host,
    LifecareKey,
    LongSecret,
    MailAddress,
    NeededToken,
    Networks,
    ProxyUrl,
    PublicUrl,
    RequiredPath,
    Role,
    Seconds,
    Secret,
    StoreUrl,
    TenantName,
    Token,
    certificate_fault,
    in_clear,
    parsed_url,
)

PREFIX = "ADAPTER_"
"""What the names of our environment variables begin with."""


class Group(BaseModel):
    """A group of settings: frozen, without unknown keys, silent about values in its errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)


class VendorSettings(Group):
    """What both vendors have in common."""

    base_url: BaseUrl = Field(description="Where the API is, without a trailing path of the API itself.")
    connect_timeout_seconds: Seconds = Field(5.0, description="How long to wait for a connection.")
    read_timeout_seconds: Seconds = Field(30.0, description="How long to wait for an answer.")
    requests_per_second: Seconds = Field(
        20.0, description="At most so many requests per second, for all work together."
    )
    concurrency: int = Field(8, ge=1, le=100, description="At most so many requests at the same time.")
    page_size: int = Field(100, ge=1, le=1000, description="Rows per page when a list is read.")
    proxy: ProxyUrl = Field(
        SecretStr(""),
        description="The HTTP proxy, such as `http://proxy.example:3128`. Empty: as `HTTPS_PROXY` and `NO_PROXY` "
        "say. `none`: no proxy, whatever they say.",
    )
    proxy_file: Path | None = Field(None, description="A file that holds the proxy, if it has user and password.")
    ca_file: Authorities = None
    cert_file: Path | None = Field(
        None, description="The certificate (PEM) that the adapter shows if the vendor demands one."
    )
    cert_key_file: Path | None = Field(None, description="Its key (PEM, without a password), if not in `cert_file`.")

    @model_validator(mode="after")
    def _own_certificate(self) -> Self:
        if self.cert_file is None:
            if self.cert_key_file is not None:
                raise ValueError("cert_key_file is set: cert_file must name the certificate as well")
        elif fault := certificate_fault(self.cert_file, self.cert_key_file):
            raise ValueError(fault)
        return self


class LifecareSettings(VendorSettings):
    """Lifecare (Welfare API Services, Elderly care): the case system."""

    domain: str = Field(min_length=1, description="The municipality's `domain` at Lifecare.")
    key: LifecareKey = Field(description="The API key as you got it, raw or percent-encoded.")
    key_file: Path | None = Field(None, description="A file that holds the API key.")
    hook_secret: Token = Field(
        SecretStr(""), description="The key that signs the webhooks (`docs/http.md`). Empty: no webhooks are received."
    )
    hook_secret_file: Path | None = Field(None, description="A file that holds the webhooks' secret.")


class PhoniroSettings(VendorSettings):
    """Phoniro Care: the camera platform."""

    client_id: str = Field(min_length=1, description="The OAuth 2.0 client.")
    client_secret: Secret = Field(description="The client's secret.")
    client_secret_file: Path | None = Field(None, description="A file that holds the client's secret.")
    scope: str = Field("supervision", min_length=1, description="The scope that the adapter asks for with the token.")


class MailSettings(Group):
    """Mail to functional mailboxes: reminders, escalations, parked cases."""

    host: Host = Field(
        "", description="The mail server. Empty: no mail is sent, and each mail is a line in the log instead."
    )
    port: int = Field(587, ge=1, le=65535, description="The mail server's port.")
    starttls: bool = Field(True, description="Send mail only over TLS.")
    username: str = Field("", description="The login. Empty: no login.")
    password: SecretStr = Field(SecretStr(""), description="The login's password.")
    password_file: Path | None = Field(None, description="A file that holds the password.")
    sender: MailAddress = Field("", description="The address in From. Mail that can't be delivered comes back to it.")
    proxy: ProxyUrl = Field(
        SecretStr(""), description="An HTTP proxy through which the mail server is reached. Empty or `none`: no proxy."
    )
    proxy_file: Path | None = Field(None, description="A file that holds the proxy, if it has user and password.")
    ca_file: Authorities = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.host and not self.sender:
            raise ValueError("a mail server is set: sender must be a mail address as well")
        if bool(self.username) != bool(self.password.get_secret_value()):
            raise ValueError("give both username and password, or neither")
        if self.username and not self.starttls:
            raise ValueError("a login without TLS would send the password in clear: set starttls = true")
        return self


class TenantSettings(Group):
    """One municipality."""

    lifecare: LifecareSettings = Field(description="The case system.")
    phoniro: PhoniroSettings = Field(description="The camera platform.")
    mail: MailSettings = Field(default_factory=MailSettings, description="Mail.")
    mapping_file: Path = Field(description="The municipality's mapping: codes, headings, units, patience. Required.")


class StoreSettings(Group):
    """The adapter's own database."""

    url: StoreUrl = Field(
        SecretStr("sqlite:///var/adapter.db"),
        description="SQLite (one process) or PostgreSQL (any number of replicas).",
    )
    url_file: Path | None = Field(None, description="A file that holds the database URL.")
    encryption_key: EncryptionKeys = Field(
        SecretStr(""),
        description=f"Encrypts personal data in the database: at least {ENCRYPTION_KEY_MIN} random characters. Of "
        "several, with spaces or line breaks between them, the first encrypts and all decrypt. Empty: nothing is "
        "encrypted.",
    )
    encryption_key_file: Path | None = Field(None, description="A file that holds the encryption key.")
    unencrypted: bool = Field(False, description="Allow PostgreSQL on another host without TLS (`sslmode` in its URL).")
    auto_upgrade: bool = Field(True, description="Bring the tables up to date at the start.")

    @model_validator(mode="after")
    def _not_in_clear(self) -> Self:
        if not self.unencrypted and in_clear(self.url):
            raise ValueError(
                "url: PostgreSQL on another host without TLS: personal data and the password could travel in clear. "
                "Add ?sslmode=verify-full&sslrootcert=<file> (or at least sslmode=require), or set unencrypted = true"
            )
        return self


class EngineSettings(Group):
    """How often and how patiently the adapter works."""

    poll_seconds: Seconds = Field(60, description="How often the change feeds and urgent headings are read.")
    watch_seconds: Seconds = Field(120, description="How often the outcomes of the looks are read at night.")
    compare_hours: float = Field(24, gt=0, description="How often all schedules at the camera platform are compared.")
    drift: Literal["mend", "report"] = Field(
        "mend",
        description="If somebody changed a schedule by hand: put it right (`mend`), or only tell of it (`report`).",
    )
    unowned: Literal["report", "end"] = Field(
        "report",
        description="If a running schedule of the adapter's belongs to no open case: only tell of it (`report`), "
        "or end it (`end`).",
    )
    overlap_minutes: float = Field(15, ge=0, description="How far back before its cursor a feed is read again.")
    reread_hours: float = Field(24, gt=0, le=24, description="An open case's evidence is read again at least so often.")
    awaiting_minutes: float = Field(30, gt=0, description="How often a case is read again that waits for a signal.")
    concurrency: int = Field(
        8, ge=1, le=64, description="At most so many cases at the same time, and so many acts of each kind."
    )
    lease_seconds: Seconds = Field(60, description="So long after a process died another one takes over its cases.")
    settle_seconds: float = Field(
        30,
        ge=0,
        description="After a write whose answer was lost: how long to wait before looking whether it was done.",
    )
    fresh_seconds: Seconds = Field(120, description="Facts that start or resume supervision may be at most so old.")
    retry_first_seconds: Seconds = Field(15, description="The wait before the first retry; it doubles from there.")
    retry_cap_seconds: Seconds = Field(900, description="The longest wait between retries. They never stop.")
    resync_file: Path = Field(
        Path("config/resync.toml"), description="The file with cases to read again, and steps declared by hand."
    )
    adopt_file: Path = Field(
        Path("config/adopt.toml"), description="The file with cases from before go-live to take over."
    )
    audit_heads: Path | None = Field(
        None,
        description="A file to which the audit's daily head is added, best on another machine. It is logged as well.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.retry_cap_seconds < self.retry_first_seconds:
            raise ValueError("retry_cap_seconds is shorter than retry_first_seconds")
        return self


class LogSettings(Group):
    """What is logged and how."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="The lowest level that is logged.")
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto`: for people on a terminal, JSON lines everywhere else."
    )

    def as_json(self, on_terminal: bool) -> bool:
        """Whether to write JSON lines."""
        return self.format == "json" or (self.format == "auto" and not on_terminal)


class TokenSettings(Group):
    """A token for each person who uses the status page. Its name is noted in the log of who read what."""

    token: NeededToken = Field(description="At least 16 random characters.")
    token_file: Path | None = Field(None, description="A file that holds the token.")
    role: Role = Field("read", description="`read`: may look. `operate`: may also have something done.")
    expires: date | None = Field(
        None,
        description="The last day on which the token works, such as `2027-01-31`. Without it there is none.",
    )


class OidcSettings(Group):
    """Signing in to the status page with the municipality's own accounts (OpenID Connect: Entra ID, Keycloak, ADFS)."""

    issuer: BaseUrl = Field(
        description="The provider's address. The adapter reads the rest from the provider's own description there."
    )
    client_id: str = Field(min_length=1, description="The adapter's id at the provider.")
    client_secret: Secret = Field(description="The adapter's secret at the provider.")
    client_secret_file: Path | None = Field(None, description="A file that holds the secret.")
    scope: str = Field("openid profile", pattern=r"\bopenid\b", description="The scopes that the adapter asks for.")
    name_claim: str = Field(
        "preferred_username", min_length=1, description="The claim that has the person's name. `sub` is added to it."
    )
    role_claim: str = Field(
        "roles",
        min_length=1,
        description="The claim that has the person's roles or groups. A dot goes one level down: `realm_access.roles`.",
    )
    read_roles: str = Field("", description="The roles that may look, separated by commas.")
    operate_roles: str = Field("", description="The roles that may also have something done, separated by commas.")
    ca_file: Authorities = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.read_roles.strip(" ,") and not self.operate_roles.strip(" ,"):
            raise ValueError("nobody could sign in: set read_roles or operate_roles")
        return self


class FollowupSettings(Group):
    """The follow-up. `docs/followup.md` describes it."""

    suppress_below: int = Field(
        5,
        ge=0,
        le=100,
        description="Smaller numbers are left out of the PDF, so that nobody can be recognised. 0: all are shown.",
    )


class OpsSettings(Group):
    """The HTTP side: health, metrics, webhook, status page. `docs/http.md` describes it."""

    enabled: bool = Field(False, description="Whether the HTTP side is on.")
    host: Host = Field("127.0.0.1", min_length=1, description="The address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="The port to listen on. 0: any free port.")
    pages: bool = Field(True, description="Whether to show the status page.")
    token: Token = Field(
        SecretStr(""),
        description="One token for the status page that all share, with the name `operator` and the role `operate`. "
        "`[ops.tokens]` gives each person a token.",
    )
    token_file: Path | None = Field(None, description="A file that holds the token.")
    tokens: dict[TenantName, TokenSettings] = Field(default_factory=dict, description="Tokens by name.")
    oidc: OidcSettings | None = Field(None, description="Signing in with OpenID Connect.")
    session_hours: float = Field(12, gt=0, le=24, description="How long somebody stays signed in.")
    proxy_header: str = Field(
        "",
        pattern=r"^([A-Za-z][A-Za-z0-9-]*)?$",
        description="The header in which a reverse proxy says who has signed in. Empty: no such proxy.",
    )
    proxy_addresses: Networks = Field(
        "",
        description="The reverse proxy's addresses or networks, separated by commas. Nobody else is believed.",
    )
    proxy_operators: str = Field(
        "*", description="Which of the people that the proxy names may operate, separated by commas. `*`: all."
    )
    public_url: PublicUrl = Field(
        "",
        description="Where people reach the status page, such as `https://tk.kommun.example`. Messages "
        "that need a document then link to it; the document is behind the sign-in. For OpenID Connect, register "
        "`/oidc/callback` under this address. Empty: no links.",
    )
    hooks_per_minute: int = Field(
        120, ge=1, le=6000, description="At most so many webhooks per minute and municipality."
    )
    hang_seconds: Seconds = Field(60, description="If the event loop hangs for so long, the process ends itself.")

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.proxy_header and not self.proxy_addresses:
            raise ValueError("with proxy_header give proxy_addresses as well")
        if "operator" in self.tokens and self.token.get_secret_value():
            raise ValueError("token is known as operator, and tokens has another of that name; call that one otherwise")
        given = [t.token.get_secret_value() for t in self.tokens.values()] + [self.token.get_secret_value()]
        if len(set(given)) < len(given):
            raise ValueError("two of tokens are the same: nobody could tell who it was")
        if self.public_url and not (self.enabled and self.pages):
            raise ValueError("public_url leads to the status page, which is off: switch enabled and pages on")
        if self.oidc and not self.public_url:
            raise ValueError("with oidc give public_url as well: the sign-in comes back there")
        open_to_all = not (self.token.get_secret_value() or self.tokens or self.oidc or self.proxy_header)
        if self.enabled and self.pages and open_to_all and self.host not in LOOPBACK:
            raise ValueError(
                f"the status page would be open to everybody who reaches {self.host}: set tokens, token_file or "
                "oidc (or proxy_header and proxy_addresses), or listen on 127.0.0.1, or switch the page off with "
                "pages = false"
            )
        return self


class CommonSettings(Group):
    """What all municipalities have in common."""

    store: StoreSettings = Field(default_factory=StoreSettings, description="The adapter's own database.")
    engine: EngineSettings = Field(default_factory=EngineSettings, description="How the adapter works.")
    logs: LogSettings = Field(default_factory=LogSettings, description="Logging.")
    ops: OpsSettings = Field(default_factory=OpsSettings, description="The HTTP side.")
    followup: FollowupSettings = Field(default_factory=FollowupSettings, description="The follow-up.")
    pseudonym_key: LongSecret = Field(
        description=f"The key of the persons' pseudonyms and fingerprints: at least {PSEUDONYM_KEY_MIN} characters. "
        "Never change it afterwards.",
    )
    pseudonym_key_file: Path | None = Field(None, description="A file that holds the pseudonym key.")
    dry_run: bool = Field(False, description="Read, but write nothing: each write is a line in the log instead.")


class Settings(CommonSettings):
    """All settings, as the adapter uses them."""

    tenants: dict[TenantName, TenantSettings] = Field(min_length=1, description="The municipalities, by name.")
    refused: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        exclude=True,
        description="The municipalities that were left out because their own settings can't be used; what to mend.",
    )

    def secrets(self) -> tuple[str, ...]:
        """The values of all secrets that are set, for the log to leave out. Of the store's URL only the password."""
        found = {s.get_secret_value() for s in _secrets(self) if s is not self.store.url}
        found.add(parsed_url(self.store.url).password or "")
        return tuple(sorted(found - {""}))

    def masked(self) -> dict[str, Any]:
        """Everything as plain JSON values for display, secrets as ``**********`` (or empty where not set)."""
        shown = self.model_dump(mode="json")
        shown["store"]["url"] = parsed_url(self.store.url).render_as_string(hide_password=True)
        return shown


class OperatorSettings(CommonSettings, BaseSettings):
    """All settings, as operators write them: one municipality at the top level, or several under ``tenants``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", enable_decoding=False)

    tenant: TenantName = Field(
        "default", description="The municipality's name. It is stored in the database, so don't change it."
    )
    lifecare: LifecareSettings | None = Field(None, description="The case system.")
    phoniro: PhoniroSettings | None = Field(None, description="The camera platform.")
    mail: MailSettings | None = Field(None, description="Mail.")
    mapping_file: RequiredPath = Field(
        None, validate_default=False, description=TenantSettings.model_fields["mapping_file"].description
    )
    tenants: dict[TenantName, TenantSettings] = Field(default_factory=dict, description="The municipalities, by name.")
    secrets_dir: Path | None = Field(
        None, description="A folder with one file per secret, with names such as `lifecare__key` or `pseudonym_key`."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # pydantic-settings' signature
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """``load_settings`` asks the sources itself, and gives what it found."""
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _one_or_several(cls, values: dict[str, Any]) -> dict[str, Any]:
        if not values.get("tenants"):
            return {"lifecare": {}, "phoniro": {}, "mapping_file": None} | values
        if top := sorted(values.keys() & {"tenant", *TenantSettings.model_fields}):
            raise ValueError(
                f"{', '.join(top)}: stands at the top level, and there are [tenants]; choose one of the two"
            )
        return values

    @model_validator(mode="after")
    def _one_lifecare_each(self) -> Self:
        seen: dict[tuple[str, str], str] = {}
        for name, tenant in self.tenants.items():
            other = seen.setdefault((tenant.lifecare.base_url.rstrip("/"), tenant.lifecare.domain), name)
            if other != name:
                raise ValueError(
                    f"[tenants.{name}.lifecare] and [tenants.{other}.lifecare] are the same (base_url, domain): each "
                    "order would get a case in both"
                )
        return self

    def settings(self, refused: dict[str, tuple[str, ...]]) -> Settings:
        """The same as the adapter uses them."""
        common = {name: getattr(self, name) for name in CommonSettings.model_fields}
        return Settings(tenants=self.tenants or {self.tenant: self._single()}, refused=refused, **common)

    def _single(self) -> TenantSettings:
        given = {name: value for name in TenantSettings.model_fields if (value := getattr(self, name)) is not None}
        return TenantSettings(**given)


def _secrets(value: object) -> Iterator[SecretStr]:
    if isinstance(value, SecretStr):
        yield value
    elif isinstance(value, BaseModel):
        for _, child in value:
            yield from _secrets(child)
    elif isinstance(value, dict):
        for child in value.values():
            yield from _secrets(child)
