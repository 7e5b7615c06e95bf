"""Documents to print, as tagged PDF (PDF/UA-1): bilaga 1, the checklists of both visits (I7, I8, A5), the follow-up,
and each role's guide.

Each is a Typst template. A municipality may keep its own templates, with the same names, in a folder of its own; they
go before these. Nothing personal is in them: name and personal number are filled in by pen.
"""

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
    """A template can't be used. The message has the file's name and what Typst says."""


def render(kind: str, data: Mapping[str, object], *, language: str = "sv", folder: Path | None = None) -> bytes:
    """The document as PDF. ``data`` is plain JSON from ``adapter.presentation``. Templates in ``folder`` go before the
    packaged ones. Raises ``KeyError`` for an unknown kind, ``DocumentError`` if the template can't be used."""
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
