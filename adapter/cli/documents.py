"""A case's documents as PDF, for ``adapter case document`` and for the status page."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from adapter.bootstrap import Service
from adapter.ops.context import Document
from adapter.presentation.case_file import find_case
from adapter.presentation.documents import document_data
from mappings.documents import KINDS, render


def gather_document(c: Connection, service: Service, reference: str, kind: str) -> Callable[[], Document] | None:
    """What prints a document of a case, once all that it says is read; it raises ``DocumentError`` for a template that
    can't be used. None where there is no such case or kind, or the case was never read whole."""
    case = find_case(c, tuple(service.tenants), reference)
    if case is None or kind not in KINDS:
        return None
    parts, tenant = service.tenants[case.tenant], service.runtime.tenants[case.tenant]
    words, now = service.words[case.tenant], service.runtime.clock.now()
    data = document_data(c, case, tenant.policy, now, words, parts.mapping.municipality.name)
    if data is None:
        return None
    # A municipality's own templates stand beside its mapping.
    folder = parts.settings.mapping_file.parent / "documents"
    return lambda: Document(f"{case.ref}-{kind}.pdf", "application/pdf", render(kind, data, folder=folder))
