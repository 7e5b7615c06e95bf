"""The simulated Lifecare: behaves as the live gateway was seen to behave (L1 to L16), on invented data."""

from connectors.mock.lifecare.care import Ordered
from connectors.mock.lifecare.gateway import BASE, DEFAULT_DOMAIN, DEFAULT_KEY, Received, SimulatedLifecare
from connectors.mock.lifecare.notes import WrittenNote

__all__ = ["BASE", "DEFAULT_DOMAIN", "DEFAULT_KEY", "Ordered", "Received", "SimulatedLifecare", "WrittenNote"]
