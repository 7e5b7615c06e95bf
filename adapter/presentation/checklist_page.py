"""The routine as a checklist: the way in and the way out, side by side if there is room."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table
from rich.text import Text

from adapter.domain.decision import StepState, StepView
from adapter.domain.routine import WAY_OUT
from adapter.presentation.words import SIGNS, Words

SIDE_BY_SIDE = 100
"""From this many columns the two ways stand side by side."""

_OUT = frozenset(step.id for step in WAY_OUT)
_STYLES = {
    StepState.DONE: "green",
    StepState.AWAITED: "yellow",
    StepState.LATER: "dim",
    StepState.NOT_NEEDED: "dim",
    StepState.PROBLEM: "bold red",
}


def ways(steps: Sequence[StepView]) -> tuple[list[StepView], list[StepView]]:
    """The way in, and the way out."""
    return [step for step in steps if step.id not in _OUT], [step for step in steps if step.id in _OUT]


@dataclass(frozen=True, slots=True)
class Checklist:
    """All steps, each with its sign, its evidence, and how late it is."""

    steps: Sequence[StepView]
    words: Words
    now: datetime

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        way_in, way_out = map(self._way, ("way_in", "way_out"), ways(self.steps))
        if options.max_width < SIDE_BY_SIDE:
            yield Group(way_in, Text(""), way_out)
            return
        both = Table.grid(padding=(0, 4, 0, 0), expand=True)
        both.add_column(ratio=1)
        both.add_column(ratio=1)
        both.add_row(way_in, way_out)
        yield both

    def _way(self, heading: str, views: list[StepView]) -> Group:
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(width=1)
        table.add_column(width=3)
        table.add_column()
        for view in views:
            style = _STYLES[view.state]
            table.add_row(Text(SIGNS[view.state], style=style), Text(view.id, style="bold"), self._step(view, style))
        done = sum(v.state in (StepState.DONE, StepState.NOT_NEEDED) for v in views)
        title = Text.assemble((self.words.heading(heading), "bold"), (f"  {done}/{len(views)}", "dim"))
        return Group(title, table)

    def _step(self, view: StepView, style: str) -> Text:
        lines = Text(self.words.say("steps", view.id), style="dim" if style == "dim" else "")
        if view.late:
            lines.append(f"\n{self.words.late(view.late)}", style="bold red")
        if detail := self.words.step_detail(view, self.now):
            lines.append((" · " if view.late else "\n") + detail, style="dim")
        return lines
