"""The simulated Phoniro."""

from connectors.mock.phoniro.schedule import Schedule, Version
from connectors.mock.phoniro.schemas import HandChange, NewSchedule, SetOutcome
from connectors.mock.phoniro.simulator import DEFAULT_CLIENT, ORGANISATIONS, Received, SimulatedPhoniro

__all__ = [
    "DEFAULT_CLIENT",
    "ORGANISATIONS",
    "HandChange",
    "NewSchedule",
    "Received",
    "Schedule",
    "SetOutcome",
    "SimulatedPhoniro",
    "Version",
]
