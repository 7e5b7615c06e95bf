"""A mapping that writes looks back, and the visits that are then in the simulated Lifecare."""

from pathlib import Path

from connectors.mock.lifecare.simulator import SimulatedLifecare
from tests.outside import example_with

OFF = 'mode = "off"'
SERVICE = "service_type = 4010"
PERSONNEL = '"operator-1" = "NATEST"'


def mapping_with(folder: Path, *changes: tuple[str, str], mode: str = "on") -> Path:
    """The example mapping, with looks written back, and with some texts replaced."""
    return example_with(folder, (OFF, f'mode = "{mode}"'), *changes)


def visits(lifecare: SimulatedLifecare) -> list[str]:
    """The visits in Lifecare, each by its time of day (UTC), in order."""
    return sorted(f"{row['StartTime']:%d %H:%M}" for row in lifecare.visits())


def changes(lifecare: SimulatedLifecare) -> list[str]:
    return [change.what for change in lifecare.visits_written()]
