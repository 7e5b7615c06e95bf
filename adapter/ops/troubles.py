"""Faults that concern more than one case, as sentences for the status page, the gravest first."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from adapter.ops.context import OpsContext
from adapter.ops.figures import Numbers, Row
from adapter.presentation.case_cards import Line
from adapter.store.queries import Drift

NAMED = 20
"""Schedules that a sentence names, at most. The others are counted."""

JOB_SHOWN = timedelta(hours=24)
"""For how long a failed job is shown."""


def troubles(
    ops: OpsContext,
    numbers: Iterable[Numbers],
    vendors: Iterable[Row],
    drifts: Mapping[str, Drift | None],
    unattended: Mapping[str, int],
) -> tuple[Line, ...]:
    """One sentence for each fault. ``drifts``: by municipality. ``unattended``: how many open cases the municipalities
    have that aren't served."""
    views = list(numbers)
    sources = ops.words_of().say("status", "sources")
    away = [(row.name, row.tenant, row.state.text) for row in vendors if row.state.tone == "bad"]
    away += [(sources, f.tenant, f.state.text) for view in views for f in view.feeds if f.state.tone == "bad"]
    lines = [
        *_adrift(ops, drifts),
        *_unserved(ops, unattended),
        *(Line(_sentence(ops, *each), "bad") for each in away),
        *_refused(ops),
    ]
    return tuple(dict.fromkeys(lines))


def _sentence(ops: OpsContext, what: str, tenant: str, how: str) -> str:
    return f"{what}, {tenant}: {how}." if ops.several else f"{what}: {how}."


def _adrift(ops: OpsContext, drifts: Mapping[str, Drift | None]) -> Iterable[Line]:
    """Schedules that differ from what the cases know. If the difference was put right, the sentence is no alarm."""
    for tenant, drift in drifts.items():
        words = ops.words_of(tenant)
        for how in ("missing", "unowned", "changed") if drift else ():
            labels = getattr(drift, how)
            if not labels:
                continue
            mended = how == "changed" and drift is not None and drift.mended
            code = f"schedules_{'mended' if mended else how}"
            more = len(labels) - NAMED
            names = ", ".join(labels[:NAMED]) + (f" {words.say('status', 'and_more', count=more)}" if more > 0 else "")
            when = words.when(drift.at if drift else None)
            text = words.say("status", code, count=len(labels), schedules=names, when=when)
            yield Line(f"{tenant}: {text}" if ops.several else text, "warn" if mended else "bad")


def _unserved(ops: OpsContext, unattended: Mapping[str, int]) -> Iterable[Line]:
    words = ops.words_of()
    for tenant in sorted({*ops.runtime.refused, *unattended}):
        if tenant in ops.runtime.refused:
            yield Line(words.say("status", "tenant_refused", tenant=tenant), "bad")
        if count := unattended.get(tenant):
            yield Line(words.say("status", "tenant_unattended", tenant=tenant, count=count), "bad")


def _refused(ops: OpsContext) -> Iterable[Line]:
    """What was refused or failed, though the service still runs as before."""
    words, last, now = ops.words_of(), ops.errors.last, ops.runtime.clock.now()
    if refused := last.get("configuration_refused"):
        yield Line(words.say("status", "configuration_refused", when=words.when(refused.at)), "bad")
    if places := ops.runtime.requests_refused:
        yield Line(words.say("status", "requests_refused", places=", ".join(places)), "bad")
    failed = last.get("job_failed")
    if failed and now - failed.at < JOB_SHOWN:
        yield Line(words.say("status", "job_failed", job=failed.job, when=words.when(failed.at)), "bad")
