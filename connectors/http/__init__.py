"""The HTTP base of both vendors' clients."""

from urllib.parse import quote

from connectors.http.answer import Answer
from connectors.http.client import (
    HttpSettings,
    OnCall,
    Sleep,
    VendorHttp,
    mute_library_loggers,
    production_transport,
    writing_while,
)
from connectors.http.error_text import one_line
from connectors.http.proxy import NO_PROXY


def path_segment(value: object) -> str:
    """An id as one segment of a path, so that it can't lead to another resource. ``ValueError`` for ``""`` and
    ``..``."""
    segment = quote(str(value), safe="")
    if segment in ("", ".", ".."):
        raise ValueError("an id is empty or a relative path")
    return segment


__all__ = [
    "NO_PROXY",
    "Answer",
    "HttpSettings",
    "OnCall",
    "Sleep",
    "VendorHttp",
    "mute_library_loggers",
    "one_line",
    "path_segment",
    "production_transport",
    "writing_while",
]
