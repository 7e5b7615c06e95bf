"""Whether anybody else on this machine can read the secrets and the database, or change them."""

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_IROTH, S_ISREG, S_IWGRP, S_IWOTH, S_IXOTH, filemode

from adapter.cli.findings import Finding, fine, note
from adapter.cli.open_service import sqlite_file
from adapter.settings.load import secret_files
from adapter.settings.model import Settings


def check_files(settings: Settings, config: Path | None) -> Iterator[Finding]:
    """A finding for each file that others can reach, or one that says there is none."""
    if os.name != "posix":
        yield note("secret files, database", "who may read them isn't checked on this system")
        return
    found = [
        finding
        for what, files in (
            ("secret file", [*secret_files(config), *_keys(settings)]),
            ("database", _database(settings)),
        )
        for file in files
        if (finding := _finding(what, file))
    ]
    yield from found or [fine("secret files, database", "nobody else can read or change them")]


def _finding(what: str, file: Path) -> Finding | None:
    try:
        seen = file.stat()
    except OSError:
        return None  # reported by the code that reads it
    if not S_ISREG(seen.st_mode):
        return None  # a folder, for example; reported by the code that reads it
    mode, whose = filemode(seen.st_mode), seen.st_uid
    do = f"chmod go-rwx {file}, owned by the adapter's user"
    if seen.st_mode & (S_IROTH | S_IWOTH) and _reached_by_all(file):
        return note(what, f"{file} ({mode}): everybody on this machine can read or change it", do)
    if seen.st_mode & S_IWGRP:
        return note(what, f"{file} ({mode}): its group can change it", do)
    if whose not in (0, os.geteuid()) and os.geteuid() != 0:
        return note(what, f"{file} ({mode}): it is another user's (uid {whose}), who can change it", do)
    return None


def _reached_by_all(file: Path) -> bool:
    return all(folder.stat().st_mode & S_IXOTH for folder in file.resolve().parents)


def _keys(settings: Settings) -> Iterator[Path]:
    for tenant in settings.tenants.values():
        for vendor in (tenant.lifecare, tenant.phoniro):
            if key := vendor.cert_key_file or vendor.cert_file:
                yield key


def _database(settings: Settings) -> list[Path]:
    file = sqlite_file(settings)
    return [file.with_name(file.name + more) for more in ("", "-wal", "-shm")] if file else []
