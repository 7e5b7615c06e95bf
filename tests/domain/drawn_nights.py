"""Night times, written and drawn."""

from datetime import time

from hypothesis import strategies as st

from adapter.domain.nights import NightTimes, NightWindow, Weekday

WINDOW = NightWindow()
times_in_window = st.times().map(lambda t: t.replace(second=0, microsecond=0)).filter(WINDOW.contains)
night_times = st.dictionaries(st.sampled_from(Weekday), st.sets(times_in_window, max_size=6)).map(NightTimes.of)


def at(*texts: str) -> tuple[time, ...]:
    return tuple(time.fromisoformat(text) for text in texts)


def every_night(*texts: str) -> NightTimes:
    return NightTimes.of(dict.fromkeys(Weekday, at(*texts)))
