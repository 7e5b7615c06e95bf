"""Whose fault it is that a look can't be written back (LA12)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

from adapter.domain.ledger import Act, ActKind, ActState
from adapter.gateways.visits import VisitExecutor
from adapter.ports import CaseContext, Failure, PortError
from connectors.errors import Unauthorised
from mappings.tables import load_mapping
from tests.watch.written_back import mapping_with

DUE = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)
SAID = {"begun": DUE.isoformat(), "ended": DUE.isoformat(), "due": DUE.isoformat()}
VISIT = Act(1, "1:visit", ActKind.VISIT, ActState.SENDING, {"case": "TK-7F3K2M", "look": "a", **SAID}, DUE, attempts=1)
CASE = CaseContext("exempel", "TK-7F3K2M", "19900101TF03", 1, False, {}, unit=7101, execution=1)


def refuses(vendor: str) -> NoReturn:
    raise Unauthorised("not accepted", vendor=vendor, call="GET", status=401)


class Refusing:
    """Both vendors' clients, of which neither accepts the sign-in."""

    async def supervisions(self, *_: object) -> AsyncIterator[Any]:
        refuses("phoniro")
        yield

    async def reported_visits(self, *_: object) -> NoReturn:
        refuses("lifecare")


@pytest.fixture
def visits(tmp_path: Path) -> VisitExecutor:
    client: Any = Refusing()
    return VisitExecutor(client, client, load_mapping(mapping_with(tmp_path)), lambda: DUE)


async def test_a_sign_in_that_phoniro_refuses_is_phoniros_and_tried_again(visits: VisitExecutor) -> None:
    with pytest.raises(PortError) as caught:
        await visits.perform(VISIT, CASE)
    assert (caught.value.failure, caught.value.vendor) == (Failure.UNAUTHORISED, "phoniro")


async def test_a_licence_that_is_gone_when_a_visit_is_looked_for_doesnt_take_lifecare_for_down(
    visits: VisitExecutor,
) -> None:
    with pytest.raises(PortError) as caught:
        await visits.find(VISIT, CASE)
    assert (caught.value.failure, caught.value.audit["status"]) == (Failure.REFUSED, 401)
