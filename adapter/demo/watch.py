"""What the adapter has done so far, read in its own database, told as it happens, and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from adapter.demo.cast import Person
from adapter.demo.stage import TENANT, DemoFailed, Stage
from adapter.demo.timeline import Timeline
from adapter.domain.ledger import Act, ActKind, ActState
from adapter.domain.policy import Policy
from adapter.presentation.case_file import CaseFile, case_file
from adapter.presentation.words import Words
from adapter.store import cases
from adapter.store.database import Database
from adapter.store.errors import StoreError

LOOK_SECONDS = 0.15
PATIENCE_SECONDS = 30.0

_STEPS = {"received": "I2", "install": "I3", "times": "I7", "plan": "I12", "end_heard": "A0", "ready_to_close": "A6"}
_STEPS |= {"collect": "A3", "cancel": "A3", "cancel_or_fetch": "A3"}
_KIND_STEPS = {ActKind.CREATE: "I11", ActKind.PUT_PERSON: "I11", ActKind.END: "A2"}


@dataclass(slots=True)
class Life:
    """A person on the stage, and the orders by which the adapter's case is found."""

    person: Person
    order_id: str
    ref: str | None = None
    file: CaseFile | None = None

    def done(self, *names: str) -> bool:
        """Whether the adapter carried all of these out: a letter's name, or a kind of act."""
        acts = self.file.ledger.acts if self.file else ()
        found = {str(a.what.get("letter") or a.kind.value) for a in acts if a.state is ActState.DONE}
        return set(names) <= found


class Watch:
    """Looks into the adapter's database a few times a second. A stranger to the adapter could do no more."""

    def __init__(self, stage: Stage, timeline: Timeline, words: Words, policy: Policy) -> None:
        self.stage, self.timeline, self.words, self.policy = stage, timeline, words, policy
        self.database = Database(f"sqlite:///{stage.database.as_posix()}")
        self.lives: list[Life] = []
        self._told: set[tuple[str | None, int, ActState]] = set()

    def follow(self, person: Person, order_id: str) -> Life:
        life = Life(person, order_id)
        self.lives.append(life)
        return life

    async def until(self, life: Life, holds: Callable[[], bool], what: str) -> None:
        """Wait until the adapter has come so far, telling what it does. Raises ``DemoFailed`` after a while."""
        await wait_until(self._looking(holds), lambda: f"{life.person.first_name}: {what}", self.stage)

    def _looking(self, holds: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
        async def look() -> bool:
            await self.look()
            return holds()

        return look

    async def look(self) -> None:
        """Read all lives' cases once and tell what is new."""
        try:
            await self.database.run(self._read)
        except StoreError as error:
            raise DemoFailed(f"Adapterns databas går inte att läsa: {error}") from None
        for life in self.lives:
            for act in life.file.ledger.acts if life.file else ():
                self._tell(life, act)

    def _read(self, c: Connection) -> None:
        now = datetime.now(UTC)
        for life in self.lives:
            if life.ref is None:
                found = cases.case_of_order(c, TENANT, life.order_id)
                life.ref = found.ref if found else None
            if life.ref is not None:
                life.file = case_file(c, cases.the_case(c, TENANT, life.ref), self.policy, now)

    def _tell(self, life: Life, act: Act) -> None:
        key = (life.ref, act.n, act.state)
        if key in self._told or act.state in (ActState.PENDING, ActState.SENDING):
            return
        self._told.add(key)
        step = _KIND_STEPS.get(act.kind) or _STEPS.get(str(act.what.get("letter")), "")
        if act.state is ActState.DONE:
            section, code = ("acts_done", act.kind.value)
            what = self.words.say(section, code, what=self.words.act(act.kind, act.what))
            self.timeline.line(life.person, step, "adaptern", what, adapter=True)
        else:
            what = f"{self.words.act(act.kind, act.what)}: {self.words.act_state(act)}"
            self.timeline.line(life.person, step, "adaptern", what, adapter=True, style="yellow")

    def close(self) -> None:
        self.database.close()


async def wait_until(holds: Callable[[], Awaitable[bool]], what: Callable[[], str], stage: Stage) -> None:
    """Look again and again until it holds. Raises ``DemoFailed`` when patience ends, or when a process has died."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_SECONDS
    while not await holds():
        stage.check_alive()
        if loop.time() > until:
            raise DemoFailed(f"Efter {PATIENCE_SECONDS:.0f} s väntas fortfarande på: {what()}. Se {stage.log}.")
        await asyncio.sleep(LOOK_SECONDS)
