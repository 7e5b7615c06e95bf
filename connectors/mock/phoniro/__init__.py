"""The simulated Phoniro."""

from connectors.mock.phoniro.simulator import ORGANISATIONS, Received, SimulatedPhoniro

__all__ = ["ORGANISATIONS", "Received", "SimulatedPhoniro"]
