"""Shared by the tests of the simulated vendors."""

from collections.abc import Iterator

import pytest

from tests.contracts import PHONIRO
from tests.mock.phoniro_client import Client, check_answer


@pytest.fixture
def client() -> Iterator[Client]:
    """When a test is over, all its answers are compared with the contract."""
    client = Client()
    yield client
    if PHONIRO.exists():
        for call in client.calls:
            check_answer(*call)
