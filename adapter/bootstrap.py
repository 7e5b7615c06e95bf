"""The composition root: settings become a service. Nothing connects before it is asked to.

Only the command line and the tests import this module.
"""

from __future__ import annotations

import os
import random
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from adapter.engine.circuit_breaker import LIFECARE, Breakers
from adapter.engine.runtime import Clock, Runtime, Tenant
from adapter.engine.service_log import ServiceLog
from adapter.engine.tuning import Tuning
from adapter.gateways.executors import Executors
from adapter.gateways.lifecare_source import LifecareSource
from adapter.gateways.mails import MailExecutor, MailSender
from adapter.gateways.notes import NoteExecutor
from adapter.gateways.platform import PhoniroSchedules, PlatformExecutor
from adapter.gateways.visits import VisitExecutor
from adapter.log_events import log
from adapter.presentation.printing import Printer
from adapter.presentation.words import Words
from adapter.settings.model import EngineSettings, Settings, TenantSettings, VendorSettings
from adapter.store import keys, persons
from adapter.store.database import Database, usable
from adapter.store.sealing import Sealing
from connectors.http.client import HttpSettings, OnCall
from connectors.http.proxy import NO_PROXY
from connectors.lifecare.client import LifecareClient
from connectors.mail.client import MailClient, MailServer
from connectors.phoniro.client import PhoniroClient
from mappings.file_faults import MappingError
from mappings.mapping import MunicipalMapping, load_mapping
from mappings.texts import Texts

LIFECARE_BASE = "/WE.EC.Integration.Host"


@dataclass(frozen=True, slots=True)
class Outside:
    """What stands in for the world in tests and simulations: transports by ``lifecare`` and ``phoniro``, and who
    sends mail. ``calls(tenant)`` is told of each call of a municipality's connectors."""

    transports: Mapping[str, httpx.AsyncBaseTransport] = field(default_factory=dict)
    mail: MailSender | None = None
    calls: Callable[[str], OnCall] | None = None
    beat: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class TenantParts:
    """What one municipality is made of, for commands that need its parts."""

    settings: TenantSettings
    mapping: MunicipalMapping
    texts: Texts
    lifecare: LifecareClient
    phoniro: PhoniroClient
    mail: MailSender | None
    schedules: PhoniroSchedules
    headings: dict[str, str]
    """A section of ``texts`` that is filled in once Lifecare was asked."""


