"""The outcome of each look that nobody sets: by shares, and the same in every run."""

import random
from datetime import datetime, timedelta

from pydantic import Field

from connectors.mock.phoniro.schemas import Body, Outcome

Told = tuple[tuple[timedelta, Outcome], ...]
"""The outcomes that are reported for a look, each with how long after the due time."""

_MINUTE = timedelta(minutes=1)
Share = Field(default=0.0, ge=0, le=1)


class NightPlan(Body):
    """Shares (0 to 1) of the looks. All others are done a few minutes after their time. ``offline`` is a share of a
    camera's days, from noon to noon. ``corrected``: told as missed, and as done when the device reports hours later
    (PA4). ``unlisted``: not even listed, though it was due."""

    missed: float = Share
    offline: float = Share
    second: float = Share
    visit: float = Share
    late: float = Share
    corrected: float = Share
    unlisted: float = Share

    def of(self, camera: str, due: datetime, retry_after: int) -> Told | None:
        """The outcomes that are reported for one look; None: the look is never listed."""
        noon = (due - timedelta(hours=12)).date()
        if random.Random(f"{camera} {noon}").random() < self.offline:  # noqa: S311 - nothing secret
            return ((3 * _MINUTE, "camera_offline"),)
        rng = random.Random(f"{camera} {due}")  # noqa: S311 - nothing secret
        soon = rng.uniform(1, 6) * _MINUTE
        again = soon + retry_after * _MINUTE
        stories: dict[str, Told | None] = {
            "missed": ((again, "missed"),),
            "second": ((again, "not_visible_then_ok"),),
            "visit": ((again, "visit_dispatched"),),
            "late": ((rng.uniform(20, 60) * _MINUTE, "ok"),),
            "corrected": ((again, "missed"), (rng.uniform(60, 150) * _MINUTE, "ok")),
            "unlisted": None,
        }
        luck = rng.random()
        for name, told in stories.items():
            luck -= getattr(self, name)
            if luck < 0:
                return told
        return ((soon, "ok"),)
