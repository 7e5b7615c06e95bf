"""``adapter check``: whether everything that the adapter needs is there and fits, before it is needed at night.

Reads only, and goes on after a fault as far as it can: all that is wrong is told in one go.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import typer
from sqlalchemy import Connection

from adapter import bootstrap
from adapter.bootstrap import TenantParts, open_database
from adapter.cli.check_files import check_files
from adapter.cli.check_lifecare import check_lifecare
from adapter.cli.check_write_back import check_write_back
from adapter.cli.findings import Finding, Mark, fault, fine, note
from adapter.cli.open_service import command_settings, missing_database
from adapter.cli.options import ConfigOption, JsonOption, print_json
from adapter.presentation.console import console
from adapter.settings.load import SettingsError
from adapter.settings.model import Settings
from adapter.settings.values import TOKEN_TOLD
from adapter.store.database import usable
from adapter.store.errors import StoreError
from adapter.store.keys import all_sealed, new_keys
from adapter.store.sealing import of
from connectors.errors import Transient, Unauthorised, VendorError
from connectors.mail.client import MailClient
from connectors.phoniro.client import PhoniroClient
from connectors.rows import BrokenRow
from mappings.file_faults import MappingError
from mappings.mapping import MunicipalMapping, load_mapping


def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check settings, mapping, database, Lifecare, Phoniro and mail.

    Reads only. Exits with 1 if anything must be mended; each such line says what to do.
    """
    raise typer.Exit(asyncio.run(check_and_tell(config, as_json=as_json)))


async def check_and_tell(config: Path | None, *, as_json: bool) -> int:
    """Check, and tell each finding as it is made; returns the exit code."""
    found: list[Finding] = []
    out = console()
    async for finding in check_all(config):
        found.append(finding)
        if not as_json:
            out.print(finding.line())
    wrong = sum(finding.mark is Mark.FAULT for finding in found)
    if as_json:
        print_json({"ok": not wrong, "findings": found})
    elif wrong:
        out.print(f"\n{wrong} {'thing' if wrong == 1 else 'things'} to mend, marked ✗.", style="bold red")
    else:
        out.print("\nAll is well.", style="bold green")
    return 1 if wrong else 0


async def check_all(config: Path | None) -> AsyncIterator[Finding]:
    """Every finding, as it is made."""
    try:
        settings = command_settings(config)
    except SettingsError as error:
        for problem in error.problems:
            yield fault("configuration", problem, "Mend it; docs/settings.md describes every setting")
        return
    for name, problems in settings.refused.items():
        for problem in problems:
            yield fault(f"{name}: configuration", problem, "Mend it; until then only the others are served")
    dry = ", dry run: nothing is written" if settings.dry_run else ""
    yield fine("configuration", f"complete, for {', '.join(settings.tenants)}{dry}")
    for finding in _tokens(settings, datetime.now(UTC).date()):
        yield finding
    usable = 0
    for finding in _mappings(settings):
        usable += finding.mark is not Mark.FAULT
        yield finding
    for finding in (*check_database(settings), *check_files(settings, config)):
        yield finding
    if not usable:
        yield note("Lifecare, Phoniro, mail", "not checked: they are once the mapping is mended")
        return
    try:
        service = bootstrap.build(settings)
    except StoreError:
        yield note("Lifecare, Phoniro, mail", "not checked: they are once the database's URL is mended")
        return
    async with service:
        for name, parts in service.tenants.items():
            prefix = f"{name}: " if len(settings.tenants) > 1 else ""
            async for finding in _municipality(parts):
                yield replace(finding, subject=prefix + finding.subject)


def _tokens(settings: Settings, today: date) -> Iterator[Finding]:
    """Those for the status page whose last day is over, or near."""
    for name, token in settings.ops.tokens.items():
        subject, do = f"ops.tokens.{name}", "Make a new one, hand it out, and set its last day"
        if token.expires and token.expires < today:
            yield fault(subject, f"its last day was {token.expires}: nobody signs in with it", do)
        elif token.expires and token.expires - today <= TOKEN_TOLD:
            yield note(subject, f"its last day is {token.expires}", do)


def _mappings(settings: Settings) -> Iterator[Finding]:
    for name, tenant in settings.tenants.items():
        subject = "mapping" if len(settings.tenants) == 1 else f"{name}: mapping"
        try:
            mapping = load_mapping(tenant.mapping_file)
        except MappingError as error:
            for told in error.faults:
                yield fault(
                    subject, told, f"Mend it in {tenant.mapping_file}; mappings/example.toml explains every key"
                )
            continue
        yield fine(subject, f"{tenant.mapping_file}: {mapping.municipality.name}, orders from {mapping.go_live} on")


