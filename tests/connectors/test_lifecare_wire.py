"""Lifecare's models, queries and paging, compared with the vendor's own description."""

import asyncio
import re
from datetime import UTC, date, datetime
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from connectors.lifecare import query, wire
from connectors.lifecare.paging import Cap, read_whole
from connectors.lifecare.query import q
from connectors.lifecare.values import calendar_date, instant, person_number, whole_seconds
from tests.contracts import definition, has_feed, needs_lifecare, row_of, searchable, swagger

# Dates and instants


@given(
    st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    st.sampled_from(
        ["", "T00:00:00Z", "T00:00:00", "T00:00:00+01:00", "T23:59:59Z", "T22:45:00-11:00", "T07:15:30.5000000Z"]
    ),
)
def test_a_date_field_is_its_calendar_date_whatever_follows(day: date, rest: str) -> None:
    """L14"""
    order = wire.Order.model_validate({"Id": "A", "StartDate": f"{day}{rest}"})
    assert order.start_date == day


@pytest.mark.parametrize(
    "open_end",
    [None, "0001-01-01T00:00:00", "9999-12-31T00:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999"],
)
def test_an_open_end_in_any_of_its_forms_is_no_end(open_end: str | None) -> None:
    """L15"""
    assert wire.Order.model_validate({"Id": "A", "EndDate": open_end}).end_date is None
    assert wire.Order.model_validate({"Id": "A"}).end_date is None
    assert instant(open_end) is None


@pytest.mark.parametrize(
    "value", ["", "soon", "2026-02-30T00:00:00", "2026-1-1", "20260131", 20260131, "2026-01-31 or so", True]
)
def test_what_is_no_date_is_an_error_and_never_an_open_end(value: object) -> None:
    """L14, L15"""
    with pytest.raises(ValidationError, match="is not a calendar date"):
        wire.Order.model_validate({"Id": "A", "EndDate": value})


@pytest.mark.parametrize(
    "text", ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00.0000000Z"]
)
def test_an_instant_is_aware_utc(text: str) -> None:
    """L14: without an offset it is UTC."""
    assert wire.Order.model_validate({"Id": "A", "UpdateTime": text}).update_time == datetime(
        2026, 1, 31, 12, tzinfo=UTC
    )


