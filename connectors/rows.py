"""Reads the rows of a vendor's lists. A fault in one row breaks only that row (P6)."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.json_values import word

M = TypeVar("M", bound=BaseModel)


class Wire(BaseModel):
    """The base of both vendors' models. Unknown fields are ignored, and no error shows a value (P8)."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", validate_by_name=True, validate_by_alias=True, hide_input_in_errors=True
    )


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that can't be used. ``faults`` are pairs of a field and what is wrong with it, never a value. ``raw`` is
    the row as it came, for its fingerprint; None if we may not see it (L11)."""

    id: str | None
    faults: tuple[tuple[str, str], ...]
    raw: Any = field(default=None, repr=False)

    @property
    def problem(self) -> str:
        """``field (fault), ...``."""
        return _in_words(self.faults)

    def says(self, name: str) -> str | None:
        """The value of a field, if it is an id, a code or a short word."""
        return word(self.raw.get(name)) if isinstance(self.raw, dict) else None


def read_row(model: type[M], raw: Any, *, id: str) -> M | BrokenRow:
    """The row as ``model``. ``id`` is the vendor's name of the field that holds the row's id."""
    try:
        return model.model_validate(raw)
    except Exception as failure:  # noqa: BLE001  # P6: an exception for one row concerns only that row
        faults = _faults(failure) if isinstance(failure, ValidationError) else (("row", type(failure).__name__),)
        return BrokenRow(word(raw.get(id)) if isinstance(raw, dict) else None, faults, raw)


def faults_of(failure: ValidationError) -> str:
    """``field (fault), ...``: never a value, which can be personal."""
    return _in_words(_faults(failure))


def _faults(failure: ValidationError) -> tuple[tuple[str, str], ...]:
    faults = failure.errors(include_url=False, include_context=False, include_input=False)[:5]
    return tuple((".".join(map(str, fault["loc"])) or "row", fault["type"]) for fault in faults)


def _in_words(faults: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name} ({fault})" for name, fault in faults)
