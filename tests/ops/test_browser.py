"""The status page in a real browser: light and dark, phone and desktop, without scripts, and by axe (WCAG 2.2 AA).
Slow, as a browser is started, and axe reads every page."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, Page, async_playwright
from pydantic import SecretStr

from adapter.ops.app import create_app
from adapter.settings.model import OpsSettings
from tests.ops.conftest import TOKEN, served, site_of
from tests.ops.test_municipalities import several
from tests.ops.test_pages import busy
from tests.world import World

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="STATUS PAGE NOT TESTED IN A BROWSER: Debian's package chromium isn't here"
)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            yield started
        finally:
            await started.close()


async def violations(page: Page) -> list[str]:
    await page.evaluate(AXE_SCRIPT)
    found = await page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES)
    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found["violations"]]


async def test_the_page_is_accessible_and_fits_on_every_screen(tmp_path: Path) -> None:
    pictures = Path(os.environ.get("ADAPTER_TEST_PICTURES", tmp_path))
    async with World() as world:
        ref = await busy(world)
        world.person("19350101TF02")
        world.order("19350101TF02")
        await world.settle()
        world.clock.time += timedelta(days=61)  # so that it is listed as not executed
        await world.cycle()
        async with served(site_of(world).app) as port, browser() as chromium:
            url = f"http://127.0.0.1:{port}"
            for scheme in SCHEMES:
                for width, height in ((1280, 900), (390, 844)):
                    context = await chromium.new_context(
                        color_scheme=scheme,
                        viewport={"width": width, "height": height},
                        bypass_csp=True,
                    )
                    page = await context.new_page()
                    for path in ("/", "/cases", f"/cases/{ref}", "/unfulfilled", "/times"):
                        answer = await page.goto(url + path)
                        assert answer is not None
                        assert answer.status == 200
                        assert await violations(page) == []
                        assert await page.evaluate("document.documentElement.scrollWidth") <= width
                        name = path.strip("/").replace("/", "-") or "overview"
                        await page.screenshot(path=pictures / f"{name}-{scheme}-{width}.png", full_page=True)
                    await context.close()


async def test_the_page_of_several_municipalities_is_accessible_and_fits_on_a_phone(tmp_path: Path) -> None:
    pictures = Path(os.environ.get("ADAPTER_TEST_PICTURES", tmp_path))
    async with several() as (land, ops), browser() as chromium:
        land.order("beby", 0, 3)
        await land.poll("beby")
        ops.runtime.breakers.of("ceby", "lifecare").down_since = land.clock.now()
        guarded = replace(ops, settings=OpsSettings(enabled=True, token=SecretStr(TOKEN)))
        async with served(create_app(ops)) as port, served(create_app(guarded)) as asks_who:
            context = await chromium.new_context(
                color_scheme="dark", viewport={"width": 390, "height": 844}, bypass_csp=True
            )
            page = await context.new_page()
            for address, name in (
                (f"{asks_who}/", "sign-in"),
                (f"{port}/", "several"),
                (f"{port}/followup", "followup"),
                (f"{port}/guides", "guide"),
            ):
                await page.goto(f"http://127.0.0.1:{address}")
                assert await violations(page) == []
                assert await page.evaluate("document.documentElement.scrollWidth") <= 390
                await page.screenshot(path=pictures / f"{name}-dark-390.png", full_page=True)


async def test_everything_works_without_scripts_and_by_keyboard() -> None:
    async with World() as world:
        ref = await busy(world)
        async with served(site_of(world).app) as port, browser() as chromium:
            url = f"http://127.0.0.1:{port}"
            context = await chromium.new_context(java_script_enabled=False)
            page = await context.new_page()
            await page.goto(url)
            await page.get_by_label("Ärende- eller beställningsnummer").fill(ref.lower())
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"{url}/cases/{ref}")
            assert ref in (await page.locator("h1").inner_text())
