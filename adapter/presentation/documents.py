"""What the documents of a case say, gathered from the store alone (I7, I8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from adapter.domain.looks import LocalLook, first_look, last_look
from adapter.domain.policy import Policy
from adapter.domain.situation import Situation, situation
from adapter.presentation.case_file import stored_facts
from adapter.presentation.words import Words
from adapter.store import outbox
from adapter.store.cases import Case
from mappings.messages.swedish import night_rows

UNKNOWN = "–"


def document_data(
    conn: Connection, case: Case, policy: Policy, now: datetime, words: Words, municipality: str
) -> Mapping[str, object] | None:
    """The data of every document of a case; None while something of it was never read. Raises ``StoreError``."""
    known = stored_facts(conn, case)
    if known is None:
        return None
    s = situation(known, outbox.ledger(conn, case), now, policy)
    times = s.evidence.times
    rows = [{"nights": n, "number": len(t), "times": text} for n, t, text in night_rows(times)] if times else []
    first, last = _looks(s)
    period = s.mandate.at_or_after(s.today)
    return {
        "reference": case.ref,
        "municipality": municipality,
        "times": rows,
        "first_look": _said(first, words) if first else UNKNOWN,
        "last_look": _said(last, words) if last else ("tills vidare" if times else UNKNOWN),
        "keys": s.evidence.keys,
        "executed": bool(period and period.executed),
    }


def _looks(s: Situation) -> tuple[LocalLook | None, LocalLook | None]:
    """The first look there can be, and the last, if there is a last day."""
    times, window = s.evidence.times, s.policy.window
    if times is None or not s.mandate.run:
        return None, None
    starts = s.live.valid_from if s.live else max(min(p.first for p in s.mandate.run), s.today)
    last_day = s.live.valid_to if s.live else s.mandate.last_day
    return first_look(times, window, starts, last_day), last_look(times, window, starts, last_day)


def _said(look: LocalLook, words: Words) -> str:
    return f"{words.day(look.day)} kl. {look.at:%H:%M}"
