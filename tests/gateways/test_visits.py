"""Which vendor is at fault if a look can't be written back (LA12)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from adapter.domain.ledger import Act, ActKind, ActState
from adapter.gateways.visits import KNOWN, VisitExecutor
from adapter.ports import CaseContext
from connectors.errors import Refused, Unauthorised
from connectors.lifecare.wire import Personnel
from connectors.phoniro.wire import Supervision
from mappings.mapping import load_mapping
from tests.watch.written_back import PERSONNEL, mapping_with

DUE = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)
SAID = {"begun": DUE.isoformat(), "ended": DUE.isoformat(), "due": DUE.isoformat()}
VISIT = Act(1, "1:visit", ActKind.VISIT, ActState.SENDING, {"case": "TK-7F3K2M", "look": "a", **SAID}, DUE, attempts=1)
CASE = CaseContext("exempel", "TK-7F3K2M", "19900101TF03", 1, False, {}, unit=7101, execution=1)


def refuses(vendor: str) -> NoReturn:
    raise Unauthorised("not accepted", vendor=vendor, call="GET", status=401)


class Refusing:
    """Both vendors' clients; neither vendor accepts the sign-in."""

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
    with pytest.raises(Unauthorised) as caught:
        await visits.perform(VISIT, CASE)
    assert caught.value.vendor == "phoniro"


async def test_who_looked_is_remembered_for_an_hour_and_then_forgotten(tmp_path: Path) -> None:
    class Known:
        operator = "operator-1"

        async def supervisions(self, *_: object) -> AsyncIterator[Supervision]:
            yield Supervision(id="a", schedule_id="s", due_at=DUE, outcome="ok", operator_id=self.operator)

        async def personnels(self, user_id: str) -> SimpleNamespace:
            asked.append(user_id)
            return SimpleNamespace(items=[Personnel(person_id="19900101TF04", user_id=user_id)])

    asked: list[str] = []
    now, client = DUE, cast("Any", Known())
    text = PERSONNEL + '\n"operator-2" = "OTHER"'
    mapping = load_mapping(mapping_with(tmp_path, (PERSONNEL, text)))
    visits = VisitExecutor(client, client, mapping, lambda: now)
    minute = timedelta(minutes=1)
    for operator, later in ((1, 0 * minute), (1, KNOWN), (1, minute), (2, KNOWN + minute)):
        client.operator, now = f"operator-{operator}", now + later
        await visits._who(VISIT)
    assert len(asked) == 3, "asked again only after the hour"
    assert [*visits._staff] == ["OTHER"], "a number is no longer in memory than it is of use"


async def test_a_licence_that_is_gone_when_a_visit_is_looked_for_doesnt_take_lifecare_for_down(
    visits: VisitExecutor,
) -> None:
    with pytest.raises(Refused) as caught:
        await visits.find(VISIT, CASE)
    assert (caught.value.vendor, caught.value.status) == ("lifecare", 401)
