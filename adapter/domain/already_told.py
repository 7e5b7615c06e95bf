"""What each reader was last told."""

from collections.abc import Iterable

from adapter.domain.ledger import Act, ActKind
from adapter.domain.routine import Letter

COORDINATOR, ALARM_TEAM, AUTHORITY, PLAN = "coordinator", "alarm_team", "authority", "plan"
NIGHT = "night"
"""Those who work at night. They are reached by mail alone."""


class AlreadyTold:
    """What each reader was last told, as the ledger's acts show it. A letter that could only be asked for by mail
    counts too (LA9)."""

    def __init__(self, acts: Iterable[Act]) -> None:
        self.acts = [a for a in acts if a.kind in (ActKind.MESSAGE, ActKind.MAIL) and a.counts]
        self.letters = [a for a in self.acts if "letter" in a.what]

    def last(self, to: str, *letters: Letter) -> Act | None:
        return next(
            (a for a in reversed(self.letters) if a.what["to"] == to and (not letters or a.what["letter"] in letters)),
            None,
        )

    @property
    def unit(self) -> int | None:
        """The unit whose coordinator was last written to."""
        last = self.last(COORDINATOR)
        unit = last.what.get("unit") if last else None
        return unit if isinstance(unit, int) else None

    def topic(self, topic: str) -> Act | None:
        return next((a for a in reversed(self.acts) if a.key.startswith(f"{topic}:")), None)

    def count(self, topic: str) -> int:
        return sum(1 for a in self.acts if a.key.startswith(f"{topic}:"))

    @property
    def of_orders(self) -> frozenset[str]:
        """The orders that the letters told of."""
        return frozenset(order for act in self.letters for order in act.listed("orders"))
