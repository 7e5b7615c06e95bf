"""The night load as the status page draws it: for each unit one bar for each quarter of an hour, and a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time

from adapter.domain.night_load import Load, quarters
from adapter.domain.policy import Policy
from adapter.presentation.words import Words

BAR, HEIGHT = 12, 60
"""Width of a bar and height of a full one, in units of the picture."""
_MOST = 6
"""Units shown, at most. Those with the most looks at once come first."""


@dataclass(frozen=True, slots=True)
class UnitLoad:
    """``bars``: x, y, height and text of each. ``line``: y of the municipality's limit, None if it has none. ``hours``:
    x and name of each hour."""

    name: str
    tenant: str
    told: str
    crowded: bool
    width: int
    bars: tuple[tuple[int, int, int, str], ...]
    line: int | None
    hours: tuple[tuple[int, str], ...]


def unit_loads(load: Load, tenant: str, policy: Policy, words: Words) -> tuple[UnitLoad, ...]:
    """The fullest units of one municipality; empty if no look is called for."""
    fullest = sorted(load.items(), key=lambda item: (-max(item[1].values()), str(item[0])))[:_MOST]
    top = max((max(at.values()) for _, at in fullest), default=0)
    return tuple(_unit(unit, at, max(top, policy.most_looks_at_once), tenant, policy, words) for unit, at in fullest)


def _unit(
    unit: int | None, counts: Mapping[time, int], top: int, tenant: str, policy: Policy, words: Words
) -> UnitLoad:
    order = quarters(policy.window)
    most = max(counts, key=lambda q: counts[q])
    limit = policy.most_looks_at_once
    bars = [
        (n * BAR, HEIGHT - _height(counts[q], top), _height(counts[q], top), f"{q:%H:%M}: {counts[q]}")
        for n, q in enumerate(order)
        if q in counts
    ]
    return UnitLoad(
        name=words.unit(unit),
        tenant=tenant,
        told=words.say("status", "load_told", count=sum(counts.values()), most=counts[most], at=f"{most:%H:%M}"),
        crowded=bool(limit) and counts[most] > limit,
        width=len(order) * BAR,
        bars=tuple(bars),
        line=HEIGHT - _height(limit, top) if limit else None,
        hours=tuple((n * BAR, f"{q:%H}") for n, q in enumerate(order) if q.minute == 0),
    )


def _height(count: int, top: int) -> int:
    return max(2, round(HEIGHT * count / max(top, 1)))
