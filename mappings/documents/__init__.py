"""Documents to print, as tagged PDF (PDF/UA-1): bilaga 1 and the checklists of both visits (I7, I8, A5), the follow-up,
and the guide of each role.

The templates are Typst files, one per document. A municipality's own stand in a folder of its own under the same names
and go before these. Nothing personal is in them: name and personal number are left blank for the pen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, get_args

CaseDocument = Literal["bilaga-1", "checklista", "checklista-hamtning"]
KINDS: Final[tuple[str, ...]] = get_args(CaseDocument)
"""Those of a case."""
FOLLOW_UP: Final = "uppfoljning"
GUIDE: Final = "lathund"

_PACKAGED = Path(__file__).parent


class DocumentError(Exception):
    """A template can't be used; the message names the file and what Typst says of it."""


def render(kind: str, data: Mapping[str, object], *, language: str = "sv", folder: Path | None = None) -> bytes:
    """The document as PDF. ``data`` is plain JSON, as ``adapter.presentation`` gathers it; ``folder`` holds
    templates that go before the packaged ones. Raises ``KeyError`` for a kind that there isn't, ``DocumentError`` for a
    template that can't be used."""
    if kind not in (*KINDS, FOLLOW_UP, GUIDE):
        raise KeyError(kind)
    own = folder / f"{kind}.typ" if folder else None
    template = own if own and own.is_file() else _PACKAGED / language / f"{kind}.typ"
    inputs = {"data": json.dumps(dict(data), ensure_ascii=False)}
    import typst  # here, as few processes ever print and it takes 7 MB

    try:
        return bytes(typst.compile(template, sys_inputs=inputs, pdf_standards=["ua-1"], format="pdf"))
    except RuntimeError as error:
        raise DocumentError(f"{template.name} can't be made: {error}") from None
