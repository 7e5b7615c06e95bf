"""``adapter health``: what the container's health check runs."""

import http.client

import typer

from adapter.cli.failures import CANT_BEGIN, fail
from adapter.cli.options import ConfigOption
from adapter.settings.load import load_settings

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # what is listened on, not an address to listen on
_SECONDS = 5.0


def health(config: ConfigOption = None) -> None:
    """Ask the adapter that runs on this machine whether it is alive.

    Uses the address and port of its settings, and no proxy. Exits with 0 if it is alive, otherwise with 1.
    """
    ops = load_settings(config).ops
    if not ops.enabled or not ops.port:
        raise fail("The HTTP side is off, or on any free port: set ops.enabled and ops.port.", CANT_BEGIN)
    host = _EVERYWHERE.get(ops.host, ops.host)
    try:
        connection = http.client.HTTPConnection(host, ops.port, timeout=_SECONDS)
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
        connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise fail(f"{host}:{ops.port} doesn't answer ({type(error).__name__}).") from None
    if status != http.client.OK:
        raise fail(f"{host}:{ops.port} answered {status}.")
    typer.echo("alive")
