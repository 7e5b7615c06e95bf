"""LA13 over the simulated Lifecare: if plans are mapped, they are read once a day after the start, and stop nothing."""

from datetime import timedelta
from pathlib import Path

from adapter.domain.decision import Phase, StepView
from tests.outside import example_with
from tests.world import ANNA, World


def asked(world: World) -> int:
    return sum(call.resource == "service_plans" for call in world.lifecare.received())


async def i12(world: World) -> StepView:
    decision = await world.decision()
    assert decision.phase is Phase.ACTIVE
    return next(view for view in decision.steps if view.id == "I12")


async def test_a_plan_is_seen_within_a_day_for_one_call_and_what_can_not_be_read_of_it_stops_nothing(
    tmp_path: Path,
) -> None:
    plans = [(f"# {line}\n", f"{line}\n") for line in ("[plans]", "camera_types = [4010]")]
    async with World(mapping=example_with(tmp_path, *plans), poll_seconds=6 * 3600) as world:
        order = await world.taken_in()
        world.lifecare.service_plan(ANNA, "shower")
        world.lifecare.service_plan(ANNA, established=world.today - timedelta(days=30))
        world.prepare(world.execute(order))
        await world.pass_time(hours=7)
        assert asked(world) == 0, "an order costs no call more"
        await world.pass_time(days=1)
        assert asked(world) == 1
        assert (await i12(world)).state == "awaited"

        world.lifecare.service_plan("19340102TF03")
        made = world.lifecare.service_plan(ANNA, follow_up=world.today + timedelta(days=3))
        await world.pass_time(days=1)
        assert asked(world) == 2
        step = await i12(world)
        assert (step.state, step.evidence, step.evidence_id) == ("done", "plan", str(made))
        assert [subject for _, _, subject, _ in world.mail.sent if "ska följas upp" in subject] != []

        world.lifecare.change("service_plans", made, FollowUpDate=17)
        before = len(world.lifecare.received())
        await world.pass_time(days=1)
        one_day = len(world.lifecare.received()) - before
        assert [a.code for a in (await world.decision()).attention] == ["plan_unread"]
        assert (await i12(world)).state == "done", "it is there, and keeps its last value"

        world.lifecare.settings.unlicensed.add("service_plans")
        before = len(world.lifecare.received())
        await world.pass_time(days=1)
        assert len(world.lifecare.received()) - before <= one_day + 1
        assert (await i12(world)).state == "done"
        assert (await world.case()).failures == 0
