"""Looks written back to the case system as reported visits (LA12): which of them, and what that calls for.

Each look is decided by itself, from what is known of it and from the acts that were about it: done looks are reported
once, one that changed afterwards is corrected, one that turns out not to be done is taken back. Whose look it was and
who looked is not known here: the one is the case's, the other is read where it is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from adapter.domain.ledger import Act, ActKind, Look, LookOutcome, Wanted, What
from adapter.domain.policy import Policy, WriteBack

TRIED_AGAIN = timedelta(days=14)
"""So long a visit that was held back has another chance each morning; afterwards only once the mapping is changed."""


def subject(ref: str, look: Look) -> str:
    """What the acts about a look stand under in the outbox: the look itself, as a case's would grow by thousands."""
    return f"{ref}-{look.n}@{look.due_at:%Y%m%dT%H%M%SZ}"


def reported(look: Look) -> bool:
    """Whether a look is one visit: somebody who had a right to looked by the camera, and it is known when. A visit that
    was sent for is the patrol's own to report."""
    known = look.id is not None and look.begun_at is not None and look.ended_at is not None
    return known and look.entitled and look.done and look.outcome is not LookOutcome.VISIT


def visit_wanted(
    ref: str, look: Look, acts: Sequence[Act], policy: Policy, *, unit: int | None, execution: int | None
) -> Wanted | None:
    """What a look calls for beyond ``acts``, those about it in their order; None: nothing. ``unit`` and ``execution``
    are the case's, as far as they are known. An act that waits and isn't called for is to be dropped."""
    if policy.write_back is not WriteBack.ON:
        return None
    sent = [act for act in acts if act.counts]
    stands = bool(sent) and sent[-1].kind is ActKind.VISIT
    turn = len(sent) + 1
    what = visit_of(ref, look, unit, execution)
    if stands and reported(look) and _same(sent[-1].what, what):
        return None
    # A visit is known by the look's id: under another one it would be a second, so the first is taken back before.
    other = stands and sent[-1].what["look"] != look.id
    if other or not reported(look):
        about: What = {"case": ref, "look": sent[-1].what["look"]} if stands else {}
        why = "look_corrected" if reported(look) else "look_not_done"
        return Wanted(f"{turn}:remove", ActKind.REMOVE_VISIT, about, why=why) if stands else None
    return Wanted(f"{turn}:visit", ActKind.VISIT, what, why="look_corrected" if stands else "look_done")


def visit_of(ref: str, look: Look, unit: int | None, execution: int | None) -> What:
    """What is said of a look, but for who it was about and who looked. Instants are UTC."""
    told: What = {"case": ref, "look": look.id, "due": _text(look.due_at), "unit": unit, "execution": execution}
    return {**told, "begun": _text(look.begun_at), "ended": _text(look.ended_at)}


def _same(sent: What, what: What) -> bool:
    """Whether the visit that stands says the same; the id of the look may be another since."""
    return all(sent.get(name) == what[name] for name in ("begun", "ended"))


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
