"""The simulated Phoniro."""

from connectors.mock.phoniro.nights import NightPlan
from connectors.mock.phoniro.schedules import Schedule, Version
from connectors.mock.phoniro.schemas import Customer, HandChange, NewSchedule, SetOutcome
from connectors.mock.phoniro.simulator import SimulatedPhoniro
from connectors.mock.phoniro.state import DEFAULT_CLIENT, ORGANISATIONS, PhoniroState

__all__ = [
    "DEFAULT_CLIENT",
    "ORGANISATIONS",
    "Customer",
    "HandChange",
    "NewSchedule",
    "NightPlan",
    "PhoniroState",
    "Schedule",
    "SetOutcome",
    "SimulatedPhoniro",
    "Version",
]
