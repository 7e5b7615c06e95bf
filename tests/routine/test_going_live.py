"""Going live when cameras are in use already: nobody gets a message by mistake, and no schedule is doubled."""

import json
import tomllib
from datetime import timedelta

from sqlalchemy import Connection, update

from adapter.cli.adopt import proposals
from adapter.domain.decision import Phase
from adapter.domain.facts import Signal
from adapter.engine.comparison import compare_when_due
from adapter.engine.look_reader import SUBJECT, follow_looks
from adapter.store import events, outbox
from adapter.store.database import Database
from adapter.store.tables import metadata
from connectors.mock.lifecare.acts import Ordered
from connectors.mock.phoniro.schemas import Customer, NewSchedule
from tests.conftest import Logs
from tests.routine.story import Story
from tests.world import SEALING, World


def camera_up(world: World, number: int) -> tuple[Ordered, int, str]:
    """A camera that was ordered, executed and scheduled by hand last year."""
    person = f"19{number:02d}0101TF{number % 100:02d}"
    day = world.today - timedelta(days=200)
    world.lifecare.seed_person(person)
    order = world.lifecare.order(person, "camera", start=day, order_date=day)
    world.lifecare.accept(order.order_id)
    execution = world.lifecare.start_execution(order.order_id, start=day)
    customer, organisation = f"kund-{number}", "hemtjanst-norr"
    named = {"externalId": customer, "protectedIdentity": False, "personalIdentityNumber": person}
    of = {"organisationId": organisation}
    world.phoniro.customers[customer] = Customer.model_validate_json(json.dumps(named | of))
    new = {
        "externalReference": f"hand-{number}",
        "customerExternalId": customer,
        "type": "camera_night",
        "timeZone": "Europe/Stockholm",
        "validFrom": day.isoformat(),
        "validTo": None,
        "rules": [{"weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "times": ["22:30", "02:15"]}],
    }
    schedule = world.phoniro.add_schedule(NewSchedule.model_validate_json(json.dumps(new | of)))
    return order, execution, schedule.id


def filled(text: str) -> str:
    return text.replace('who = ""', 'who = "IT-funktionen"').replace('why = ""', 'why = "uppe vid driftstart"')


async def test_cameras_are_taken_over_without_a_word_and_end_as_any_other() -> None:
    async with World(poll_seconds=6 * 3600, awaiting_minutes=360) as world:
        up = [camera_up(world, number) for number in range(30, 33)]
        text = filled("\n".join(await proposals(world.service, "exempel")))
        assert len(tomllib.loads(text)["adopt"]) == 3
        await world.ask(text)
        await world.pass_time(days=1)
        assert [c.phase for c in await world.cases()] == [Phase.ACTIVE] * 3
        assert (world.notes(), world.mail.sent) == ([], [])
        assert world.statuses() == ["active"] * 3
        order, execution, schedule = up[1]
        world.lifecare.decision_end(order.decision_id, world.today)
        await world.pass_time(days=2)
        assert world.phoniro.status(schedule) == "ended"
        assert world.notes()[-2:] == [
            "Trygghetskameran ska hämtas",
            "Tillsynstiderna för trygghetskamera gäller inte längre",
        ], "the plan when the end is seen"
        world.note(execution, Signal.EQUIPMENT_COLLECTED)
        await world.pass_time(hours=7)
        world.lifecare.end_execution(execution)
        await world.pass_time(hours=26)
        assert [c.phase for c in await world.cases()].count(Phase.CLOSED) == 1
        assert world.statuses().count("active") == 2


async def test_after_a_lost_key_the_cases_come_back_from_their_schedules_and_nobody_is_told_twice() -> None:
    async with Story() as world:
        order, _ = await world.running()
        (lost,) = await world.cases()
        began, world.go_live = world.go_live, world.today + timedelta(days=1)
        world.db = Database("sqlite://", sealing=SEALING)
        world.restart()
        await world.service.start_store()
        assert await proposals(world.service, "exempel") == []
        await world.ask(filled("\n".join(await proposals(world.service, "exempel", own=True))))
        await world.cycle()
        world.go_live = began
        world.restart()
        await world.next_day()
        (case,) = await world.cases()
        assert (case.ref, case.phase) == (lost.ref, Phase.ACTIVE)
        assert (await world.told(), world.mails(), world.done()) == ([], [], [])
        world.lifecare.decision_end(order.decision_id, world.today - timedelta(days=1))
        await world.next_day()
        assert world.done() == ["ended"], "it ends as any other"


async def test_what_is_not_listed_is_left_alone_and_the_same_list_read_again_adopts_nothing_twice() -> None:
    async with World() as world:
        camera_up(world, 30)
        await world.pass_time(hours=3)
        assert (await world.cases(), world.notes()) == ([], [])
        text = filled("\n".join(await proposals(world.service, "exempel")))
        await world.ask(text)
        await world.ask(text)
        (case,) = await world.cases()
        audit = await world.db.run(lambda c: events.of_case(c, "exempel", case.ref))
        declared = {str(e.data["signal"]): e.data["who"] for e in audit if e.name == "case.declared"}
        assert declared == dict.fromkeys(tomllib.loads(text)["adopt"][0]["done"], "IT-funktionen")


GOOD = """[[adopt]]
order = "1"
schedule = "s"
done = ["times_agreed", "consent_signed", "liability_signed", "ready_for_start"]
who = "IT-funktionen"
why = "uppe vid driftstart"
"""


async def test_an_entry_that_would_pause_somebody_is_refused(logs: Logs) -> None:
    async with World() as world:
        order, _, schedule = camera_up(world, 30)
        world.lifecare.change("orders", order.order_id, Status="Sent")
        await world.ask(GOOD.replace('"1"', f'"{order.order_id}"').replace('"s"', f'"{schedule}"'))
        assert await world.cases() == []
        (line,) = logs.events("request_refused")
        assert "is not executed (I10)" in line["reason"]


async def test_a_municipality_under_a_new_name_gets_no_case_twice_and_no_schedule_ended_whoever_asks(
    logs: Logs,
) -> None:
    def rename(c: Connection) -> None:
        for table in metadata.sorted_tables:
            if "tenant" in table.c:
                c.execute(update(table).values(tenant="before"))

    async with World() as world:
        order, _ = await world.active()
        await world.db.run(rename)
        world.tune(end_unowned=True)
        (schedule,) = world.phoniro.schedules
        await world.ask(GOOD.replace('"1"', f'"{order.order_id}"').replace('"s"', f'"{schedule.id}"'))
        about = 'mode = "apply"\nwho = "IT"\nwhy = "no case is there"\n'
        await world.ask(f'[[resync]]\nid = "r1"\nscope = "orders"\norders = ["{order.order_id}"]\n{about}')
        await compare_when_due(world.rt, world.tenant)
        world.clock.time += timedelta(hours=16)
        world.mail.sent.clear()
        await follow_looks(world.rt, world.tenant)
        told = [line["error"] for name in ("request_waits", "feed_failed") for line in logs.events(name)]
        assert len(told) == 4
        assert all("open cases of before, which no settings name" in str(error) for error in told)
        assert await world.cases() == []
        mails = await world.db.run(lambda c: outbox.acts(c, "exempel", SUBJECT))
        assert mails == (), "nobody is told of looks that seem to be nobody's"
        assert world.phoniro.status(schedule.id) == "active"
