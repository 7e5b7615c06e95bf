"""The same content for programs: codes and instants, each code with its words. It holds nothing personal.

``cli.options.print_json`` writes instants in UTC (ISO 8601), and dataclasses with the names of their fields.
"""

from dataclasses import fields
from typing import Any

from adapter.domain.decision import Attention, Decision, StepView
from adapter.domain.facts import Facts
from adapter.domain.ledger import Act, Wanted
from adapter.presentation.case_file import CaseFile
from adapter.presentation.case_summary import CaseSummary
from adapter.presentation.words import Words
from adapter.store.cases import Case
from adapter.store.order_inbox import WaitingOrder

_HIDDEN = frozenset({"details"})
"""Keys of an act's content that tell a reader nothing: the keyed fingerprint of a person's details."""


def case_summary(summary: CaseSummary) -> dict[str, Any]:
    case, unwatched = summary.case, summary.unwatched
    return {
        "case": case.ref,
        "tenant": case.tenant,
        "phase": case.phase,
        "opened_at": case.opened_at,
        "closed_at": case.closed_at,
        "late": summary.late,
        "unwatched": unwatched.cause if unwatched else None,
        "runs_still": bool(unwatched and unwatched.runs),
        "awaits": [step.id for step in summary.awaited],
        "attention": [a.code for a in summary.attention],
        "failures": case.failures,
    }


def unusable_order(tenant: str, order: WaitingOrder, words: Words) -> dict[str, Any]:
    """An order that can't be used and has no case."""
    code, text = order.problem.code, words.unusable(order)
    return {"order": order.order_id, "tenant": tenant, "since": order.since, "code": code, "text": text}


def case_details(file: CaseFile, words: Words) -> dict[str, Any]:
    case = file.case
    return {
        **case_summary(CaseSummary.of(case)),
        "adopted": case.adopted,
        "now": file.ledger.schedule,
        "shall": file.shall,
        "facts_read_at": case.facts_read_at,
        "stale": file.stale,
        "next_at": case.ready_at,
        "read_again_at": case.read_again_at,
        "error": case.error,
        **decision_details(file.decision, words),
        "acts": [{**_fields(act, "what"), "text": words.act(act.kind, act.what)} for act in file.ledger.acts],
        "balance": [
            {"pair": pair, "in": did, "out": out, "even": out or not did, "text": words.say("pairs_in", pair)}
            for pair, did, out in file.balance
        ],
    }


def decision_details(decision: Decision | None, words: Words) -> dict[str, Any]:
    if decision is None:
        return {"steps": [], "waiting": [], "attention": [], "wake_at": None, "balanced": None}
    return {
        "phase": decision.phase,
        "steps": [{**_fields(v), "text": words.say("steps", v.id)} for v in decision.steps],
        "waiting": [{"code": code, "text": words.say("waiting", code)} for code in decision.waiting],
        "attention": [{**_fields(a, "params"), "text": words.attention(a)} for a in decision.attention],
        "wake_at": decision.wake_at,
        "balanced": decision.balanced,
    }


def plan_details(case: Case, decision: Decision, facts: Facts, words: Words) -> dict[str, Any]:
    wanted = [
        {
            **_fields(w),
            "what": {key: value for key, value in w.what.items() if key not in _HIDDEN},
            "text": words.act(w.kind, w.what),
        }
        for w in decision.wanted
    ]
    details = decision_details(decision, words)
    return {"case": case.ref, "tenant": case.tenant, **details, "stale": facts.stale, "wanted": wanted}


def _fields(value: Act | Attention | StepView | Wanted, *left_out: str) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value) if field.name not in left_out}
