"""The canonical model's values as JSON text and back."""

from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from adapter.domain.decision import Decision
from adapter.domain.facts import Absence, AuthorityDecision, Client, Execution, FactProblem, Note, Order, ServicePlan
from adapter.domain.ledger import ScheduleRecord
from adapter.store.errors import StoreError

T = TypeVar("T")


class Codec(Generic[T]):
    """How values of one kind are stored; ``what`` names them in errors."""

    def __init__(self, kind: Any, what: str) -> None:
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)
        self._what = what

    def dump(self, value: T) -> str:
        return self._adapter.dump_json(value).decode()

    def load(self, text: str) -> T:
        """Raises ``StoreError`` for what this version can't read."""
        try:
            return self._adapter.validate_json(text)
        except ValidationError as e:
            # pydantic's own text quotes the input, which may be personal (P8).
            places = ", ".join(sorted({".".join(map(str, d["loc"])) for d in e.errors(include_input=False)})[:5])
            raise StoreError(
                f"this version can't read the stored {self._what} (at {places}). If it comes from a vendor, it is read "
                f"from there again; otherwise run the version that wrote it",
                "content",
            ) from None


RESOURCES: dict[str, Codec[Any]] = {
    name: Codec(kind, name)
    for name, kind in {
        "orders": tuple[Order, ...],
        "decisions": tuple[AuthorityDecision, ...],
        "executions": tuple[Execution, ...],
        "client": Client,
        "absences": tuple[Absence, ...],
        "notes": tuple[Note, ...],
        "plans": tuple[ServicePlan, ...],
    }.items()
}
"""The resources of a case's facts, by their names in ``Facts``."""

EXTRA = frozenset({"plans"})
"""Resources that are read only for some municipalities. Nothing waits for them."""

PROBLEMS: Codec[tuple[FactProblem, ...]] = Codec(tuple[FactProblem, ...], "problems")
SCHEDULE: Codec[ScheduleRecord] = Codec(ScheduleRecord, "schedule")
DECISION: Codec[Decision] = Codec(Decision, "decision")
