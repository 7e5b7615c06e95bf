"""P6: an odd row of a list is set aside and reported, and every other row of the list counts.

Each field of each wire model, however deep, gets each odd value. All these rows are in one list, between two good rows.
"""

import json
import random
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, is_dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from pydantic import BaseModel

from adapter.domain.facts import Signal
from adapter.gateways.lifecare_source import LifecareSource
from adapter.gateways.platform import PhoniroSchedules
from adapter.ports import BrokenSchedule, PlatformSchedule, Window
from connectors.http.client import HttpSettings
from connectors.json_values import LONGEST_WORD
from connectors.lifecare import query, wire
from connectors.lifecare.client import LifecareClient
from connectors.phoniro.client import PhoniroClient
from connectors.phoniro.wire import Schedule, Supervision
from mappings.mapping import load_mapping

PERSON, NOW = "19900101TF03", datetime(2026, 3, 9, 9, tzinfo=UTC)
MAPPING = load_mapping(Path(__file__).parents[2] / "mappings" / "example.toml")
HEADING = MAPPING.signals[Signal.TIMES_CHANGED]
HERE = "@here@"
"""Holds the place of an odd value in a row, because not every tool can write such a value."""

ODD = [
    r'"\ud83d"',
    r'"kl 22 \ud83d"',
    r'"\udc00\ud83d"',
    r'"\u0000"',
    r'"a\u0000b"',
    '"\xff"',
    '""',
    '"   "',
    '"' + "x" * 200_000 + '"',
    "9" * 5000,
    "-" + "9" * 400,
    "1" + "0" * 20,
    "9223372036854775808",
    "-1",
    "0",
    "NaN",
    "-Infinity",
    "1e999",
    "1.5",
    "true",
    "null",
    "[" * 3000 + "]" * 3000,
    '{"a":' * 150 + "1" + "}" * 150,
    "{}",
    "[]",
    '[{"Id": "\\ud83d"}]',
    '[null, 1, "\\udc00"]',
    '"00010101T000000+1400"',
    '"0001-01-01T00:00:00+14:00"',
    '"0001-01-02"',
    '"9999-12-30T23:59:59-14:00"',
    '"9999-12-30"',
    '"2026-02-30"',
    '"24:00"',
    '"00010101-0000"',
    '"\u0661\u0662"',
    '1, "Id": "twice", "id": "twice", "PersonId": []',
]


@lru_cache
def shape(model: type[BaseModel]) -> dict[str, Any]:
    """A row of the model with a value in every field, by the vendor's names."""
    row: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        inner = next((a for a in nested(field.annotation) if issubclass(a, BaseModel)), None)
        many = "tuple" in str(field.annotation)
        value: Any = (
            shape(inner) if inner else "Sent" if (model, name) == (wire.Order, "status") else HAS.get(name, "1")
        )
        row[field.alias or name] = [value] if many else value
    return row


def nested(annotation: Any) -> Iterator[type[Any]]:
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for inner in get_args(annotation):
        yield from nested(inner)


DAYS = ("date", "order_date", "start_date", "end_date", "from_date", "to_date", "valid_from", "valid_to")
TIMES = ("update_time", "created_time", "signed_time", "occurrence_time", "due_at", "started_at", "ended_at")
HAS: dict[str, Any] = {
    **dict.fromkeys(DAYS, "2026-03-10"),
    **dict.fromkeys(TIMES, "2026-03-09T08:00:00Z"),
    **dict.fromkeys(
        ("deleted", "error_marked", "active", "protected", "protected_registration", "is_confidential"), False
    ),
    "person_id": PERSON,
    "headline_id": HEADING,
    "next_history_id": None,
    "weekdays": "Monday",
    "times": "22:30",
    "plain_text": "22:30",
    "text": "22:30",
    "reason": "Other",
    "outcome": "ok",
    "status": "Current",
    "external_reference": "TK-7F3K2M-1",
}


