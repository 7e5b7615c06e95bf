"""``python -m tests.attack.wrong_clock run``: the adapter, whose wall clock is ahead by the seconds in ``CLOCK_FILE``.

The monotonic clock, and all other clocks, stay right."""

import os
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from unittest.mock import patch

import apscheduler.executors.base
import apscheduler.schedulers.base

from adapter.cli import main
from adapter.engine import jobs, runtime

_FILE = Path(os.environ.get("CLOCK_FILE", "/dev/null"))


class SetTime(datetime):
    """``datetime`` where it is asked what time it is."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a plain one
        return datetime.now(tz) + timedelta(seconds=float(_FILE.read_text(encoding="ascii").strip() or 0))


if __name__ == "__main__":
    for asks in (runtime, jobs, apscheduler.schedulers.base, apscheduler.executors.base):
        patch.object(asks, "datetime", SetTime).start()
    main()
