"""Everything about one case that a person may see, read from the database only. No vendor is called."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from adapter.domain.decide import balance, decide
from adapter.domain.decision import Decision
from adapter.domain.facts import Facts
from adapter.domain.ledger import Ledger
from adapter.domain.night_watch import REMEMBERED
from adapter.domain.policy import Policy
from adapter.domain.situation import situation
from adapter.presentation.nights_page import Night, nights, shown_since
from adapter.presentation.schedule_diff import CalledFor, called_for
from adapter.presentation.visits_page import Visit, case_visits
from adapter.store import cases, facts, look_log, outbox
from adapter.store.cases import Case

Balance = tuple[tuple[str, bool, bool], ...]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """``decision`` is None while a resource of the case has never been read. ``balance`` has (pair, way in done, way
    out done), and is empty while it isn't known. ``nights`` are the last ones, if there ever was a schedule. All
    instants are UTC."""

    case: Case
    ledger: Ledger
    decision: Decision | None
    balance: Balance
    stale: tuple[str, ...]
    nights: tuple[Night, ...] = ()
    visits: tuple[Visit, ...] = ()
    """Which looks of the last week are written back, if the municipality has switched that on or plans it."""
    shall: CalledFor | None = None
    """What e-tillsyn shall be by the facts; None if they were never all read, or have been purged."""


def case_file(conn: Connection, case: Case, policy: Policy, now: datetime) -> CaseFile:
    """Decide an open case again by the stored facts, so that lateness is as of ``now``. A closed case keeps its last
    decision. Raises ``StoreError``."""
    ledger = outbox.ledger(conn, case, looks_since=now - REMEMBERED)
    seen = case_nights(conn, case, ledger, policy, now)
    known = stored_facts(conn, case)
    if known is None:
        return CaseFile(case, ledger, case.last_decision, (), (), seen)
    written = case_visits(conn, case, known.client.value, policy, now)
    decision = case.last_decision if not case.open else None
    s = situation(known, ledger, now, policy)
    decision = decision or decide(known, ledger, now, policy)
    return CaseFile(case, ledger, decision, balance(s), known.stale, seen, written, called_for(s))


def case_nights(conn: Connection, case: Case, ledger: Ledger, policy: Policy, now: datetime) -> tuple[Night, ...]:
    """The case's last nights; empty if there never was a schedule. Raises ``StoreError``."""
    if ledger.schedule is None:
        return ()
    return nights(look_log.of_case(conn, case.tenant, case.ref, shown_since(policy, now)), ledger, policy, now)


def stored_facts(conn: Connection, case: Case) -> Facts | None:
    """The facts as last read, with the steps declared by hand; None while a resource has never been read."""
    return facts.load(conn, case.tenant, case.ref).facts()


def find_case(conn: Connection, tenants: tuple[str, ...], reference: str) -> Case | None:
    """The case with this reference, however it is typed (``tk-7f3k2m``, ``7F3K2M``), or with an order of this number,
    in any of these municipalities."""
    plain = reference.strip().upper()
    if not plain.isprintable():  # no case has it, and PostgreSQL refuses a NUL
        return None
    found = [cases.case(conn, tenant, f"TK-{plain.removeprefix('TK-')}") for tenant in tenants]
    found += [cases.case_of_order(conn, tenant, plain) for tenant in tenants]
    return next((case for case in found if case is not None), None)
