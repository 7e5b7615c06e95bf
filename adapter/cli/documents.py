"""Documents as PDF, for the commands and for the status page: a case's, the follow-up, the guides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import typer
from sqlalchemy import Connection

from adapter.bootstrap import Service
from adapter.cli.failures import fail
from adapter.ops.context import Document
from adapter.presentation.case_file import find_case
from adapter.presentation.documents import document_data
from adapter.presentation.guide import GUIDES, Guide, guide
from mappings.documents import KINDS, DocumentError, render


def gather_document(c: Connection, service: Service, reference: str, kind: str) -> Callable[[], Document] | None:
    """Reads all that a document of a case says, and returns the function that prints it, which raises ``DocumentError``
    for a template that can't be used. None where there is no such case or kind, or the case was never read whole."""
    case = find_case(c, tuple(service.tenants), reference)
    if case is None or kind not in KINDS:
        return None
    tenant, words = service.runtime.tenants[case.tenant], service.words[case.tenant]
    now = service.runtime.clock.now()
    data = document_data(c, case, tenant.policy, now, words)
    if data is None:
        return None
    return lambda: print_document(service, case.tenant, kind, data, f"{case.ref}-{kind}.pdf")


def print_document(service: Service, tenant: str, kind: str, data: Mapping[str, object], name: str) -> Document:
    """The document by the municipality's own template, which stands beside its mapping, or the packaged one. ``data``
    needn't name the municipality. Raises ``DocumentError``."""
    parts = service.tenants[tenant]
    folder = parts.settings.mapping_file.parent / "documents"
    whole = {"municipality": parts.mapping.municipality.name, **data}
    return Document(name, "application/pdf", render(kind, whole, folder=folder))


def role_guide(service: Service, tenant: str, role: str) -> Guide | None:
    """The guide of a role; None where there is no such municipality or role."""
    if tenant not in service.tenants or role not in GUIDES:
        return None
    return guide(role, service.tenants[tenant].mapping, service.words[tenant])


def of_tenant(path: Path, tenant: str, service: Service) -> Path:
    """The file of one municipality; of several each has its name at the end of the file's."""
    return path.with_stem(f"{path.stem}-{tenant}") if len(service.tenants) > 1 else path


def print_to_file(printing: Callable[[], Document], path: Path) -> None:
    """Make a document and write it. A template that can't be used is the command's failure."""
    try:
        document = printing()
    except DocumentError as error:
        raise fail(str(error)) from None
    write_file(document.content, path)


def write_file(content: bytes, path: Path) -> None:
    """Write a file, with the folders above it, and say where. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    typer.echo(str(path))
