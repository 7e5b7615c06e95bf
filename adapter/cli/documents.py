"""``adapter case document``, and the same for the status page."""

from __future__ import annotations

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


def made(c: Connection, service: Service, reference: str, kind: str) -> Document | None:
    """A document of a case; None where there is no such case or kind, or the case was never read whole. Raises
    ``DocumentError`` for a template that can't be used."""
    case = find_case(c, tuple(service.tenants), reference)
    if case is None or kind not in KINDS:
        return None
    parts, tenant = service.tenants[case.tenant], service.runtime.tenants[case.tenant]
    words, now = words_of(service, case.tenant), service.runtime.clock.now()
    data = document_data(c, case, tenant.policy, now, words, parts.mapping.municipality.name)
    if data is None:
        return None
    # A municipality's own templates stand beside its mapping.
    folder = parts.settings.mapping.parent / "documents"
    return Document(f"{case.ref}-{kind}.pdf", "application/pdf", render(kind, data, folder=folder))


def write_document(config: Path | None, reference: str, kind: str, target: Path | None) -> None:
    with reading(config) as service:
        try:
            document = service.runtime.db.run_sync(lambda c: made(c, service, reference, kind))
        except DocumentError as error:
            raise fail(str(error)) from None
        if document is None:
            raise fail(
                f"there is no {kind} of {reference}: no such case, or it was never read whole (adapter case list)"
            )
        path = target or Path(document.name)
        path.write_bytes(document.content)
        typer.echo(str(path))
