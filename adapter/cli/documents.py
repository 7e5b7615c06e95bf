"""``adapter case document``, and the same for the status page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer
from sqlalchemy import Connection

from adapter.bootstrap import Service
from adapter.cli.failures import fail
from adapter.cli.opening import reading, words_of
from adapter.ops.context import Document
from adapter.presentation.case_file import find_case
from adapter.presentation.documents import document_data
from mappings.documents import KINDS, DocumentError, render


def gathered(c: Connection, service: Service, reference: str, kind: str) -> Callable[[], Document] | None:
    """What prints a document of a case, once all that it says is read; it raises ``DocumentError`` for a template that
    can't be used. None where there is no such case or kind, or the case was never read whole."""
    case = find_case(c, tuple(service.tenants), reference)
    if case is None or kind not in KINDS:
        return None
    parts, tenant = service.tenants[case.tenant], service.runtime.tenants[case.tenant]
    words, now = words_of(service, case.tenant), service.runtime.clock.now()
    data = document_data(c, case, tenant.policy, now, words, parts.mapping.municipality.name)
    if data is None:
        return None
    # A municipality's own templates stand beside its mapping.
    folder = parts.settings.mapping_file.parent / "documents"
    return lambda: Document(f"{case.ref}-{kind}.pdf", "application/pdf", render(kind, data, folder=folder))


def write_document(config: Path | None, reference: str, kind: str, target: Path | None) -> None:
    with reading(config) as service:
        printed = service.runtime.db.run_sync(lambda c: gathered(c, service, reference, kind))
        if printed is None:
            raise fail(
                f"there is no {kind} of {reference}: no such case, or it was never read whole (adapter case list)"
            )
        try:
            document = printed()
        except DocumentError as error:
            raise fail(str(error)) from None
        path = target or Path(document.name)
        path.write_bytes(document.content)
        typer.echo(str(path))
