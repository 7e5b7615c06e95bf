"""Which of a case's looks of the last week are or would be written to the case system (LA12): for the terminal, the
case's page and programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from adapter.domain.facts import Client
from adapter.domain.ledger import Act, ActKind, ActState, Look
from adapter.domain.policy import Policy, WriteBack
from adapter.domain.reported_visits import reported, subject
from adapter.presentation.words import Words
from adapter.store import look_log, visit_acts
from adapter.store.cases import Case

SHOWN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Visit:
    """A look that counts as a visit. ``state`` is a code in the text table's section ``visit_states``."""

    look: Look
    state: str


def case_visits(
    conn: Connection, case: Case, client: Client | None, policy: Policy, now: datetime
) -> tuple[Visit, ...]:
    """The looks of the last week that are visits, the oldest first; empty if looks aren't written back."""
    if policy.write_back is WriteBack.OFF:
        return ()
    looks = look_log.of_case(conn, case.tenant, case.ref, now - SHOWN)
    acts = visit_acts.of_looks(conn, case.tenant, [subject(case.ref, look) for look in looks])
    protected = client is None or client.protected
    found = []
    for look in looks:
        act, withheld = acts.get(subject(case.ref, look), (None, False))
        written = act is not None and act.state is ActState.DONE  # counts also if the person is protected now
        if reported(look) or act is not None:
            forbidden = protected and not policy.write_back_protected and not written
            found.append(Visit(look, "withheld" if withheld else "protected" if forbidden else _state(act, policy)))
    return tuple(found)


def _state(act: Act | None, policy: Policy) -> str:
    if act is None:
        return "planned" if policy.write_back is WriteBack.PLAN else "not_written"
    if act.state is ActState.DONE:
        return "written" if act.kind is ActKind.VISIT else "removed"
    return "held" if act.state is ActState.PARKED else "waits"


def lines(shown: Sequence[Visit], words: Words) -> list[tuple[str, str]]:
    """Each look: when it began and ended, and its state in words."""
    found = []
    for look, state in ((visit.look, visit.state) for visit in shown):
        begun, ended = look.begun_at or look.due_at, look.ended_at or look.due_at
        when = f"{words.when(begun)}–{ended.astimezone(words.zone):%H:%M}"
        found.append((when, words.say("visit_states", state)))
    return found


def as_json(shown: Sequence[Visit]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {"due_at": v.look.due_at, "begun_at": v.look.begun_at, "ended_at": v.look.ended_at, "state": v.state}
        for v in shown
    ]
