"""Reads the body of an answer as it streams, within a limit that holds before and after decoding."""

from __future__ import annotations

import zlib

import httpx

CODINGS = "gzip"
"""Sent in Accept-Encoding. It is the one coding that can be decoded with a limit."""
_GZIP = ("gzip", "x-gzip")
_PLAIN = ("", "identity")


class Unreadable(Exception):
    """The body can't be read; ``too_long``: because it is too long. The message may stand in our own errors."""

    def __init__(self, reason: str, *, too_long: bool = False) -> None:
        super().__init__(reason)
        self.too_long = too_long


async def read_body(response: httpx.Response, longest: int) -> bytes:
    """The decoded body, at most ``longest`` bytes. Raises ``Unreadable``, also for another coding and for two codings,
    because gzip within gzip turns one byte into a million."""
    try:
        return await _read(response, longest)
    finally:
        await response.aclose()


async def _read(response: httpx.Response, longest: int) -> bytes:
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in (*_GZIP, *_PLAIN):
        raise Unreadable("the answer has a content coding that was not asked for")
    unzip = zlib.decompressobj(wbits=31) if coding in _GZIP else None
    body, received = bytearray(), 0
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for part in response.stream:  # not decoded: httpx would decode a whole part at once
        received += len(part)
        body += part if unzip is None else _unzipped(unzip, part, longest + 1 - len(body))
        if max(received, len(body)) > longest:
            raise Unreadable(f"the answer is longer than {longest} bytes", too_long=True)
    if unzip is not None and received and not unzip.eof:
        raise Unreadable("the answer's gzip is cut off")
    return bytes(body)


def _unzipped(unzip: zlib._Decompress, part: bytes, most: int) -> bytes:
    try:
        return unzip.decompress(part, most)
    except zlib.error:
        raise Unreadable("the answer should be gzip, but isn't") from None
