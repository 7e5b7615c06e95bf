"""``adapter case show`` for a person: what was done, what is awaited, and what comes next (P9)."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from adapter.domain.decision import Decision, Phase
from adapter.domain.ledger import Act, ActState
from adapter.presentation.case_cards import asked
from adapter.presentation.case_file import Balance, CaseFile
from adapter.presentation.checklist_page import Checklist
from adapter.presentation.console import TONES, bullets, table, titled
from adapter.presentation.history import history
from adapter.presentation.schedule_diff import schedule_diff, schedule_diff_table
from adapter.presentation.words import Words

_WAITING = {
    Phase.ACTIVE: "waiting_active",
    Phase.PAUSED: "waiting_paused",
    Phase.ENDING: "waiting_end",
    Phase.CLOSING: "waiting_end",
}


def case_page(file: CaseFile, words: Words, now: datetime) -> Group:
    """The whole page."""
    parts: list[RenderableType] = [_head(file, words)]
    if file.shall:
        diff = schedule_diff(file.ledger.schedule, file.shall, words, now)
        parts += [Text(""), schedule_diff_table(diff, words)]
    decision = file.decision
    if decision is None:
        purged = words.say("events", "case_purged") if file.case.purged_at else None
        parts.append(Text(purged or words.heading("never_read"), style="dim" if purged else "yellow"))
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
    if file.balance or not file.case.purged_at:
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


def notices(decision: Decision | None, words: Words, now: datetime, *, urgent: bool) -> list[Text]:
    """What a person must do, if ``urgent``; otherwise what is good to know and needs nobody."""
    if decision is None:
        return []
    style, why, lines = "red" if urgent else "yellow", decision.unwatched, []
    if why is not None and why.urgent is urgent:
        lines.append(Text(words.without(why, now), style=style))
    shown = (notice for notice in decision.attention if notice.urgent is urgent)
    lines += (Text(words.attention(a), style=style).append(asked(a, words), style="dim") for a in shown)
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


def ledger_table(acts: Sequence[Act], words: Words) -> RenderableType:
    """Every act, the oldest first, and then those under way."""
    entries = history(acts, (), words)[::-1]
    if not entries:
        return Text(words.heading("no_acts"), style="dim")
    shown = table(*map(words.heading, ("act_number", "act_what", "act_state", "act_when")))
    with_errors = any(entry.error for entry in entries)
    if with_errors:
        shown.add_column(words.heading("act_error"), ratio=1)
    for entry in entries:
        cells = (entry.number, entry.text, Text(entry.state, style=TONES[entry.tone]), entry.when)
        shown.add_row(*cells, *([Text(entry.error, style="red")] if with_errors else []))
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


def counted(count: int, words: Words) -> Text:
    """The number of cases in a list, as text."""
    code = {0: "list_none", 1: "list_one"}.get(count, "list_count")
    return Text(words.heading(code, count=count), style="dim")
