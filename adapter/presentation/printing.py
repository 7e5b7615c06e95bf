"""Prints documents with a municipality's templates, and gathers the content of a case's documents from the database
only (I7, I8, A5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from adapter.domain.facts import Signal
from adapter.domain.policy import Policy
from adapter.domain.situation import Situation, situation
from adapter.domain.wall_clock import last_look, next_look
from adapter.presentation.case_file import stored_facts
from adapter.presentation.guide_page import Guide, guide
from adapter.presentation.words import Words
from adapter.store import outbox
from adapter.store.cases import Case
from mappings.documents import KINDS, render
from mappings.mapping import MunicipalMapping
from mappings.messages.swedish import night_rows, night_towards

DOCUMENTS: Final = KINDS
"""What can be printed for a case: bilaga 1, and the checklists for installing and for collecting the camera."""


@dataclass(frozen=True, slots=True)
class Printer:
    """One municipality's words and paper. Its own templates, in ``folder``, replace the packaged ones."""

    mapping: MunicipalMapping
    words: Words
    folder: Path

    def pdf(self, kind: str, data: Mapping[str, object]) -> bytes:
        """``kind`` is a template's name. ``data`` needs no name of the municipality. It takes a moment. Raises
        ``DocumentError`` if the template can't be used."""
        return render(kind, {"municipality": self.mapping.municipality.name, **data}, folder=self.folder)

    def guide(self, role: str) -> Guide:
        """Raises ``KeyError`` for a role without a guide."""
        return guide(role, self.mapping, self.words)


def document_data(
    conn: Connection, case: Case, policy: Policy, now: datetime, words: Words
) -> Mapping[str, object] | None:
    """The data of every document of a case; None while a resource has never been read. Raises ``StoreError``."""
    known = stored_facts(conn, case)
    if known is None:
        return None
    s = situation(known, outbox.ledger(conn, case), now, policy)
    times = s.evidence.agreed.times
    rows = [{"nights": n, "number": len(t), "times": text} for n, t, text in night_rows(times)] if times else []
    first, last = _looks(s)
    period = s.period
    return {
        "reference": case.ref,
        "times": rows,
        "first_look": _look(first, words) if first else "",
        "last_look": _look(last, words) if last else ("tills vidare" if s.live else ""),
        "keys": s.evidence.keys,
        "executed": bool(period and period.executed),
        "collect": _to_collect(s, words),
        "gates": [words.say("gate_asks", gate) for gate in sorted(policy.gates)],
    }


def _to_collect(s: Situation, words: Words) -> dict[str, object]:
    """What was in fact handed out, and so must be fetched, handed back or made void (A5)."""
    newest, last = s.evidence.newest, s.mandate.last_day
    return {
        "over": s.mandate.over,
        "scheduled": s.ledger.ever_scheduled,
        "stopped": s.live is None,
        "deceased": s.facts.client.value.deceased,
        "last_day": words.day(last) if last else "",
        "collected": s.evidence.collected is not None,
        "camera": "up" if s.evidence.installed else "maybe" if s.evidence.booked else "no",
        "keys": Signal.KEYS_COLLECTED in newest,
        "appendix": Signal.APPENDIX_SIGNED in newest,
        "liability": Signal.LIABILITY_SIGNED in newest,
    }


def _looks(s: Situation) -> tuple[datetime | None, datetime | None]:
    """The next look by the scheduled times, and the last look if there is a last day. Before I11 nobody knows them, and
    the document leaves an empty line to write on."""
    live, window, zone = s.live, s.policy.window, s.policy.zone
    if live is None or live.times is None:
        return None, None
    following = next_look(live.times, window, live.valid_from, live.valid_to, zone, s.now)
    return following, last_look(live.times, window, live.valid_from, live.valid_to, zone)


def _look(look: datetime, words: Words) -> str:
    return f"{words.day(look.date())} kl. {look:%H:%M}{night_towards(look.date(), look.time())}"