class Service:
    """Everything, wired. An async context manager that closes what was opened."""

    def __init__(
        self, settings: Settings, tenants: Mapping[str, TenantParts], runtime: Runtime, outside: Outside
    ) -> None:
        self.settings = settings
        self.tenants = tenants
        self.runtime = runtime
        self.words = {name: Words(parts.texts, parts.mapping.zone) for name, parts in tenants.items()}
        self.printers = {
            name: Printer(parts.mapping, self.words[name], parts.settings.mapping_file.parent / "documents")
            for name, parts in tenants.items()
        }
        self._outside = outside

    def successor(self, settings: Settings) -> Service:
        """A service of changed settings, over the same database. Raises ``MappingError``."""
        return build(settings, db=self.runtime.db, outside=self._outside)

    async def start_store(self) -> None:
        """Open the database, an embedded one for this process alone, and bring it up to date, if the settings allow.
        Raises ``StoreError``."""
        self.runtime.db.hold_alone()
        before, head = self.runtime.db.schema()
        if self.settings.store.auto_upgrade and not usable(before, head):
            self.runtime.db.upgrade()
            log("store_upgraded", from_revision=before, to_revision=head)
        self.runtime.db.run_sync(partial(keys.note_keys, now=self.runtime.clock.now()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close_vendors()
        self.runtime.db.close()

    async def close_vendors(self) -> None:
        """Close the connections to the vendors, and leave the database open."""
        for parts in self.tenants.values():
            await parts.lifecare.aclose()
            await parts.phoniro.aclose()


def open_database(settings: Settings) -> Database:
    """The database, with its keys. Raises ``StoreError`` for a URL that can't be used."""
    lookup = settings.pseudonym_key.get_secret_value().encode()
    sealing = Sealing(lookup, settings.store.encryption_key.get_secret_value().split())
    return Database(settings.store.url.get_secret_value(), sealing=sealing)


def build(
    settings: Settings,
    *,
    clock: Clock | None = None,
    owner: str | None = None,
    outside: Outside | None = None,
    rng: random.Random | None = None,
    db: Database | None = None,
) -> Service:
    """Wire a service of all municipalities that can be used; the others are in ``runtime.refused``. Raises
    ``MappingError`` if there is none, ``StoreError`` for a database URL that can't be used."""
    clock, outside, rng = clock or Clock(), outside or Outside(), rng or random.SystemRandom()
    database = db or open_database(settings)
    key = settings.pseudonym_key.get_secret_value().encode()
    breakers = Breakers()
    owner = owner or f"{socket.gethostname()}-{os.getpid()}-{rng.randrange(16**6):06x}"
    service_log = ServiceLog(owner, clock.now)
    # One for all vendors; new settings make a new one.
    trust = True if outside.transports else httpx.create_ssl_context()
    parts, refused = {}, dict[str, Sequence[str]](settings.refused)
    for name, t in settings.tenants.items():
        try:
            parts[name] = _parts(name, t, clock, outside, trust, service_log, settings.ops.public_url)
        except MappingError as error:
            refused[name] = error.faults
    if not parts:
        raise MappingError([fault for faults in refused.values() for fault in faults])
    tenants = {
        name: Tenant(
            name=name,
            policy=p.mapping.policy(clock.now().year),
            go_live=p.mapping.go_live,
            source=LifecareSource(
                p.lifecare,
                p.mapping,
                key=key,
                asking=partial(breakers.of(name, LIFECARE).guard, clock.now),
                headings=p.headings,
            ),
            executor=_executors(name, p, clock, database, key),
            platform=p.schedules,
            retention=timedelta(days=p.mapping.routine.retention_days),
            reads_kept=timedelta(days=p.mapping.routine.audit_days),
        )
        for name, p in parts.items()
    }
    runtime = Runtime(
        db=database,
        tenants=tenants,
        service_log=service_log,
        clock=clock,
        tuning=tuning(settings.engine),
        rng=rng,
        owner=owner,
        breakers=breakers,
        refused=refused,
        dry_run=settings.dry_run,
        beat=outside.beat,
    )
    return Service(settings, parts, runtime, outside)


def tuning(engine: EngineSettings) -> Tuning:
    """The group ``[engine]`` as the engine takes it."""
    return Tuning(
        poll=timedelta(seconds=engine.poll_seconds),
        watch=timedelta(seconds=engine.watch_seconds),
        overlap=timedelta(minutes=engine.overlap_minutes),
        reread=timedelta(hours=engine.reread_hours),
        awaiting=timedelta(minutes=engine.awaiting_minutes),
        lease=timedelta(seconds=engine.lease_seconds),
        settle=timedelta(seconds=engine.settle_seconds),
        fresh=timedelta(seconds=engine.fresh_seconds),
        retry_first=timedelta(seconds=engine.retry_first_seconds),
        retry_cap=timedelta(seconds=engine.retry_cap_seconds),
        concurrency=engine.concurrency,
        resync_file=engine.resync_file,
        adopt_file=engine.adopt_file,
        audit_heads=engine.audit_heads,
        compare_every=timedelta(hours=engine.compare_hours),
        mend_drift=engine.drift == "mend",
        end_unowned=engine.unowned == "end",
    )


def _http(vendor: VendorSettings, trust: ssl.SSLContext | bool) -> HttpSettings:
    return HttpSettings(
        connect_timeout=vendor.connect_timeout_seconds,
        read_timeout=vendor.read_timeout_seconds,
        max_concurrent=vendor.concurrency,
        per_second=vendor.requests_per_second,
        trust=_own_trust(vendor) or trust,
        proxy=vendor.proxy.get_secret_value(),
    )


def _own_trust(vendor: VendorSettings) -> ssl.SSLContext | None:
    """For a vendor with authorities of its own, or one that demands a certificate of us; else None."""
    if vendor.ca_file is None and vendor.cert_file is None:
        return None
    context = _trusting(vendor.ca_file) if vendor.ca_file else httpx.create_ssl_context()
    if vendor.cert_file is not None:
        context.load_cert_chain(vendor.cert_file, vendor.cert_key_file)
    return context


def _trusting(ca_file: Path) -> ssl.SSLContext:
    """The system's authorities, and those of the file."""
    context = httpx.create_ssl_context()
    context.load_verify_locations(ca_file)
    return context


def _parts(
    name: str,
    settings: TenantSettings,
    clock: Clock,
    outside: Outside,
    trust: ssl.SSLContext | bool,
    service_log: ServiceLog,
    public_url: str,
) -> TenantParts:
    mapping = load_mapping(settings.mapping_file)
    on_call = _each(service_log.of(name, mapping.zone), *([outside.calls(name)] if outside.calls else []))
    base = settings.lifecare.base_url.rstrip("/")
    lifecare = LifecareClient(
        base if base.endswith(LIFECARE_BASE) else base + LIFECARE_BASE,
        settings.lifecare.domain,
        settings.lifecare.key.get_secret_value(),
        page_size=settings.lifecare.page_size,
        settings=_http(settings.lifecare, trust),
        transport=outside.transports.get("lifecare"),
        on_call=on_call,
        sleep=clock.sleep,
    )
    phoniro = PhoniroClient(
        settings.phoniro.base_url.rstrip("/"),
        settings.phoniro.client_id,
        settings.phoniro.client_secret.get_secret_value(),
        settings.phoniro.scope,
        settings=_http(settings.phoniro, trust),
        transport=outside.transports.get("phoniro"),
        on_call=on_call,
        sleep=clock.sleep,
        page_size=settings.phoniro.page_size,
    )
    headings: dict[str, str] = {}
    return TenantParts(
        settings=settings,
        mapping=mapping,
        texts=Texts.load("sv").plus(
            forms=mapping.forms,
            units={str(unit): name for unit, name in mapping.units.names.items()},
            contacts={"it": mapping.mailboxes.it},
            headings=headings,
            pages={"url": public_url} if public_url else {},
        ),
        lifecare=lifecare,
        phoniro=phoniro,
        mail=outside.mail or _mail(settings, on_call),
        schedules=PhoniroSchedules(phoniro, mapping, clock.now),
        headings=headings,
    )


def _each(*told: OnCall) -> OnCall:
    def on_call(vendor: str, call: str, status: int | None, outcome: str, seconds: float) -> None:
        for each in told:
            each(vendor, call, status, outcome, seconds)

    return on_call


def _mail(settings: TenantSettings, on_call: OnCall | None) -> MailClient | None:
    mail = settings.mail
    if not mail.host:
        return None
    return MailClient(
        MailServer(
            host=mail.host,
            sender=mail.sender,
            port=mail.port,
            username=mail.username or None,
            password=mail.password.get_secret_value() or None,
            starttls=mail.starttls,
            proxy="" if (proxy := mail.proxy.get_secret_value()) == NO_PROXY else proxy,
            tls_context=_trusting(mail.ca_file) if mail.ca_file else None,
        ),
        on_call=on_call,
    )


def _executors(name: str, p: TenantParts, clock: Clock, db: Database, key: bytes) -> Executors:
    async def external_id(person_id: str) -> str:
        person = db.sealing.person(name, person_id)
        return await db.run(lambda c: persons.external_id_for(c, name, person))

    domain = p.settings.mail.sender.rpartition("@")[2] or "adapter.invalid"
    return Executors(
        notes=NoteExecutor(p.lifecare, p.mapping, clock.now, p.texts),
        platform=PlatformExecutor(p.phoniro, p.lifecare, p.mapping, external_id=external_id, clock=clock.now, key=key),
        mail=MailExecutor(p.mail, p.mapping, domain, p.texts),
        visits=VisitExecutor(p.lifecare, p.phoniro, p.mapping, clock.now),
    )
