"""The same for a program: codes and instants (UTC, ISO 8601), and the words beside them. Nothing personal in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from adapter.domain.beside import Shall
from adapter.domain.decision import Attention, Decision, StepView
from adapter.domain.facts import Facts
from adapter.domain.ledger import Act, ScheduleRecord, Wanted
from adapter.presentation.case_file import CaseFile
from adapter.presentation.case_page import lateness
from adapter.presentation.words import Words
from adapter.store.cases import Case
from adapter.store.order_inbox import WaitingOrder

_HIDDEN = frozenset({"details"})
"""Keys of an act's content that say nothing to a reader: a person's keyed fingerprint."""

_SHOWN: dict[type, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (Act, Attention, StepView, Wanted)}


_SCHEDULE, _SHALL = TypeAdapter(ScheduleRecord), TypeAdapter(Shall)


def instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def case_summary(case: Case) -> dict[str, Any]:
    decision = case.last_decision
    return {
        "case": case.ref,
        "tenant": case.tenant,
        "phase": case.phase.value,
        "opened_at": instant(case.opened_at),
        "closed_at": instant(case.closed_at),
        "late": lateness(case),
        "unwatched": decision.unwatched.cause if decision and decision.unwatched else None,
        "awaits": list(decision.awaits) if decision else [],
        "attention": [a.code for a in decision.attention] if decision else [],
        "failures": case.failures,
    }


def unusable_order(tenant: str, order: WaitingOrder, words: Words) -> dict[str, Any]:
    """An order that can't be used and has no case."""
    return {
        "order": order.order_id,
        "tenant": tenant,
        "since": instant(order.since),
        "code": order.problem.code,
        "text": words.unusable(order),
    }


def case_details(file: CaseFile, words: Words) -> dict[str, Any]:
    case = file.case
    return {
        **case_summary(case),
        "adopted": case.adopted,
        "now": _SCHEDULE.dump_python(file.ledger.schedule, mode="json") if file.ledger.schedule else None,
        "shall": _SHALL.dump_python(file.shall, mode="json") if file.shall else None,
        "facts_read_at": instant(file.facts_read_at),
        "stale": list(file.stale),
        "next_at": instant(case.ready_at),
        "read_again_at": instant(case.read_again_at),
        "error": case.error,
        **decision_details(file.decision, words),
        "acts": [_act(act, words) for act in file.ledger.acts],
        "balance": [
            {"pair": pair, "in": did, "out": out, "even": out or not did, "text": words.say("pairs_in", pair)}
            for pair, did, out in file.balance
        ],
    }


def decision_details(decision: Decision | None, words: Words) -> dict[str, Any]:
    if decision is None:
        return {"steps": [], "waiting": [], "attention": [], "wake_at": None, "balanced": None}
    return {
        "phase": decision.phase.value,
        "steps": [{**_plain(v), "text": words.say("steps", v.id)} for v in decision.steps],
        "waiting": [{"code": code, "text": words.say("waiting", code)} for code in decision.waiting],
        "attention": [{**_plain(a, "params"), "text": words.attention(a)} for a in decision.attention],
        "wake_at": instant(decision.wake_at),
        "balanced": decision.balanced,
    }


def plan_details(case: Case, decision: Decision, facts: Facts, words: Words) -> dict[str, Any]:
    return {
        "case": case.ref,
        "tenant": case.tenant,
        **decision_details(decision, words),
        "stale": list(facts.stale),
        "wanted": [_wanted(w, words) for w in decision.wanted],
    }


def _wanted(wanted: Wanted, words: Words) -> dict[str, Any]:
    what = {k: v for k, v in wanted.what.items() if k not in _HIDDEN}
    return {**_plain(wanted), "what": what, "text": words.act(wanted.kind, wanted.what)}


def _act(act: Act, words: Words) -> dict[str, Any]:
    return {**_plain(act, "what"), "text": words.act(act.kind, act.what)}


def _plain(value: Act | Attention | StepView | Wanted, *left_out: str) -> dict[str, Any]:
    """A dataclass's fields by their own names, as JSON has them."""
    plain: dict[str, Any] = _SHOWN[type(value)].dump_python(value, mode="json")
    return {name: each for name, each in plain.items() if name not in left_out}
