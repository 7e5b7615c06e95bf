"""What has happened so far in the adapter, read in its own database and told as it happens."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from adapter.bootstrap import open_database
from adapter.demo.persons import Person
from adapter.demo.stage import TENANT, DemoFailed, Stage
from adapter.domain.ledger import Act, ActKind, ActState
from adapter.domain.policy import Policy
from adapter.presentation.case_file import CaseFile, case_file
from adapter.presentation.words import Words
from adapter.settings.load import load_settings
from adapter.store import cases
from adapter.store.errors import StoreError

LOOK_SECONDS = 0.15
PATIENCE_SECONDS = 30.0

_STEPS = {"received": "I2", "install": "I3", "times": "I7", "plan": "I12", "end_heard": "A0", "ready_to_close": "A6"}
_STEPS |= {"collect": "A3", "cancel": "A3", "cancel_or_fetch": "A3"}
_KIND_STEPS = {ActKind.CREATE: "I11", ActKind.PUT_PERSON: "I11", ActKind.END: "A2"}
_WIDTHS = (7, 8, 3, 22)
"""Of time, person, step and role; what was done has the rest, and is indented where it needs a second line."""


@dataclass(slots=True)
class Life:
    """A person in the demo, and what came of the order. ``file`` is the adapter's case as last read. The rest is for
    the promises: when (UTC, just before Lifecare was told) each gate came true, the provider heard of an end and the
    authority ended it, and whether e-tillsyn was still active after what the provider heard."""

    person: Person
    order_id: str
    decision_id: int
    execution_id: int = 0
    ref: str | None = None
    file: CaseFile | None = None
    gates: list[datetime] = field(default_factory=list)
    hearsay_at: datetime | None = None
    active_after_hearsay: bool | None = None
    ended_at: datetime | None = None

    @property
    def acts(self) -> tuple[Act, ...]:
        """What the adapter has in its ledger."""
        return tuple(self.file.ledger.acts) if self.file else ()

    def done(self, *names: str) -> bool:
        """Whether all of these have happened. Each is a letter or a kind of act that the adapter carried out, a step
        that it has seen done, or the case's phase."""
        came = {str(act.what.get("letter") or act.kind.value) for act in self.acts if act.state is ActState.DONE}
        if self.file is not None:
            came.add(self.file.case.phase.value)
            steps = self.file.decision.steps if self.file.decision else ()
            came |= {step.id for step in steps if step.state.value == "done"}
        return set(names) <= came


class Timeline:
    """Lines with the seconds since the start, whose life it is, the routine's step, who did it, and what."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.began

    def chapter(self, title: str) -> None:
        """A heading."""
        self.console.print()
        self.console.print(Rule(Text(title, style="bold"), align="left", style="dim"))

    def say(self, text: str, style: str = "") -> None:
        """A line of its own."""
        self.console.print(Text(text, style=style))

    def line(self, person: Person, step: str, who: str, what: str, *, adapter: bool = False, style: str = "") -> None:
        """``adapter``: the adapter did it, which is what the demo is about."""
        row = Table.grid(padding=(0, 1, 0, 0))
        for width in _WIDTHS:
            row.add_column(width=width, no_wrap=True)
        row.add_column()
        row.add_row(
            Text(f"{self.seconds:5.1f} s", style="dim"),
            Text(person.first_name, style=person.colour),
            Text(step, style="bold"),
            Text(f"{'→ ' if adapter else '  '}{who}", style="bold green" if adapter else "dim"),
            Text(what, style=style or ("bold" if adapter else "")),
        )
        self.console.print(row)


class Observer:
    """Reads the adapter's database a few times a second, as any other program could."""

    def __init__(self, stage: Stage, timeline: Timeline, words: Words, policy: Policy) -> None:
        self.stage, self.timeline, self.words, self.policy = stage, timeline, words, policy
        self.database = open_database(load_settings(stage.config))
        self.lives: list[Life] = []
        self._told: set[tuple[str | None, int, ActState]] = set()

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Look until it holds, telling what the adapter does. Raises ``DemoFailed`` when patience ends, or when the
        adapter has died."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE_SECONDS
        while True:
            await self.look()
            if holds():
                return
            self.stage.check_alive()
            if loop.time() > end:
                waited = f"Efter {PATIENCE_SECONDS:.0f} s väntas fortfarande på: {what}"
                raise DemoFailed(f"{waited}. Se {self.stage.log}.")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Read all lives' cases once and tell what is new."""
        if not self.lives:
            return
        try:
            await self.database.run(self._read)
        except StoreError as error:
            raise DemoFailed(f"Adapterns databas går inte att läsa: {error}") from None
        for life in self.lives:
            for act in life.acts:
                self._tell(life, act)

    def _read(self, c: Connection) -> None:
        for life in self.lives:
            if life.ref is None:
                found = cases.case_of_order(c, TENANT, life.order_id)
                life.ref = found.ref if found else None
            if life.ref is not None:
                life.file = case_file(c, cases.the_case(c, TENANT, life.ref), self.policy, datetime.now(UTC))

    def _tell(self, life: Life, act: Act) -> None:
        key = (life.ref, act.n, act.state)
        if key in self._told or act.state in (ActState.PENDING, ActState.SENDING):
            return
        self._told.add(key)
        step = _KIND_STEPS.get(act.kind) or _STEPS.get(str(act.what.get("letter")), "")
        named, done = self.words.act(act.kind, act.what), act.state is ActState.DONE
        what = (
            self.words.say("acts_done", act.kind.value, what=named) if done else f"{named}: {self.words.act_state(act)}"
        )
        self.timeline.line(life.person, step, "adaptern", what, adapter=True, style="" if done else "yellow")
