"""Chooses the proxy for a vendor's calls (PA6)."""

from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx

NO_PROXY = "none"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def proxy_for(base_url: str, wanted: str) -> httpx.Proxy | None:
    """``wanted`` is the setting: a proxy's URL, ``none``, or empty to use the environment (``HTTPS_PROXY``,
    ``HTTP_PROXY``, ``NO_PROXY``, in upper or lower case). The environment isn't used for this machine's own
    addresses."""
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
    # The login goes in a header, because aiohttp deprecates the form in which httpx-aiohttp passes it.
    return httpx.Proxy(proxy.url, headers={"Proxy-Authorization": aiohttp.encode_basic_auth(*proxy.auth)})
