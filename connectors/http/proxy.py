"""Which proxy a vendor's calls go through (PA6)."""

from __future__ import annotations

from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx

NO_PROXY = "none"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def proxy_for(base_url: str, wanted: str) -> httpx.Proxy | None:
    """``wanted`` is the setting: a proxy's URL, ``none``, or empty for what the environment says (``HTTPS_PROXY``,
    ``HTTP_PROXY``, ``NO_PROXY``, in either case of letters). For this machine's own addresses the environment isn't
    asked."""
    if wanted:
        return None if wanted == NO_PROXY else _proxy(wanted)
    url = httpx.URL(base_url)
    found = getproxies().get(url.scheme)
    if not found or url.host in _LOOPBACK or proxy_bypass(url.host):
        return None
    return _proxy(found if "://" in found else f"http://{found}")


def _proxy(address: str) -> httpx.Proxy:
    proxy = httpx.Proxy(address)
    if proxy.auth is None:
        return proxy
    # As a header: aiohttp deprecates the form in which httpx-aiohttp hands it a login.
    return httpx.Proxy(proxy.url, headers={"Proxy-Authorization": aiohttp.encode_basic_auth(*proxy.auth)})
