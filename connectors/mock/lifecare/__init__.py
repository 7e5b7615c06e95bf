"""The simulated Lifecare: behaves as the live gateway was seen to behave (L1 to L16), on invented data."""

from connectors.mock.lifecare.acts import Ordered, Protection
from connectors.mock.lifecare.api import BASE, DEFAULT_DOMAIN, DEFAULT_KEY
from connectors.mock.lifecare.notes import WrittenNote
from connectors.mock.lifecare.simulator import SimulatedLifecare
from connectors.mock.lifecare.visits import VisitWritten

__all__ = [
    "BASE",
    "DEFAULT_DOMAIN",
    "DEFAULT_KEY",
    "Ordered",
    "Protection",
    "SimulatedLifecare",
    "VisitWritten",
    "WrittenNote",
]
