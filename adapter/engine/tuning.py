"""The engine's periods, delays and limits."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tuning:
    """All are settings of the group ``[engine]``, which describes them."""

    poll: timedelta = timedelta(seconds=60)
    watch: timedelta = timedelta(seconds=120)
    overlap: timedelta = timedelta(minutes=15)
    reread: timedelta = timedelta(hours=24)
    awaiting: timedelta = timedelta(minutes=30)
    lease: timedelta = timedelta(seconds=60)
    settle: timedelta = timedelta(seconds=30)
    fresh: timedelta = timedelta(seconds=120)
    retry_first: timedelta = timedelta(seconds=15)
    retry_cap: timedelta = timedelta(minutes=15)
    concurrency: int = 8
    compare_every: timedelta = timedelta(hours=24)
    mend_drift: bool = True
    end_unowned: bool = False
    resync_file: Path | None = None
    adopt_file: Path | None = None
    audit_heads: Path | None = None
