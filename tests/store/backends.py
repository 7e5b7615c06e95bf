"""The databases on which the store's contract is tested, and short ways to a case and its acts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection

from adapter.domain.decision import Decision, Phase
from adapter.domain.ledger import Act, ActKind, ActState, Wanted
from adapter.ports import Effect
from adapter.store import cases, claims, due, events, outbox, persons
from adapter.store.cases import Case
from adapter.store.claims import ClaimedAct
from adapter.store.database import Database

T = TypeVar("T")

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PERSON = "19900101TF03"
NOTHING = Effect({})


def after(**span: float) -> datetime:
    return NOW + timedelta(**span)


def want(key: str, kind: ActKind = ActKind.MESSAGE, **more: Any) -> Wanted:
    return Wanted(key, kind, more.pop("what", {"to": "unit"}), "why", **more)


def decided(phase: Phase = Phase.PREPARING, wake_at: datetime | None = None) -> Decision:
    return Decision(phase=phase, wanted=(), steps=(), wake_at=wake_at)


def done(conn: Connection, claimed: ClaimedAct, effect: Effect, now: datetime) -> None:
    """An act had its effect. Raises ``Overtaken``."""
    claims.done(conn, claimed, effect, now=now, reason="act_done")


@dataclass
class Store:
    """A database with its schema. The helpers work for ``tenant``."""

    db: Database
    tenant: str = "north"

    def run(self, fn: Callable[..., T], *args: Any, **named: Any) -> T:
        """One transaction of one store function."""

        def body(conn: Connection) -> T:
            return fn(conn, *args, **named)

        return self.db.run_sync(body)

    def open(self, *order_ids: str, tenant: str | None = None, person_id: str = PERSON, now: datetime = NOW) -> Case:
        """A case with these orders, or the one that the first of them has."""
        tenant = tenant or self.tenant
        found = self.run(cases.case_of_order, tenant, order_ids[0])
        return found or self.open_new(*order_ids, tenant=tenant, person_id=person_id, now=now)

    def open_new(self, *order_ids: str, tenant: str = "north", person_id: str = PERSON, now: datetime = NOW) -> Case:
        since = date(2026, 3, 1)
        of = {"tenant": tenant, "person_id": person_id, "evidence_after": since, "order_ids": order_ids}
        return self.run(cases.open_case, **of, now=now)

    def wanting(self, *wanted: Wanted, order: str = "1") -> Case:
        """A case that calls for these acts."""
        case = self.open(order)
        self.settle(case, *wanted)
        return case

    def claim_one(self, owner: str = "one", **more: Any) -> Case:
        """The only case that can be claimed."""
        (claimed,) = self.claim(owner, **more)
        return claimed

    def mark(self, *refs: str, now: datetime = NOW, reason: str = "poll") -> int:
        return self.run(due.mark_due, self.tenant, refs, now, reason)

    def end(self, claimed: ClaimedAct, effect: Effect = NOTHING, now: datetime = NOW) -> None:
        """An act had its effect. Raises ``Overtaken``."""
        self.run(done, claimed, effect, now)

    def audit(self, ref: str) -> list[events.Event]:
        return list(self.run(events.of_case, self.tenant, ref))

    def read(self, case: Case) -> Case:
        return self.run(cases.the_case, case.tenant, case.ref)

    def claim(self, owner: str = "one", *, now: datetime = NOW, limit: int = 10) -> list[Case]:
        lease_until = now + timedelta(minutes=5)
        return self.run(due.claim_due, tenant=self.tenant, now=now, limit=limit, owner=owner, lease_until=lease_until)

    def finish(self, case: Case, decision: Decision, **more: Any) -> Case:
        named = {"owner": case.lease_owner, "now": NOW, "read_again_at": None} | more
        return self.run(due.finish, case, decision, **named)

    def settle(self, case: Case, *wanted: Wanted, now: datetime = NOW, facts_at: datetime = NOW) -> outbox.Settled:
        return self.run(outbox.settle_wanted, case, wanted, facts_at=facts_at, now=now)

    def acts(self, case: Case) -> dict[str, Act]:
        return {act.key: act for act in self.run(outbox.acts, case.tenant, case.ref)}

    def take(
        self,
        owner: str = "one",
        *,
        now: datetime = NOW,
        limit: int = 10,
        tenants: Sequence[str] = (),
        lanes: Sequence[str] = outbox.LANES,
    ) -> list[ClaimedAct]:
        """Up to ``limit`` acts of each lane."""
        lease: dict[str, Any] = {"limit": limit, "now": now, "owner": owner, "lease_until": now + timedelta(minutes=5)}

        def taken(conn: Connection) -> list[ClaimedAct]:
            found = [
                claims.claim_acts(conn, tenant=tenant, lane=lane, **lease)
                for tenant in tenants or [self.tenant]
                for lane in lanes
            ]
            return [act for some in found for act in some]

        return self.db.run_sync(taken)

    def failed(self, claimed: ClaimedAct, state: ActState, retry_at: datetime = NOW, **more: Any) -> None:
        when = {} if state is ActState.PARKED else {"retry_at": retry_at}
        self.run(claims.failed, claimed, state, **{"error": "e", "now": NOW} | when | more)

    def known_person(self, case: Case) -> str:
        return self.run(persons.external_id_for, case.tenant, case.person)
