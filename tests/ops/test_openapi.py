"""The published description is true: Schemathesis sends everything that it allows, and much that it doesn't."""

import asyncio
import json
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from adapter.ops.app import create_app
from adapter.ops.hooks import LARGEST
from tests.ops.conftest import site_of
from tests.world import World


def test_what_is_published_is_what_is_answered() -> None:
    """Slow, as each of the drawn requests is made and its answer held against the description."""

    async def ready() -> World:
        made = World()
        await made.service.start_store()
        await made.cycle()
        return made

    app = create_app(site_of(asyncio.run(ready())).ops)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    asked = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        asked.append(operation.label)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(max_examples=20, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def holds(case: schemathesis.Case[Any]) -> None:
                # The description can't bound a body's bytes; one that is valid but too large is a 413, tested apart.
                assume(len(json.dumps(case.body, default=str)) <= LARGEST)
                case.call_and_validate()

            try:
                holds()
            except Exception as error:
                if "Unsatisfiable" not in type(error).__name__:
                    raise
    assert sorted(asked) == ["GET /healthz", "GET /metrics", "GET /readyz", "POST /hooks/lifecare"]
