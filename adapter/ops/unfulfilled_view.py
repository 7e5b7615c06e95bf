"""The status page's list of decisions that are not executed or interrupted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from adapter.domain.looks import local_date
from adapter.domain.unfulfilled import listed
from adapter.ops.case_cache import CaseSummary
from adapter.ops.context import OpsContext
from adapter.presentation.unfulfilled import cells


def unfulfilled_rows(ops: OpsContext, summaries: Iterable[CaseSummary], now: datetime) -> list[dict[str, str]]:
    """Each row in words, by column; municipality by municipality, the longest waiting first."""
    cases = list(summaries)
    rows: list[dict[str, str]] = []
    for tenant in ops.runtime.tenants.values():
        theirs = ((case.ref, case.unit, case.unfulfilled) for case in cases if case.tenant == tenant.name)
        today, words = local_date(now, tenant.policy.zone), ops.words_of(tenant.name)
        rows += (cells(tenant.name, row, words) for row in listed(theirs, today))
    return rows
