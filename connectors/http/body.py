"""Reads the body of an answer as it streams, within a limit that holds before and after decoding."""

import zlib
from dataclasses import dataclass

import httpx

CODINGS = "gzip"
"""Sent in Accept-Encoding. It is the one coding that can be decoded with a limit."""
_GZIP = ("gzip", "x-gzip")
_PLAIN = ("", "identity")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a body can't be read, in words that may stand in our own errors. ``too_long``: because it is too long."""

    reason: str
    too_long: bool = False


async def read_body(response: httpx.Response, longest: int) -> bytes | Unreadable:
    """The decoded body, at most ``longest`` bytes. Two codings aren't decoded, because gzip within gzip turns one byte
    into a million."""
    try:
        return await _read(response, longest)
    except zlib.error:
        return Unreadable("the answer should be gzip, but isn't")
    finally:
        await response.aclose()


async def _read(response: httpx.Response, longest: int) -> bytes | Unreadable:
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in (*_GZIP, *_PLAIN):
        return Unreadable("the answer has a content coding that was not asked for")
    unzip = zlib.decompressobj(wbits=31) if coding in _GZIP else None
    body, received = bytearray(), 0
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for part in response.stream:  # not decoded: httpx would decode a whole part at once
        received += len(part)
        body += part if unzip is None else unzip.decompress(part, longest + 1 - len(body))
        if max(received, len(body)) > longest:
            return Unreadable(f"the answer is longer than {longest} bytes", too_long=True)
    if unzip is not None and received and not unzip.eof:
        return Unreadable("the answer's gzip is cut off")
    return bytes(body)
