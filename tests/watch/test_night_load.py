"""The number of looks at the same time: shown by unit and quarter of an hour, and told if there are too many."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

from adapter.domain.facts import Signal
from adapter.domain.ledger import ActKind, ScheduleRecord, ScheduleStatus
from adapter.domain.night_load import night_load, quarters
from adapter.domain.nights import NightTimes, NightWindow, Weekday
from tests.domain.life import Life
from tests.ops.conftest import site_of
from tests.outside import example_with
from tests.world import World

WINDOW, MONDAY = NightWindow(), date(2026, 3, 2)
TIMES = NightTimes.of({day: [time(22, 35), time(2, 15)] for day in Weekday})
RECORD = ScheduleRecord(1, ScheduleStatus.OPEN, MONDAY, None, TIMES, datetime(2026, 3, 2, tzinfo=UTC))


def test_looks_are_counted_by_unit_and_quarter_as_the_schedules_stand() -> None:
    paused = replace(RECORD, status=ScheduleStatus.PAUSED)
    until_today = replace(RECORD, valid_to=MONDAY)
    found = night_load([(1, RECORD), (1, until_today), (1, paused), (None, RECORD)], WINDOW, MONDAY)
    assert found == {1: {time(22, 30): 2, time(2, 15): 1}, None: {time(22, 30): 1, time(2, 15): 1}}
    assert (quarters(WINDOW)[0], quarters(WINDOW)[-1], len(quarters(WINDOW))) == (time(21), time(6, 45), 40)


def crowded(life: Life) -> list[dict[str, object]]:
    return [dict(w.what) for w in life.look().wanted if w.what.get("letter") == "crowded"]


def test_the_coordinator_is_told_once_of_agreed_times_that_fall_where_there_are_too_many() -> None:
    life = Life()
    life.order().execute()
    life.note(Signal.TIMES_AGREED, "22.30, 02:15 och 05.00")
    unit = next(w.what["unit"] for w in life.look().wanted if w.what.get("letter") == "times")
    assert isinstance(unit, int)
    life.ledger = replace(life.ledger, night_load={unit: {time(2, 15): 10, time(5): 9}, 1: {time(22, 30): 99}})
    assert crowded(life) == [], "off where no limit is set"
    life.policy = replace(life.policy, most_looks_at_once=10)
    (told,) = crowded(life)
    assert (told["to"], told["at"], told["count"], told["limit"]) == ("coordinator", "02:15", 11, 10)
    life.go()
    assert crowded(life) == [], "once"
    life.policy = replace(life.policy, most_looks_at_once=9)
    assert crowded(life) == [], "not again of the same times"


def test_times_that_are_in_force_already_are_told_to_nobody_and_a_schedule_is_not_counted_against_itself() -> None:
    life = Life()
    life.begin()
    unit = next(w.what["unit"] for w in life.sent if w.kind is ActKind.CREATE)
    assert isinstance(unit, int)
    life.ledger = replace(life.ledger, night_load={unit: {time(2, 15): 4, time(23): 3}})
    life.policy = replace(life.policy, most_looks_at_once=3)
    assert crowded(life) == []
    life.note(Signal.TIMES_CHANGED, "23.05 och 02.20")
    assert [(told["at"], told["count"]) for told in crowded(life)] in ([("23:00", 4)], [("02:15", 4)])


async def test_the_status_page_draws_the_night_and_says_it_beside(tmp_path: Path) -> None:
    mapping = example_with(tmp_path, ("most_looks_at_once = 0", "most_looks_at_once = 1"))
    async with World(mapping=mapping) as world:
        for n in range(2):
            person = f"1935010{n + 1}TF0{n + 1}"
            world.ready(person)
            await world.settle()
            await world.pass_time(minutes=30)
        async with site_of(world).client() as client:
            page = (await client.get("/")).text
    section = page[page.index('id="load"') :].partition("</section>")[0]
    assert "6 tillsyner i natt, som mest 2 i kvarten från" in section
    assert section.count("<rect ") == 3
    assert "<title>02:15: 2</title>" in section
    assert "Det är fler än gränsen." in section
    assert any(note.startswith("Många tillsyner") for note in world.notes()), "the second one's coordinator was told"
