"""A mapping that has looks written back, and what then stands in the simulated Lifecare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from connectors.mock.lifecare.simulator import SimulatedLifecare
from tests.world import EXAMPLE

OFF = 'mode = "off"'
SERVICE = "service_type = 4010"
PERSONNEL = '"operator-1" = "NATEST"'


def mapping_with(folder: Path, change: Callable[[str], str] = lambda text: text, mode: str = "on") -> Path:
    """The example's, with looks written back, and changed by ``change``."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert OFF in text
    folder.mkdir(exist_ok=True)
    target = folder / "mapping.toml"
    target.write_text(change(text.replace(OFF, f'mode = "{mode}"')), encoding="utf-8")
    return target


def visits(lifecare: SimulatedLifecare) -> list[str]:
    """The visits that stand, each by its time of day (UTC), in order."""
    return sorted(f"{row['StartTime']:%d %H:%M}" for row in lifecare.visits())


def changes(lifecare: SimulatedLifecare) -> list[str]:
    return [change.what for change in lifecare.visits_written()]
