"""Lives to begin with: one with an order, and one whose e-tillsyn has run for five minutes."""

from datetime import timedelta

import pytest

from adapter.domain.policy import Policy
from tests.domain.life import POLICY, Life


@pytest.fixture
def policy() -> Policy:
    return POLICY


@pytest.fixture
def life(policy: Policy) -> Life:
    life = Life(policy=policy)
    life.order()
    return life


@pytest.fixture
def active(life: Life) -> Life:
    life.begin()
    life.now += timedelta(minutes=5)
    return life
