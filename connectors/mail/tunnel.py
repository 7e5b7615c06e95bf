"""A connection to a mail server through an HTTP proxy (CONNECT, RFC 9110 section 9.3.6)."""

import asyncio
import base64
import socket
from urllib.parse import unquote, urlsplit

_LONGEST_ANSWER = 8192


class ProxyRefused(OSError):
    """The proxy refused the connection to the mail server. ``status`` is its answer (0: the answer wasn't HTTP)."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the proxy answered {status}")


async def connected(proxy: str, host: str, port: int, patience: float) -> socket.socket:
    """A socket that is connected with ``host`` through the proxy. ``proxy`` is ``http://[user:password@]host:port``;
    ``patience`` is in seconds.

    Raises ``ProxyRefused``, or ``OSError`` (also ``TimeoutError``) if the proxy can't be reached.
    """
    url, loop = urlsplit(proxy), asyncio.get_running_loop()
    async with asyncio.timeout(patience):
        found = await loop.getaddrinfo(url.hostname, url.port or 80, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
            await loop.sock_sendall(sock, _request(url.username, url.password, f"{host}:{port}"))
            await _accepted(loop, sock)
        except BaseException:
            sock.close()
            raise
    return sock


def _request(user: str | None, password: str | None, target: str) -> bytes:
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if user:
        login = base64.b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {login}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


async def _accepted(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    # Octet by octet, because the mail server's greeting follows the answer.
    answer = b""
    while not answer.endswith(b"\r\n\r\n") and len(answer) < _LONGEST_ANSWER:
        octet = await loop.sock_recv(sock, 1)
        if not octet:
            break
        answer += octet
    version, _, rest = answer.partition(b" ")
    status = int(rest[:3]) if version.startswith(b"HTTP/") and rest[:3].isdigit() else 0
    if not 200 <= status < 300:
        raise ProxyRefused(status)
