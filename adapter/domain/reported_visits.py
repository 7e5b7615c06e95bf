"""Which looks are written back to the case system as reported visits (LA12).

Each look is decided by itself, from what is known of it and from the acts about it. A done look is reported once. If it
changes afterwards it is corrected; if it turns out not to be done it is taken back. The person and the one who looked
aren't known here: the case has the first, and the gateway reads the second when it sends.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from adapter.domain.ledger import Act, ActKind, Look, LookOutcome, Wanted, What
from adapter.domain.policy import Policy, WriteBack

TRIED_AGAIN = timedelta(days=14)
"""For this long a visit that was held back is tried again each morning. After that only when the mapping is changed."""


def subject(ref: str, look: Look) -> str:
    """The outbox's subject of the acts about a look. They don't belong to the case, which would grow by thousands of
    acts."""
    return f"{ref}-{look.n}@{look.due_at:%Y%m%dT%H%M%SZ}"


def reported(look: Look) -> bool:
    """Whether a look is to be reported: somebody with a right looked by the camera, and it is known when. If the patrol
    was sent, it reports its own visit."""
    known = look.id is not None and look.begun_at is not None and look.ended_at is not None
    return known and look.entitled and look.done and look.outcome is not LookOutcome.VISIT


def visit_wanted(
    ref: str, look: Look, acts: Sequence[Act], policy: Policy, *, unit: int | None, execution: int | None
) -> Wanted | None:
    """What a look calls for beyond ``acts``, those about it in their order; None: nothing. ``unit`` and ``execution``
    are the case's, as far as is known. A waiting act that isn't returned is to be dropped."""
    if policy.write_back is not WriteBack.ON:
        return None
    sent = [act for act in acts if act.counts]
    stands = bool(sent) and sent[-1].kind is ActKind.VISIT
    turn = len(sent) + 1
    what = visit_of(ref, look, unit, execution)
    if stands and reported(look) and _same(sent[-1].what, what):
        return None
    # A visit is known by the look's id. Under a new id it would be a second visit, so the first is taken back before.
    other = stands and sent[-1].what["look"] != look.id
    if other or not reported(look):
        about: What = {"case": ref, "look": sent[-1].what["look"]} if stands else {}
        why = "look_corrected" if reported(look) else "look_not_done"
        return Wanted(f"{turn}:remove", ActKind.REMOVE_VISIT, about, why=why) if stands else None
    return Wanted(f"{turn}:visit", ActKind.VISIT, what, why="look_corrected" if stands else "look_done")


def visit_of(ref: str, look: Look, unit: int | None, execution: int | None) -> What:
    """What is reported of a look, without the person and without who looked. Instants are UTC."""
    told: What = {"case": ref, "look": look.id, "due": _text(look.due_at), "unit": unit, "execution": execution}
    return {**told, "begun": _text(look.begun_at), "ended": _text(look.ended_at)}


def _same(sent: What, what: What) -> bool:
    """Whether the reported visit says the same. The look's id may have changed since."""
    return all(sent.get(name) == what[name] for name in ("begun", "ended"))


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
