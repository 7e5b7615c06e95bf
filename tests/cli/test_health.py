"""``adapter health``, which the container's health check runs, and ``adapter --version``."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapter.cli.app import app
from tests.outside import municipality
from tests.service import toml

MUNICIPALITY = {
    "tenant": "exempel",
    "pseudonym_key": "a key for tests only",
    **municipality("https://lifecare.example", "https://phoniro.example"),
}


class Health(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server.server_port
        server.shutdown()


def asked(tmp_path: Path, **ops: object) -> tuple[int, str]:
    config = tmp_path / "adapter.toml"
    config.write_text(toml({**MUNICIPALITY, "ops": ops}), encoding="utf-8")
    result = CliRunner().invoke(app, ["health", "--config", str(config)])
    return result.exit_code, result.output


def test_health_follows_the_settings_port_and_takes_no_proxy(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = {"enabled": True, "host": "0.0.0.0", "pages": False}
    assert asked(tmp_path, **on, port=port) == (0, "alive\n")
    monkeypatch.setattr(Health, "status", 503)
    assert asked(tmp_path, **on, port=port) == (1, f"127.0.0.1:{port} answered 503.\n")
    monkeypatch.setenv("ADAPTER_OPS__PORT", "9")
    assert asked(tmp_path, **on, port=port) == (1, "127.0.0.1:9 doesn't answer (ConnectionRefusedError).\n")
    assert asked(tmp_path, enabled=False)[0] == 2


def test_the_version_is_told() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.output) == (0, f"adapter {version('trygghetskamera-adapter')}\n")
