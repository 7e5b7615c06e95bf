"""A municipality whose settings or mapping can't be used is refused loudly; the others are served as ever."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from adapter.bootstrap import Outside, Service, build
from adapter.cli.check import check_all
from adapter.cli.findings import Mark
from adapter.cli.reload import Reloader, take_over, tell_refused
from adapter.cli.run import run_service
from adapter.ops.app import create_app
from adapter.ops.vendor_calls import VendorCalls
from adapter.settings.load import load_settings
from adapter.store.database import Database
from connectors.mock.lifecare.simulator import DEFAULT_KEY
from tests.conftest import Logs
from tests.ops.conftest import ops_of
from tests.outside import EXAMPLE, edit, municipality
from tests.service import write_config

KEY, KEY_FILE = f'domain = "sodra"\nkey = "{DEFAULT_KEY}"', 'domain = "sodra"\nkey_file = "{}"'
SPOILT = {
    "a mapping with an unknown key": ("mapping", "alarm_team = 7201", "alarm_taem = 7201", "alarm_taem"),
    "a mapping that isn't there": ("config", "sodra.toml", "nowhere.toml", "can't be read"),
    "an unknown key in its section": ("config", 'domain = "sodra"', 'domian = "sodra"', "did you mean domain?"),
    "a secret that isn't there": ("config", KEY, KEY_FILE.format("nowhere"), "can't be read"),
}


class Files:
    """Two municipalities' files: norra, which is well, and sodra."""

    def __init__(self, folder: Path) -> None:
        self.config, self.mapping = folder / "adapter.toml", folder / "sodra.toml"
        tenants: dict[str, Any] = {}
        for name in ("norra", "sodra"):
            mapping = folder / f"{name}.toml"
            mapping.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
            tenants[name] = municipality("https://127.0.0.1:1", "https://127.0.0.1:2", domain=name, mapping=mapping)
        write_config(self.config, f"sqlite:///{folder}/a.db", tenants)

    def change(self, file: str, old: str, new: str) -> None:
        edit(getattr(self, file), old, new)

    def build(self) -> Service:
        return build(load_settings(self.config), outside=Outside(), db=Database("sqlite://"))


@pytest.fixture
def files(elsewhere: Path) -> Files:
    return Files(elsewhere)


@pytest.mark.parametrize("how", SPOILT)
async def test_it_is_refused_and_told_the_others_run_and_it_joins_when_mended(
    files: Files, logs: Logs, how: str
) -> None:
    file, good, bad, told = SPOILT[how]
    files.change(file, good, bad)
    async with files.build() as service:
        await service.start_store()
        tell_refused(service)
        assert list(service.tenants) == ["norra"]
        (line,) = logs.events("tenant_refused")
        assert (line["tenant"], line["level"]) == ("sodra", "error")
        assert told in "\n".join(line["problems"])

        reloader = Reloader(files.config)
        again = reloader.read(service)
        assert again is not None, "the others' changes are put to use while it is still refused"
        files.change(file, bad, good)
        after = reloader.read(again)
        assert after is not None
        await take_over(again, after)
        assert list(after.tenants) == ["norra", "sodra"]
        assert logs.events("configuration_reloaded")[-1]["added"] == "sodra"
        assert len(logs.events("tenant_refused")) == 1


async def test_one_that_is_served_is_not_lost_by_a_bad_change(files: Files, logs: Logs) -> None:
    async with files.build() as service:
        files.change("config", 'domain = "sodra"', 'domian = "sodra"')
        assert Reloader(files.config).read(service) is None
        assert "did you mean domain?" in logs.events("configuration_refused")[0]["problems"][0]


async def test_readyz_metrics_page_and_check_name_it(files: Files) -> None:
    files.change("mapping", "alarm_team = 7201", "alarm_taem = 7201")
    async with files.build() as service:
        await service.start_store()
        app = create_app(ops_of(service, VendorCalls(service.runtime.clock.now)))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            ready = (await client.get("/readyz")).json()
            assert [c["detail"][:10] for c in ready["checks"] if c["name"] == "feeds sodra"] == ["not served"]
            metrics = (await client.get("/metrics")).text
            assert 'adapter_tenant_refused{tenant="sodra"} 1.0' in metrics
            assert 'adapter_tenant_refused{tenant="norra"} 0.0' in metrics
            assert "sodra betjänas inte" in (await client.get("/")).text
    found = [f async for f in check_all(files.config)]
    assert any(f.mark is Mark.FAULT and f.subject == "sodra: mapping" for f in found)
    assert any(f.subject.startswith("norra: Lifecare") for f in found), "the others are checked all the same"


def test_with_nobody_left_nothing_is_started(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.change("mapping", "alarm_team = 7201", "alarm_taem = 7201")
    files.change("config", "norra.toml", "nowhere.toml")
    assert run_service(files.config, once=True) == 2
    out = capsys.readouterr().out
    assert '"settings_refused"' in out
    assert "alarm_taem" in out
    assert "nowhere.toml" in out


async def test_one_whose_secret_file_was_missing_joins_when_the_file_comes(files: Files, tmp_path: Path) -> None:
    files.change("config", KEY, KEY_FILE.format(tmp_path / "key"))
    async with files.build() as service:
        await service.start_store()
        assert list(service.runtime.refused) == ["sodra"]
        reloader = Reloader(files.config)
        reloader._was_read(service)
        assert not any(reloader.changed(service) for _ in range(3))
        (tmp_path / "key").write_text("key\n", encoding="utf-8")
        assert [reloader.changed(service) for _ in range(3)][-1]
        joined = reloader.read(service)
        assert joined is not None
        assert sorted(joined.tenants) == ["norra", "sodra"]