def check_database(settings: Settings) -> Iterator[Finding]:
    """Whether it can be used, has the schema that this version needs, and is encrypted. Makes nothing."""
    if missing := missing_database(settings):
        yield _not_made_yet(missing, auto=settings.store.auto_upgrade)
        if not settings.store.encryption_key.get_secret_value():
            yield _NOT_ENCRYPTED
        return
    try:
        database = open_database(settings)
        try:
            current, expected = database.schema()
            if usable(current, expected):
                yield fine("database", f"{database.name}, schema {current}")
                yield database.run_sync(_encryption)
            else:
                yield _of_another_schema(settings, database.name, current, expected)
        finally:
            database.close()
    except StoreError as error:
        do = "Put the right key back" if error.reason == "key" else "Mend store.url, or bring the database back"
        yield fault("database", str(error), do)


def _encryption(conn: Connection) -> Finding:
    new, key = new_keys(conn), of(conn).current
    if key is None:
        return _NOT_ENCRYPTED
    if new:
        told = f"the key {key} is new: no adapter has been started with it"
        return note("encryption", told, "Restart every adapter; until then no other command works with it")
    if all_sealed(conn):
        return fine("encryption", f"everything personal in the database is encrypted by the key {key}")
    told = f"not everything personal in the database is encrypted by the key {key} yet"
    return note("encryption", told, "`adapter run` does it after its start; or run `adapter db rekey`")


_NOT_ENCRYPTED = note(
    "encryption",
    "nothing in the database is encrypted: store.encryption_key is empty",
    "Make a key and set its file as store.encryption_key_file; docs/operations.md says how, and how to keep it",
)


def _of_another_schema(settings: Settings, name: str, current: str | None, expected: str) -> Finding:
    told = f"{name} has schema {current}, this version needs {expected}"
    if current is None:
        told = f"{name} is there, but has no tables of the adapter's"
    if settings.store.auto_upgrade:
        does = "brings it up to date" if current else "makes them"
        return note("database", told, f"`adapter run` {does} by itself (store.auto_upgrade)")
    return fault("database", told, "Run `adapter db upgrade`")


def _not_made_yet(path: Path, *, auto: bool) -> Finding:
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return fault("database", f"{path} can't be made", f"Give the adapter's user the right to write in {folder}")
    if auto:
        return note("database", f"{path} is not there yet", "`adapter run` makes it at its first start")
    return fault("database", f"{path} is not there yet", "Run `adapter db upgrade`")


async def _municipality(parts: TenantParts) -> AsyncIterator[Finding]:
    async for finding in check_lifecare(parts.lifecare, parts.mapping, lambda: datetime.now(UTC)):
        yield finding
    async for finding in check_write_back(parts.lifecare, parts.phoniro, parts.mapping, datetime.now(UTC)):
        yield finding
    for found in await check_phoniro(parts.phoniro, parts.mapping):
        yield found
    yield await _mail(parts)


async def check_phoniro(client: PhoniroClient, mapping: MunicipalMapping) -> list[Finding]:
    """The token, and each organisation that the mapping names."""
    try:
        rows = await client.organisations()
    except VendorError as error:
        return [fault("Phoniro", str(error), _phoniro_do(error))]
    known = {row.id: row.name for row in rows if not isinstance(row, BrokenRow)}
    found = [fine("Phoniro", f"reachable, token given, {len(known)} organisations")]
    wanted = {"organisations.default": mapping.organisations.default}
    wanted |= {f"organisations.by_unit.{unit}": id_ for unit, id_ in mapping.organisations.by_unit.items()}
    for key, organisation in wanted.items():
        if organisation in known:
            found.append(fine(key, f"{organisation} {known[organisation]}"))
        else:
            do = f"Correct {key} in the mapping; Phoniro has: {', '.join(sorted(known)) or 'none'}"
            found.append(fault(key, f"Phoniro has no organisation {organisation}", do))
    return found


def _phoniro_do(error: VendorError) -> str:
    if isinstance(error, Unauthorised):
        return "Check phoniro.client_id, phoniro.client_secret and phoniro.scope against what the vendor handed out"
    if isinstance(error, Transient):
        return "Check phoniro.base_url, DNS, firewall and proxy from this machine; if others reach it, try again"
    return "Check phoniro.base_url, client_id and scope; the vendor's words say what it refuses"


async def _mail(parts: TenantParts) -> Finding:
    if not isinstance(parts.mail, MailClient):
        return note("mail", "no mail server is set: nobody is reminded, each mail is a line in the log", "Set [mail]")
    server = f"{parts.settings.mail.host}:{parts.settings.mail.port}"
    try:
        await parts.mail.check()
    except VendorError as error:
        return fault("mail", str(error), f"Check [mail] and whether {server} lets this machine in")
    return fine("mail", f"{server} reachable{', login accepted' if parts.settings.mail.username else ''}")
