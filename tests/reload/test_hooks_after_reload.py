"""What survives a reload works with the new settings."""

import asyncio

import httpx
from pydantic import SecretStr

from adapter.cli.http_server import HttpServer
from adapter.settings.model import Settings, TokenSettings
from adapter.settings.values import Role
from tests.service import free_port
from tests.world import World


async def test_who_asks_over_a_socket_is_answered_and_may_sign_in_by_the_settings_as_they_are_after_a_reload() -> None:
    def settings(**roles: Role) -> Settings:
        tokens = {name: TokenSettings(token=SecretStr(token_of(name)), role=role) for name, role in roles.items()}
        ops = world.settings.ops.model_copy(update={"enabled": True, "port": port, "tokens": tokens})
        return world.settings.model_copy(update={"ops": ops})

    def token_of(name: str) -> str:
        return f"the long token of {name}"

    port = free_port()
    async with World() as world:
        first = settings(anna="read", bo="operate")
        side, stop = HttpServer(first), asyncio.Event()
        running = asyncio.ensure_future(side.run(world.service.successor(first), stop))
        at = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=at) as anna, httpx.AsyncClient(base_url=at) as bo:
            assert await _status(anna) == 200
            for client, name in ((anna, "anna"), (bo, "bo")):
                await client.post("/sign-in", data={"token": token_of(name)})

            async def statuses() -> list[int]:
                return [(await each.post("/times", data={"text": "22:30"})).status_code for each in (anna, bo)]

            async def guesses(number: int) -> list[int]:
                return [(await bo.post("/sign-in", data={"token": "a guess"})).status_code for _ in range(number)]

            assert await statuses() == [403, 200]
            assert 429 in await guesses(12)
            side.use(world.service.successor(settings(anna="operate")))
            assert await _status(anna) == 200
            assert await statuses() == [200, 401], "one may more, the other's token is gone"
            assert 429 in await guesses(5), "a reload gives nobody new guesses"
            unsigned = [(await bo.post("/hooks/lifecare")).status_code for _ in range(61)]
            assert (unsigned[0], unsigned[-1]) == (404, 429)
            side.use(world.service.successor(settings(anna="operate")))
            assert (await bo.post("/hooks/lifecare")).status_code == 429, "nor new hooks"
        stop.set()
        await running


async def _status(client: httpx.AsyncClient) -> int:
    """The status of the health address, as soon as it listens."""
    async with asyncio.timeout(30):
        while True:
            try:
                return (await client.get("/healthz")).status_code
            except httpx.ConnectError:
                await asyncio.sleep(0.01)
