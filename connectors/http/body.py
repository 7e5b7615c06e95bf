"""The body of an answer, read as it streams: no more of it than is allowed, before and after it is decoded."""

from __future__ import annotations

import zlib

import httpx

CODINGS = "gzip"
"""What is offered in Accept-Encoding: one coding, which can be decoded with a limit."""
_GZIP = ("gzip", "x-gzip")
_PLAIN = ("", "identity")


class Unreadable(Exception):
    """The body can't be had; ``too_long``: as there is too much of it. The message is fit for an error of ours."""

    def __init__(self, reason: str, *, too_long: bool = False) -> None:
        super().__init__(reason)
        self.too_long = too_long


async def read_body(response: httpx.Response, longest: int) -> bytes:
    """At most ``longest`` bytes, decoded; the rest is not read. Raises ``Unreadable``, also for a coding that wasn't
    asked for and for two of them: gzip within gzip turns one byte into a million."""
    try:
        return await _read(response, longest)
    finally:
        await response.aclose()


async def _read(response: httpx.Response, longest: int) -> bytes:
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in (*_GZIP, *_PLAIN):
        raise Unreadable("the answer is in a content coding that was not asked for")
    unzip = zlib.decompressobj(wbits=31) if coding in _GZIP else None
    body, received = bytearray(), 0
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for part in response.stream:  # as it was sent: httpx would decode all of a part at once
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
        raise Unreadable("the answer says that it is gzip, and isn't") from None
