"""The canonical model's values as JSON text and back."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from adapter.domain.decision import Decision
from adapter.domain.facts import Absence, AuthorityDecision, Client, Execution, FactProblem, Note, Order, ServicePlan
from adapter.domain.ledger import ScheduleRecord
from adapter.store.errors import StoreError

T = TypeVar("T")

RESOURCES: dict[str, TypeAdapter[Any]] = {
    "orders": TypeAdapter(tuple[Order, ...]),
    "decisions": TypeAdapter(tuple[AuthorityDecision, ...]),
    "executions": TypeAdapter(tuple[Execution, ...]),
    "client": TypeAdapter(Client),
    "absences": TypeAdapter(tuple[Absence, ...]),
    "notes": TypeAdapter(tuple[Note, ...]),
    "plans": TypeAdapter(tuple[ServicePlan, ...]),
}
"""What the facts of a case consist of, by the name they have in ``Facts``."""

EXTRA = frozenset({"plans"})
"""What is read for some municipalities only, and what nothing waits for."""

_PROBLEMS = TypeAdapter(tuple[FactProblem, ...])
_RECORD = TypeAdapter(ScheduleRecord)
_DECISION = TypeAdapter(Decision)


def _load(adapter: TypeAdapter[T], text: str, what: str) -> T:
    try:
        return adapter.validate_json(text)
    except ValidationError as e:
        # pydantic's own text quotes the input, which may be personal (P8).
        places = ", ".join(sorted({".".join(map(str, d["loc"])) for d in e.errors(include_input=False)})[:5])
        raise StoreError(
            f"the stored {what} can't be read by this version (at {places}); it is read afresh from its source where "
            f"there is one, otherwise run the version that wrote it",
            "content",
        ) from None


def dump_fact(resource: str, value: object) -> str:
    """``resource`` is one of ``RESOURCES`` (``KeyError`` otherwise)."""
    return RESOURCES[resource].dump_json(value).decode()


def load_fact(resource: str, text: str) -> object:
    return cast(object, _load(RESOURCES[resource], text, resource))


def dump_problems(problems: Iterable[FactProblem]) -> str:
    return _PROBLEMS.dump_json(tuple(problems)).decode()


def load_problems(text: str | None) -> tuple[FactProblem, ...]:
    return _load(_PROBLEMS, text, "problems") if text else ()


def dump_record(record: ScheduleRecord) -> str:
    return _RECORD.dump_json(record).decode()


def load_record(text: str) -> ScheduleRecord:
    return _load(_RECORD, text, "schedule")


def dump_decision(decision: Decision) -> str:
    """For display. What it wanted is left out: the acts themselves are stored."""
    return _DECISION.dump_json(replace(decision, wanted=())).decode()


def load_decision(text: str) -> Decision:
    return _load(_DECISION, text, "decision")


def draw(rng: random.Random, alphabet: str, length: int) -> str:
    """A random code. In service ``rng`` is a ``random.SystemRandom``; a simulation gives a seeded one."""
    return "".join(rng.choice(alphabet) for _ in range(length))


def chunks(values: Iterable[T], size: int = 500) -> Iterable[Sequence[T]]:
    """Slices small enough for one ``IN`` list (SQLite's oldest limit is 999 parameters)."""
    rows = list(values)
    for i in range(0, len(rows), size):
        yield rows[i : i + size]