@given(st.datetimes(datetime(3, 1, 1), datetime(9998, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - bounds only
def test_a_sent_instant_has_seconds(moment: datetime) -> None:
    """L16"""
    sent = whole_seconds(moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", sent)
    assert instant(sent) == moment.astimezone(UTC).replace(microsecond=0)


def test_a_naive_time_is_never_sent() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        whole_seconds(datetime(2026, 1, 31))  # noqa: DTZ001 - the point of the test


def test_an_unknown_enumeration_value_and_an_unknown_field_break_nothing() -> None:
    order = wire.Order.model_validate({"Id": "A", "Status": "Postponed", "NewInNextVersion": {}})
    assert order.status == "Postponed"


def test_a_null_list_or_flag_is_an_empty_one() -> None:
    client = wire.Client.model_validate({"Id": 1, "Addresses": None, "Deleted": None, "Phones": [{"Protected": None}]})
    assert (client.addresses, client.deleted, client.phones[0].protected) == ((), False, False)


def test_no_repr_shows_a_person() -> None:
    """P8"""
    client = wire.Client.model_validate({"Id": 1, "PersonId": "19900101TF03", "FirstName": "Testa"})
    assert f"{client} {client!r}" == "id=1 Client(id=1)"
    with pytest.raises(ValidationError) as caught:
        wire.Client.model_validate({"Id": "19900101TF03"})
    assert "TF03" not in str(caught.value)


@pytest.mark.parametrize("number", ["19900101TF03", "19900101-TF03", " 19900101tf03 "])
def test_a_person_number_is_twelve_characters_without_a_hyphen(number: str) -> None:
    """L13"""
    assert person_number(number) == "19900101TF03"
    with pytest.raises(ValueError, match="twelve") as caught:
        person_number(number.strip()[2:])
    assert "TF03" not in str(caught.value)


# Queries

CONDITION = re.compile(r"([A-Za-z]+)='((?:[^']|'')*)'(?: and |$)")


@given(st.text(), st.text(), st.integers())
def test_whatever_goes_into_a_query_stays_inside_its_quotes(headline: str, signature: str, execution: int) -> None:
    """L5, LA1"""
    asked = q(query.DOCUMENTATIONS, HeadlineId=headline, CreatedSignature=signature, ExecutionId=execution)
    assert "".join(found[0] for found in CONDITION.finditer(asked)) == asked
    read = {name: value.replace("''", "'") for name, value in CONDITION.findall(asked)}
    assert read == {"HeadlineId": headline, "CreatedSignature": signature, "ExecutionId": str(execution)}


def test_the_kinds_of_conditions() -> None:
    """L5, L6, L13"""
    assert q(query.ORDERS, PersonId="19900101-TF03") == "PersonId='19900101TF03'"
    assert q(query.ORDERS, UpdateTime=date(2026, 1, 31)) == "UpdateTime='2026-01-31'"
    assert q(query.DOCUMENTATIONS, ExecutionId=4711, Status="Current") == "ExecutionId='4711' and Status='Current'"


def test_a_field_that_is_not_searchable_is_refused_by_name() -> None:
    """L6, LA2"""
    with pytest.raises(ValueError, match="orders can't be searched by Status, only by PersonId, UpdateTime"):
        q(query.ORDERS, Status="Sent")
    with pytest.raises(ValueError, match="needs a condition"):
        q(query.ORDERS)


@pytest.mark.parametrize(
    ("resource", "field", "value"),
    [
        (query.ORDERS, "UpdateTime", datetime(2026, 1, 31, tzinfo=UTC)),
        (query.ORDERS, "UpdateTime", "2026-01-31"),
        (query.ORDERS, "PersonId", 199001010000),
        (query.DOCUMENTATIONS, "ExecutionId", "1"),
        (query.DOCUMENTATIONS, "ExecutionId", True),
        (query.DOCUMENTATIONS, "HeadlineId", 1),
    ],
)
def test_a_value_of_another_kind_is_refused_without_showing_it(
    resource: query.Resource[Any], field: str, value: Any
) -> None:
    """L6, L14: a calendar date is searched by a date, never by an instant."""
    with pytest.raises(TypeError, match=f"{resource.name}.{field}") as caught:
        q(resource, **{field: value})
    assert f"by {value}" not in str(caught.value)


# Paging


class Shifting:
    """A list that others change while it is read: the n-th change is made before request n."""

    def __init__(self, rows: list[int], changes: dict[int, tuple[str, int]], cap: int) -> None:
        self.rows, self.changes, self.cap = rows, changes, cap
        self.requests, self.changed_at = 0, -1

    async def fetch(self, limit: int, offset: int) -> list[tuple[int, int]]:
        what, where = self.changes.get(self.requests, ("", 0))
        at = where % (len(self.rows) + 1)
        if what == "insert":
            self.rows.insert(at, 10_000 + self.requests)
        elif what == "remove":
            del self.rows[at : at + 1]
        if what:
            self.changed_at = self.requests
        self.requests += 1
        return [(row, row) for row in self.rows[offset : offset + min(limit, self.cap)]]


CHANGES = st.dictionaries(
    st.integers(0, 12), st.tuples(st.sampled_from(["insert", "remove"]), st.integers(0, 60)), max_size=1
)


@given(st.integers(0, 40), st.integers(2, 12), st.integers(2, 12), CHANGES)
def test_no_row_that_stays_is_missed_while_another_comes_or_goes(
    count: int, page_size: int, cap: int, changes: dict[int, tuple[str, int]]
) -> None:
    """L8: with any page size that the server allows, wherever a row is added or removed meanwhile."""
    server = Shifting(list(range(count)), changes, cap)
    read = asyncio.run(read_whole(server.fetch, page_size, Cap()))
    assert read is not None
    assert {row for row in server.rows if row < 10_000} <= set(read)
    assert len(read) == len(set(read))


@given(st.integers(0, 40), st.integers(2, 12), st.integers(2, 12))
def test_a_list_that_stands_still_is_read_as_it_is(count: int, page_size: int, cap: int) -> None:
    """L8: it takes one request for each page, and at most one more."""
    server = Shifting(list(range(count)), {}, cap)
    known = Cap()
    for _ in range(2):
        server.requests = 0
        assert asyncio.run(read_whole(server.fetch, page_size, known)) == list(range(count))
        assert server.requests <= max(1, count // (min(page_size, cap) - 1) + 2)


@given(st.integers(0, 40), st.integers(2, 12), st.integers(2, 12))
def test_once_the_servers_cap_is_known_a_short_list_costs_one_call(count: int, page_size: int, cap: int) -> None:
    """L8: one page of another list shows how long a page can be. That page is read once."""
    learned = 0

    async def learn() -> int:
        nonlocal learned
        learned += 1
        return min(cap, page_size)

    shared = Cap(learn)
    for _ in range(2):
        server = Shifting(list(range(count)), {}, cap)
        assert asyncio.run(read_whole(server.fetch, page_size, shared)) == list(range(count))
        assert server.requests == 1 or count >= min(cap, page_size)
    assert learned <= 1


def test_a_row_read_twice_counts_once_in_its_newest_form() -> None:
    """L8"""
    pages = iter([[("a", 1), ("b", 1)], [("b", 2), ("c", 1)], [("c", 1)]])

    async def fetch(_: int, __: int) -> list[tuple[str, int]]:
        return next(pages)

    assert asyncio.run(read_whole(fetch, 2, Cap())) == [1, 2, 1]


# The vendor's own description


def _inner(annotation: Any) -> list[type]:
    """The plain classes that an annotation is made of."""
    if get_origin(annotation) is Annotated:
        return _inner(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType, tuple):
        return [kind for part in get_args(annotation) if part not in (type(None), ...) for kind in _inner(part)]
    return [annotation]


PLAIN = {"string": str, "integer": int, "boolean": bool}


def _agree(model: type[BaseModel], ref: str) -> None:
    properties = definition(ref)["properties"]
    for name, field in model.model_fields.items():
        alias = field.alias or name
        assert alias in properties, f"{model.__name__}.{name}: the vendor has no {alias}"
        described = properties[alias].get("items", properties[alias])
        (kind,) = _inner(field.annotation)
        if "$ref" in described:
            assert issubclass(kind, BaseModel)
            _agree(kind, described["$ref"])
        elif described.get("format") == "date-time":
            assert kind is (datetime if re.search("Time(Utc)?$", alias) else date), f"{model.__name__}.{name}"
        else:
            assert kind is PLAIN[described["type"]], f"{model.__name__}.{name}"


@needs_lifecare
@pytest.mark.parametrize("resource", query.RESOURCES, ids=lambda resource: str(resource.name))
def test_every_resource_is_as_the_vendor_describes_it(resource: query.Resource[Any]) -> None:
    """L6, L7, L14: fields and their types, what is searchable and how, and which lists take gt and lt."""
    path = f"/api/v1/{resource.name}"
    _agree(resource.model, row_of(path))
    assert resource.delta == has_feed(path)
    assert resource.key is None or resource.key in definition(row_of(path))["properties"]
    assert resource.searchable.items() <= searchable(row_of(path)).items()


@needs_lifecare
def test_a_note_is_as_the_vendor_describes_it() -> None:
    """LA3"""
    post = swagger()["paths"]["/api/v2/provider_notes"]["post"]
    body = next(parameter for parameter in post["parameters"] if parameter["in"] == "body")["schema"]["$ref"]
    _agree(wire.CreateProviderJournalNoteRequest, body)
    fields = wire.CreateProviderJournalNoteRequest.model_fields.values()
    assert {field.alias for field in fields if field.is_required()} == set(definition(body)["required"])
    _agree(wire.JournalNoteV2, post["responses"]["200"]["schema"]["$ref"])


def test_a_calendar_date_takes_no_instant() -> None:
    """L14: two types, never mixed."""
    assert calendar_date(date(2026, 1, 31)) == date(2026, 1, 31)
    with pytest.raises(ValueError, match="calendar date"):
        calendar_date(datetime(2026, 1, 31, tzinfo=UTC))
