"""Both simulated vendors over real sockets in one process, for demonstrations and tests.

Admin paths ask for no token: bind to the loopback address only.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.mock.asgi import listening
from connectors.mock.faults import FaultPlan
from connectors.mock.lifecare import SimulatedLifecare
from connectors.mock.phoniro import SimulatedPhoniro
from connectors.mock.wire import Clock


def utc_now() -> datetime:
    """The machine's own clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class RunningSimulators:
    """Both vendors as they run: where they are, their state, and their fault plans."""

    lifecare_url: str
    phoniro_url: str
    lifecare: SimulatedLifecare
    phoniro: SimulatedPhoniro
    faults_lifecare: FaultPlan
    faults_phoniro: FaultPlan


@asynccontextmanager
async def running_simulators(
    *,
    clock: Clock = utc_now,
    lifecare: SimulatedLifecare | None = None,
    phoniro: SimulatedPhoniro | None = None,
    lifecare_port: int = 0,
    phoniro_port: int = 0,
    host: str = "127.0.0.1",
) -> AsyncIterator[RunningSimulators]:
    """Run both vendors until the block ends; port 0 is a free port. Raises OSError where a port is taken."""
    lifecare = lifecare or SimulatedLifecare(clock)
    phoniro = phoniro or SimulatedPhoniro(clock)
    faults_lifecare, faults_phoniro = FaultPlan(clock), FaultPlan(clock)
    async with (
        listening(faults_lifecare.wrap(lifecare.handle), host, lifecare_port) as lifecare_url,
        listening(faults_phoniro.wrap(phoniro.handle), host, phoniro_port) as phoniro_url,
    ):
        yield RunningSimulators(lifecare_url, phoniro_url, lifecare, phoniro, faults_lifecare, faults_phoniro)


async def serve(
    lifecare_port: int = 0,
    phoniro_port: int = 0,
    host: str = "127.0.0.1",
    *,
    announce: Callable[[Mapping[str, str]], None],
    clock: Clock = utc_now,
    lifecare: SimulatedLifecare | None = None,
    phoniro: SimulatedPhoniro | None = None,
) -> None:
    """Run both vendors until cancelled, SIGTERM or SIGINT; ``announce`` is called once with their URLs by name."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with running_simulators(
        clock=clock,
        lifecare=lifecare,
        phoniro=phoniro,
        lifecare_port=lifecare_port,
        phoniro_port=phoniro_port,
        host=host,
    ) as running:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        try:
            announce({"lifecare": running.lifecare_url, "phoniro": running.phoniro_url})
            await stop.wait()
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
