"""``adapter plan`` for a person: what would be done now, and why."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from adapter.domain.decision import Decision
from adapter.domain.ledger import Act, ActState, Ledger, Wanted
from adapter.presentation.case_page import about
from adapter.presentation.console import bullets
from adapter.presentation.visits_page import Visit
from adapter.presentation.visits_page import lines as visit_lines
from adapter.presentation.words import Words
from adapter.store.cases import Case


def plan_page(
    case: Case,
    decision: Decision,
    ledger: Ledger,
    words: Words,
    now: datetime,
    visits: Sequence[Visit] = (),
    missing: Sequence[str] = (),
) -> Group:
    """``ledger`` shows which acts of the plan are decided already. ``visits``: the looks that are or would be written
    back. ``missing``: the keys that the mapping lacks for that."""
    acts = {act.key: act for act in ledger.acts}
    parts: list[RenderableType] = [Text(words.heading("plan_title", ref=case.ref), style="bold")]
    for wanted in decision.wanted:
        parts += _lines(wanted, acts.get(wanted.key), words, now)
    if not decision.wanted:
        parts.append(Text(f"  {words.heading('plan_nothing')}"))
    keys = {w.key for w in decision.wanted}
    dropped = [a for a in ledger.acts if a.state in (ActState.PENDING, ActState.PARKED) and a.key not in keys]
    parts += bullets(words.heading("plan_dropped"), (f"{a.n:02d} {words.act(a.kind, a.what)}" for a in dropped))
    parts += about(decision, words, now)
    written = [f"{when}: {state}" for when, state in visit_lines(visits, words)]
    if written and missing:
        written.append(words.heading("visits_missing", keys=", ".join(missing)))
    parts += bullets(words.heading("visits_title"), written)
    return Group(*parts)


def _lines(wanted: Wanted, act: Act | None, words: Words, now: datetime) -> list[Text]:
    head = Text("  → ").append(words.act(wanted.kind, wanted.what), style="bold")
    notes = [words.heading("plan_why", why=words.why(wanted.why))] if _says_more(wanted, words) else []
    if detail := words.schedule_detail(wanted.what):
        notes.insert(0, detail)
    if wanted.not_before and wanted.not_before > now:
        notes.append(words.heading("plan_waits", when=words.when(wanted.not_before)))
    if wanted.opens:
        notes.append(words.heading("plan_fresh"))
    if act is not None:
        notes.append(words.heading("plan_pending", n=f"{act.n:02d}", state=words.act_state(act)))
    return [head, *(Text(f"      {note}", style="dim") for note in notes)]


def _says_more(wanted: Wanted, words: Words) -> bool:
    """False if the reason is the message's own name, which the line already shows."""
    return not words.act(wanted.kind, wanted.what).startswith(words.why(wanted.why))