def places(row: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of values in a row, without the row itself."""
    if at:
        yield at
    children = row.items() if isinstance(row, dict) else enumerate(row) if isinstance(row, list) else ()
    for key, value in children:
        yield from places(value, (*at, key))


def with_value(row: dict[str, Any], place: tuple[Any, ...], raw: str) -> str:
    copy = json.loads(json.dumps(row))
    inner = copy
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = HERE
    return json.dumps(copy).replace(json.dumps(HERE), raw)


def listed(model: type[BaseModel], broken: list[str], **fixed: Any) -> tuple[bytes, bytes]:
    """A list with the broken rows between two good ones, whose ids are 1001 and 1002."""
    named = {(model.model_fields[name].alias or name): value for name, value in fixed.items()}
    id_name = model.model_fields["id"].alias if "id" in model.model_fields else "OrderId"
    good = [json.dumps({**shape(model), **named, str(id_name): n}) for n in ("1001", "1002")]
    rows = ("[" + ",".join([good[0], *broken, good[1]]) + "]").encode().replace(b"\xc3\xbf", b"\xff")
    return rows, good[1].encode()


def odd_rows(model: type[BaseModel]) -> list[str]:
    row = shape(model)
    whole = [raw for raw in ODD if "twice" not in raw]
    odd = ((place, raw) for place in places(row) for raw in ODD if "twice" not in raw or isinstance(place[-1], str))
    return [*whole, *(with_value(row, place, raw) for place, raw in odd)]


def random_rows(model: type[BaseModel], count: int, seed: int = 7) -> list[str]:
    """Several odd values in one row, and rows combined at random. A seed always gives the same rows."""
    rng, row = random.Random(seed), shape(model)
    every = list(places(row))
    made = []
    for _ in range(count):
        raw = rng.choice([raw for raw in ODD if len(raw) < 3000 and "twice" not in raw])
        made.append(
            with_value(row, rng.choice(every), rng.choice([raw, f"[{raw}]", f'{{"Id": {raw}, "Code": {raw}}}']))
        )
    return made


Reading = Callable[[LifecareSource], Awaitable[Any]]
SINCE = date(2026, 1, 1)
Ids = Callable[[Any], set[str]]
READINGS: dict[str, tuple[type[BaseModel], Reading, Ids]] = {
    "orders by day": (wire.Order, lambda s: s.orders_updated_on(SINCE), lambda w: {i.id for i in w.items}),
    "decisions": (wire.Decision, lambda s: s.changed_since("decisions", NOW), lambda w: {i.id for i in w.items}),
    "executions": (wire.Execution, lambda s: s.changed_since("executions", NOW), lambda w: {i.id for i in w.items}),
    "clients": (wire.Client, lambda s: s.changed_since("clients", NOW), lambda w: {i.id for i in w.items}),
    "absences": (wire.ClientAbsence, lambda s: s.changed_since("absences", NOW), lambda w: {i.id for i in w.items}),
    "urgent notes": (
        wire.Documentation,
        lambda s: s.urgent_notes(),
        lambda w: {i.id.partition(":")[0] for i in w.items},
    ),
    "services": (wire.OrderedService, lambda s: s.services_ending_on(SINCE), lambda w: {i.link for i in w.items}),
    "a person's decisions": (
        wire.Decision,
        lambda s: s.decisions(PERSON, frozenset()),
        lambda r: {str(d.id) for d in r[0]},
    ),
    "a person's executions": (wire.Execution, lambda s: s.executions(PERSON), lambda r: {str(e.id) for e in r[0]}),
    "a person's absences": (wire.ClientAbsence, lambda s: s.absences(PERSON), lambda r: {str(a.id) for a in r[0]}),
    "a person's orders": (wire.Order, lambda s: s.orders(PERSON), lambda r: {o.id for o in r[0]}),
    "a person's notes": (
        wire.Documentation,
        lambda s: s.notes(frozenset({1}), frozenset({Signal.TIMES_CHANGED}), SINCE),
        lambda r: {n.id for n in r[0]},
    ),
}


def storable(value: object) -> bool:
    """Whether every text in it can be stored in a database."""
    text = json.dumps(
        value,
        default=lambda v: asdict(v) if is_dataclass(v) and not isinstance(v, type) else str(v),
        ensure_ascii=False,
    )
    return not re.search("[\ud800-\udfff]|\\\\u0000", text)


def source(model: type[BaseModel], body: bytes, last: bytes) -> tuple[LifecareClient, LifecareSource]:
    resource = next(r.name for r in query.RESOURCES if r.model is model)

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith(f"/{resource}"):
            return httpx.Response(200, json=[])
        return httpx.Response(200, content=body if request.url.params["offset"] == "0" else b"[" + last + b"]")

    http = HttpSettings(per_second=1e6, attempts=1)
    transport = httpx.MockTransport(answer)
    client = LifecareClient("http://lifecare.test", "d", "k", page_size=100_000, settings=http, transport=transport)
    return client, LifecareSource(client, MAPPING, key=b"k")


@pytest.mark.parametrize("name", READINGS)
async def test_one_odd_row_holds_up_no_other_row_of_its_list(name: str) -> None:
    model, reading, ids = READINGS[name]
    for broken in (odd_rows(model), random_rows(model, 800)):
        client, lifecare = source(model, *listed(model, broken))
        async with client:
            found = await reading(lifecare)
        assert {"1001", "1002"} <= ids(found), "the good rows count"
        items, problems = (found.items, found.problems) if isinstance(found, Window) else found
        assert problems, "and the others are told"
        assert storable([items, problems])
        keys = [text for p in problems for _, text in p.params] + [i.id for i in items if isinstance(i.id, str)]
        assert max(map(len, keys)) <= 2 * LONGEST_WORD


def platform(body: bytes) -> tuple[PhoniroClient, PhoniroSchedules]:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("token"):
            return httpx.Response(200, json={"access_token": "t", "token_type": "Bearer", "expires_in": 3600})
        return httpx.Response(200, content=b'{"items": ' + body + b', "nextCursor": null}')

    http = HttpSettings(per_second=1e6, attempts=1)
    client = PhoniroClient("http://phoniro.test", "id", "secret", settings=http, transport=httpx.MockTransport(answer))
    return client, PhoniroSchedules(client, MAPPING, lambda: NOW)


@pytest.mark.parametrize("rows", [odd_rows, lambda model: random_rows(model, 800)], ids=["each field", "at random"])
async def test_one_odd_look_or_schedule_holds_up_no_other(rows: Callable[[type[BaseModel]], list[str]]) -> None:
    client, phoniro = platform(listed(Supervision, rows(Supervision))[0])
    async with client:
        looks = await phoniro.supervisions(NOW, NOW)
    assert {"1001", "1002"} <= {look.id for look in looks.rows}
    assert looks.broken
    assert storable(looks.rows)

    client, phoniro = platform(listed(Schedule, rows(Schedule))[0])
    async with client:
        seen = [schedule async for page in phoniro.schedules() for schedule in page]
    good = [schedule for schedule in seen if isinstance(schedule, PlatformSchedule)]
    assert {"1001", "1002"} <= {schedule.id for schedule in good}
    broken = [schedule for schedule in seen if isinstance(schedule, BrokenSchedule)]
    assert len(seen) == len(good) + len(broken)
    assert all(row.problem for row in broken), "and the others are told"
    assert {"1", None} <= {row.id for row in broken}
    assert storable([replace(schedule, record=replace(schedule.record, times=None)) for schedule in good])
