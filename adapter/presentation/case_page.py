"""``adapter case show`` and ``case list`` for a person: what was done, what is awaited, and what comes next (P9)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from adapter.domain.decision import Decision, Phase
from adapter.domain.ledger import Act, ActState
from adapter.domain.routine import Role
from adapter.presentation.case_file import Balance, CaseFile
from adapter.presentation.case_summary import CaseSummary
from adapter.presentation.checklist_page import Checklist
from adapter.presentation.console import bullets, table, titled
from adapter.presentation.schedule_diff import schedule_diff, schedule_diff_table
from adapter.presentation.words import SIGNS, Words
from adapter.store.order_inbox import WaitingOrder

_WAITING = {
    Phase.ACTIVE: "waiting_active",
    Phase.PAUSED: "waiting_paused",
    Phase.ENDING: "waiting_end",
    Phase.CLOSING: "waiting_end",
}

_ACT_STYLES = {
    ActState.DONE: "green",
    ActState.PARKED: "bold red",
    ActState.UNKNOWN: "yellow",
    ActState.SENDING: "cyan",
    ActState.PENDING: "yellow",
    ActState.DROPPED: "dim",
}


def case_page(file: CaseFile, words: Words, now: datetime) -> Group:
    """The whole page."""
    parts: list[RenderableType] = [_head(file, words)]
    if file.shall:
        diff = schedule_diff(file.ledger.schedule, file.shall, words, now)
        parts += [Text(""), schedule_diff_table(diff, words)]
    decision = file.decision
    if decision is None:
        parts.append(Text(words.heading("never_read"), style="yellow"))
    else:
        parts += [Text(""), Checklist(decision.steps, words, now)]
        late = [
            f"{words.say('status', 'awaits', step=words.say('awaited', v.id))}: {words.late(v.late)}"
            for v in decision.steps
            if v.late
        ]
        parts += about(decision, words, now, late)
    parts += bullets(words.heading("next"), next_lines(file, words, now))
    parts += titled(words.heading("acts"), ledger_table(file.ledger.acts, words))
    parts += titled(words.heading("balance"), balance_table(file.balance, words, ongoing=file.case.open))
    return Group(*parts)


def about(decision: Decision, words: Words, now: datetime, late: Sequence[str] = ()) -> list[RenderableType]:
    """Why nothing happens, what a person must do (with what is ``late``), and what is good to know."""
    return [
        *bullets(words.heading(waiting_title(decision)), (words.say("waiting", code) for code in decision.waiting)),
        *bullets(words.heading("attention"), [*notices(decision, words, now, urgent=True), *late]),
        *bullets(words.heading("to_know"), notices(decision, words, now, urgent=False)),
    ]


def waiting_title(decision: Decision | None) -> str:
    """The code of the heading over why nothing happens."""
    return _WAITING.get(decision.phase if decision else Phase.PREPARING, "waiting_start")


def _head(file: CaseFile, words: Words) -> Text:
    case = file.case
    phase = file.decision.phase if file.decision else case.phase
    head = Text(words.heading("title", ref=case.ref), style="bold")
    facts = [
        (words.heading("phase"), words.say("phases", phase.value)),
        (words.heading("opened"), words.when(case.opened_at)),
        *([(words.heading("closed"), words.when(case.closed_at))] if case.closed_at else []),
        *([(words.heading("read"), words.when(case.facts_read_at))] if case.facts_read_at else []),
    ]
    for name, value in facts:
        head.append("   ").append(f"{name}: ", style="dim not bold").append(value, style="not bold")
    return head


def notices(decision: Decision | CaseSummary | None, words: Words, now: datetime, *, urgent: bool) -> list[Text]:
    """What a person must do, if ``urgent``; otherwise what is good to know and needs nobody."""
    if decision is None:
        return []
    style, why, lines = "red" if urgent else "yellow", decision.unwatched, []
    if why is not None and why.urgent is urgent:
        lines.append(Text(words.without(why, now), style=style))
    for notice in (a for a in decision.attention if a.urgent is urgent):
        more = [] if notice.role is Role.ADAPTER else [words.heading("asked", role=words.role(notice.role.value))]
        more += [words.heading("parks")] if notice.parks else []
        line = Text(words.attention(notice), style=style)
        lines.append(line.append(f" ({'; '.join(more)})" if more else "", style="dim"))
    return lines


def next_lines(file: CaseFile, words: Words, now: datetime, *, acts: bool = True) -> Iterator[Text]:
    """What the adapter does next by itself (P9). ``acts``: include the acts under way, if no other table shows them."""
    case, decision = file.case, file.decision
    if not case.open:
        yield Text(words.heading("next_closed"))
        return
    if case.failures and case.error:
        when = words.when(case.ready_at)
        yield Text(words.heading("next_failed", failures=case.failures, error=case.error, when=when), style="red")
        return
    waiting = [
        a for a in file.ledger.acts if acts and a.state in (ActState.PENDING, ActState.SENDING, ActState.UNKNOWN)
    ]
    for act in waiting:
        yield Text(f"{act.n:02d} {words.act(act.kind, act.what)}: {words.act_state(act)}")
    if case.ready_at is not None and case.ready_at <= now:
        yield Text(words.heading("next_due"))
    if decision and decision.wake_at:
        yield Text(words.heading("next_wake", when=words.when(decision.wake_at)))
    if case.read_again_at:
        yield Text(words.heading("next_read", when=words.when(case.read_again_at)))


def ledger_table(acts: Iterable[Act], words: Words) -> RenderableType:
    """Every act, oldest first."""
    rows = list(acts)
    if not rows:
        return Text(words.heading("no_acts"), style="dim")
    tries = words.heading("act_tries")
    names = map(words.heading, ("act_number", "act_what", "act_state", "act_when"))
    shown = table(*names, tries, right=[tries])
    with_errors = any(a.error for a in rows)
    if with_errors:
        shown.add_column(words.heading("act_error"), ratio=1)
    for act in rows:
        state = Text(f"{SIGNS[act.state]} {words.act_state(act)}", style=_ACT_STYLES[act.state])
        what = Text(words.act(act.kind, act.what), style="dim" if act.state is ActState.DROPPED else "")
        cells = [Text(f"{act.n:02d}"), what, state, Text(words.when(act.done_at or act.created_at))]
        cells.append(Text(str(act.attempts or "")))
        shown.add_row(*cells, *([Text(act.error or "", style="red")] if with_errors else []))
    return shown


def balance_table(balance: Balance, words: Words, *, ongoing: bool) -> RenderableType:
    """The symmetry (P7): what was done on the way in, and whether each has been taken back. ``ongoing``: the case is
    open, so more may come."""
    if not balance:
        return Text(words.heading("balance_unknown"), style="dim")
    shown = table(*map(words.heading, ("balance_in", "balance_out", "balance_result")))
    for pair, did, undone in balance:
        ways = (("pairs_in", did), ("pairs_out", undone))
        texts = [
            Text(f"{'✓' if way else '–'} {words.say(name, pair)}", style="" if did else "dim") for name, way in ways
        ]
        if not did:
            result = Text(words.heading("not_done_yet" if ongoing else "not_done"), style="dim")
        elif undone:
            result = Text(f"✓ {words.heading('even')}", style="green")
        else:
            result = Text(words.heading("not_even"), style="yellow")
        shown.add_row(*texts, result)
    return shown


def case_list(
    summaries: Sequence[CaseSummary],
    words: Words,
    now: datetime,
    *,
    several: bool,
    unsafe: Mapping[str, str] | None = None,
) -> RenderableType:
    """One line per case. ``several``: name the municipality. ``unsafe``: by reference, why somebody can look who must
    not."""
    if not summaries:
        return Text(words.heading("list_none"))
    names = ["list_ref", *(["list_tenant"] if several else []), "list_phase", "list_opened", "list_awaits"]
    shown = table(*map(words.heading, (*names, "list_late", "list_attention", "to_know")))
    for summary in summaries:
        case = summary.case
        awaits = "\n".join(words.awaited(v, now) for v in summary.awaited)
        urgent = notices(summary, words, now, urgent=True) if summary.decided else [Text(words.heading("never_read"))]
        if why := (unsafe or {}).get(case.ref):
            urgent.insert(0, Text(words.say("unsafe", why), style="bold red"))
        known = notices(summary, words, now, urgent=False)
        cells = [Text(case.ref, style="bold"), *([Text(case.tenant)] if several else [])]
        cells += [Text(words.say("phases", case.phase.value)), Text(words.when(case.opened_at)), Text(awaits)]
        cells.append(Text(words.late(summary.late), style="bold red"))
        shown.add_row(*cells, Text("\n").join(urgent), Text("\n").join(known))
    return Group(shown, counted(len(summaries), words))


def counted(count: int, words: Words) -> Text:
    """The number of cases in a list, as text."""
    return Text(words.heading("list_one" if count == 1 else "list_count", count=count), style="dim")


def unusable_list(orders: Sequence[tuple[str, WaitingOrder]], words: Words, *, several: bool) -> RenderableType:
    """Orders that can't be used and have no case, each with the reason. ``several``: name the municipality."""
    shown = Table.grid(padding=(0, 2))
    for tenant, order in orders:
        cells = [Text(order.order_id, style="bold"), *([Text(tenant)] if several else [])]
        shown.add_row(*cells, Text(words.when(order.since)), Text(words.unusable(order)))
    return Group(Text(), Text(words.heading("list_unusable"), style="bold red"), shown)
