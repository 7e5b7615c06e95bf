"""The simulated vendors as the demo's people use them: over HTTP, through the simulators' own admin paths."""

from __future__ import annotations

from typing import Any, Self

import httpx

from connectors.http.client import production_transport


class Vendors:
    """What people do in Lifecare, and what stands in both vendors afterwards."""

    def __init__(self, lifecare_url: str, phoniro_url: str) -> None:
        self.lifecare_url = lifecare_url
        self.phoniro_url = phoniro_url
        self._http = httpx.AsyncClient(transport=production_transport(), timeout=10, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def act(self, name: str, **fields: Any) -> Any:
        """Do one act of ``GET /admin/acts`` in Lifecare; returns its result."""
        answer = await self._http.post(f"{self.lifecare_url}/admin/acts/{name}", json=fields)
        answer.raise_for_status()
        return answer.json()["result"]

    async def lose_answer(self, vendor_url: str, method: str, pattern: str) -> None:
        """The next such call has its effect, and its answer is lost on the way."""
        rule = {"kind": "cut_after", "method": method, "pattern": pattern, "times": 1}
        (await self._http.post(f"{vendor_url}/admin/faults", json=rule)).raise_for_status()

    async def answers_lost(self, vendor_url: str) -> int:
        """How many of them were."""
        return int((await self._get(f"{vendor_url}/admin/faults"))["hits"])

    async def notes(self) -> list[dict[str, Any]]:
        """Every note that came in through Lifecare's API."""
        return list(await self._get(f"{self.lifecare_url}/admin/notes"))

    async def phoniro(self) -> dict[str, Any]:
        """Phoniro's ``customers`` and ``schedules`` as they are."""
        return dict(await self._get(f"{self.phoniro_url}/admin/state"))

    async def phoniro_received(self) -> list[dict[str, Any]]:
        """Every request that reached Phoniro's API."""
        return list((await self._get(f"{self.phoniro_url}/admin/received"))["received"])

    async def schedule(self, schedule_id: str, at: str = "") -> dict[str, Any]:
        """A schedule with its history; ``couldLook`` is for the instant ``at`` (ISO)."""
        params = {"at": at} if at else {}
        return dict(await self._get(f"{self.phoniro_url}/admin/schedules/{schedule_id}", **params))

    async def _get(self, url: str, **params: str) -> Any:
        answer = await self._http.get(url, params=params)
        answer.raise_for_status()
        return answer.json()
