"""The list of open cases with its filters, and the list of decisions that aren't executed, page by page."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import Generic, TypeVar
from urllib.parse import urlencode

from adapter.domain.decision import Phase
from adapter.domain.routine import STEPS, Role
from adapter.domain.unfulfilled import listed
from adapter.domain.wall_clock import local_date
from adapter.ops.context import OpsContext
from adapter.presentation.case_summary import CaseSummary, urgency
from adapter.presentation.unfulfilled_page import cells
from adapter.presentation.words import Words

T = TypeVar("T")

PER_PAGE = 24
_TURNS = (Role.COORDINATOR, Role.ALARM_TEAM, Role.ASSESSOR, Role.ADAPTER)
_PHASES = (Phase.PREPARING, Phase.ACTIVE, Phase.PAUSED, Phase.ENDING)
_ONLY = {"unwatched": attrgetter("without"), "late": attrgetter("late"), "parked": attrgetter("parked")}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases are shown. ``turn`` is the role whose turn it is, ``step`` the step that is awaited, ``unit`` is
    ``municipality:unit``, ``only`` is ``unwatched``, ``late`` or ``parked``. An empty field shows all."""

    turn: str = ""
    phase: str = ""
    step: str = ""
    unit: str = ""
    only: str = ""

    def shows(self, summary: CaseSummary) -> bool:
        return (
            (not self.turn or self.turn in _turns(summary))
            and (not self.phase or self.phase == summary.case.phase.value)
            and (not self.step or self.step in {view.id for view in summary.awaited})
            and (not self.unit or self.unit == _unit(summary))
            and (not self.only or (self.only in _ONLY and bool(_ONLY[self.only](summary))))
        )

    def link(self, page: int = 1) -> str:
        fields = {name: value for name, value in asdict(self).items() if value}
        query = urlencode(fields | ({"page": page} if page > 1 else {}))
        return f"/cases?{query}" if query else "/cases"


@dataclass(frozen=True, slots=True)
class Choice:
    """One field of the filter: its name, label, value, and the possible values, each with its text."""

    name: str
    label: str
    value: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """One page of ``count`` rows, with the links to the page before and the page after (None if there is none)."""

    count: int
    rows: tuple[T, ...]
    page: int
    pages: int
    earlier: str | None
    later: str | None


def paged(rows: Sequence[T], page: int, link: Callable[[int], str]) -> Paged[T]:
    """If there is no page with that number, the nearest one."""
    pages = max(-(-len(rows) // PER_PAGE), 1)
    page = min(max(page, 1), pages)
    return Paged(
        count=len(rows),
        rows=tuple(rows[(page - 1) * PER_PAGE : page * PER_PAGE]),
        page=page,
        pages=pages,
        earlier=link(page - 1) if page > 1 else None,
        later=link(page + 1) if page < pages else None,
    )


def case_list(summaries: Iterable[CaseSummary], wanted: Filter, page: int) -> Paged[CaseSummary]:
    """The cases that the filter shows. Those that are late or can't go on come first."""
    return paged(sorted(filter(wanted.shows, summaries), key=urgency), page, wanted.link)


def unfulfilled_rows(ops: OpsContext, summaries: Iterable[CaseSummary]) -> list[dict[str, str]]:
    """Decisions that aren't executed or are interrupted: each in words, by column. Within a municipality the one that
    has waited longest comes first."""
    known, now = list(summaries), ops.runtime.clock.now()
    rows: list[dict[str, str]] = []
    for tenant in ops.runtime.tenants.values():
        theirs = ((s.case.ref, s.case.unit, s.unfulfilled) for s in known if s.case.tenant == tenant.name)
        today, words = local_date(now, tenant.policy.zone), ops.words_of(tenant.name)
        rows += (cells(tenant.name, row, words) for row in listed(theirs, today))
    return rows


def tiles(summaries: Iterable[CaseSummary], words: Words) -> tuple[tuple[str, int, str], ...]:
    """The counts that people ask for most: name, number and link."""
    cases = list(summaries)
    narrowed = {what: Filter(only=what) for what in _ONLY} | {p.value: Filter(phase=p.value) for p in _PHASES}
    return tuple(
        (words.say("status", f"tile_{what}"), sum(map(wanted.shows, cases)), wanted.link())
        for what, wanted in narrowed.items()
    )


def steps(summaries: Iterable[CaseSummary], words: Words) -> tuple[tuple[str, int, str], ...]:
    """Each awaited step, in the routine's order: its name, how many cases wait for it, and the link to them."""
    waiting = Counter(view.id for summary in summaries for view in summary.awaited)
    known = [step for step in STEPS if waiting[step]]
    return tuple((words.say("awaited", step), waiting[step], Filter(step=step).link()) for step in known)


def _turns(summary: CaseSummary) -> set[str]:
    """The roles whose turn it is."""
    return {view.role.value for view in summary.awaited} | {a.role.value for a in summary.attention if a.urgent}


def _unit(summary: CaseSummary) -> str:
    return f"{summary.case.tenant}:{summary.case.unit or ''}"


def choices(ops: OpsContext, cases: Iterable[CaseSummary], wanted: Filter) -> tuple[Choice, ...]:
    """The fields of the filter."""
    words = ops.words_of()
    units = {
        _unit(each): ops.words_of(each.case.tenant).unit(each.case.unit)
        + (f", {each.case.tenant}" if ops.several else "")
        for each in cases
    }
    options = {
        "turn": [(role.value, words.role(role.value)) for role in _TURNS],
        "phase": [(phase.value, words.say("phases", phase.value)) for phase in Phase if phase is not Phase.CLOSED],
        "step": [(step, words.say("awaited", step)) for step in STEPS],
        "unit": sorted(units.items(), key=lambda each: each[1]),
        "only": [(what, words.say("status", f"only_{what}")) for what in _ONLY],
    }
    return tuple(
        Choice(name, words.say("status", f"filter_{name}"), getattr(wanted, name), tuple(found))
        for name, found in options.items()
    )
