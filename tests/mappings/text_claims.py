"""What a text claims about Phoniro, and whether Phoniro denies it."""

import re
from collections.abc import Callable

from adapter.domain.ledger import ScheduleRecord, ScheduleStatus


def _paused(record: ScheduleRecord | None) -> bool:
    return record is None or record.status is not ScheduleStatus.OPEN


def _ended(record: ScheduleRecord | None) -> bool:
    return record is not None and record.status is ScheduleStatus.ENDED


def _never(_: ScheduleRecord | None) -> bool:
    return False


CLAIMS: dict[str, Callable[[ScheduleRecord | None], bool]] = {
    r"\b(är|redan) pausad\b|\bpausades\b|\bstoppa(d|des)\b|ingen kan titta|kan ingen titta": _paused,
    r"tillsynen (via trygghetskamera )?(är|har) avsluta|är avslutad i Phoniro|avslutades": _ended,
    r"tillsynen i Phoniro är aktiv|är aktiv i Phoniro|är igång$|tillsynen fortsätter": lambda r: bool(
        r and r.status is ScheduleStatus.OPEN
    ),
    r"är inlagda i Phoniro": lambda r: r is not None,
    r"behöver ni inte göra något i Phoniro|i Phoniro behöver (ni|du) inte|direkt\b": _never,
}
"""Each claim is a pattern (by line, ignoring case), and a function: does the last seen schedule agree with it?"""


def denied(text: str, record: ScheduleRecord | None) -> list[str]:
    """The claims in the text that Phoniro's own state denies."""
    found = []
    for pattern, holds in CLAIMS.items():
        match = re.search(pattern, text, re.IGNORECASE | re.MULTILINE)
        if match and not holds(record):
            found.append(match.group(0))
    return found
