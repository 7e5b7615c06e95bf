"""What the tests of the simulated vendors share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.mock.phoniro_client import CONTRACT, Client, check_answer


@pytest.fixture
def client() -> Iterator[Client]:
    """Every answer that a test gets is held against the contract when the test is over."""
    client = Client()
    yield client
    if CONTRACT.exists():
        for call in client.calls:
            check_answer(*call)
