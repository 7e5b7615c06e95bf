"""A small share of what ``make fuzz`` tries."""

from collections import Counter

import pytest

from tests.conftest import Logs
from tests.fuzz.kinds import KINDS

SHARE = {"wire rows": 1_200, "webhooks": 100, "mappings": 60, "settings": 80, "requests": 200}


@pytest.mark.parametrize(("kind", "count"), SHARE.items())
async def test_whatever_comes_is_used_or_refused_with_its_reason_and_nothing_is_lost(
    kind: str, count: int, logs: Logs
) -> None:
    ends = Counter[str]()
    assert await KINDS[kind](count, 7, ends) == []
    assert len(ends) > (kind != "wire rows"), "some are used, some refused"
    assert '"level": "error"' not in logs.getvalue()
