"""What is wrong with a file that people edit: by key, and with the name that may have been meant."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_UNQUOTED = ("int_type", "float_type", "bool_type", "date_type", "time_type")
"""What TOML has a form of its own for; to a beginner the same in quotation marks looks right."""


class MappingError(Exception):
    """The mapping can't be used. Each fault is one line, ``file: key: reason``. Nothing runs until all are mended."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def faults_of(failure: ValidationError, model: type[BaseModel]) -> list[str]:
    """``key: reason`` for each fault that pydantic found. The value is never repeated."""
    return [_fault(error, model) for error in failure.errors(include_url=False)]


def twice(values: Mapping[str, object], what: str) -> list[str]:
    """A fault for each value that stands under more than one key."""
    first: dict[object, str] = {}
    faults = []
    for key, value in values.items():
        if not isinstance(value, str | int):
            continue
        if value in first:
            faults.append(f"{key}: the {what} {value} already stands at {first[value]}")
        first.setdefault(value, key)
    return faults


def _fault(error: ErrorDetails, model: type[BaseModel]) -> str:
    loc = [part for part in error["loc"] if part != "[key]"]
    key = ".".join(str(part) for part in loc)
    if error["type"] == "missing":
        return f"{key}: is missing: {_description(model, loc)}"
    if error["type"] == "extra_forbidden" or (error["type"] == "enum" and "[key]" in error["loc"]):
        return f"{key}: is unknown{nearest(str(loc[-1]), _names(model, loc[:-1]))}"
    message = error["msg"]
    if isinstance(error["input"], str) and error["type"] in _UNQUOTED:
        message += ", without quotation marks"
    return f"{key}: {message[0].lower()}{message[1:]}"


def nearest(name: str, known: Collection[str]) -> str:
    """The words for an unknown name: the known name that may have been meant, else all known names."""
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known here: {', '.join(known)}"


def _annotation(model: type[BaseModel], loc: Sequence[int | str]) -> Any:
    """The type of the value at ``loc``: a model, or the type of a table."""
    found: Any = model
    for part in loc:
        fields = found.model_fields if isinstance(found, type) and issubclass(found, BaseModel) else {}
        if part in fields:
            found = fields[str(part)].annotation
            found = next(
                (arg for arg in get_args(found) if isinstance(arg, type) and issubclass(arg, BaseModel)), found
            )
    return found


def _names(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    found = _annotation(model, loc)
    if isinstance(found, type) and issubclass(found, BaseModel):
        return list(found.model_fields)
    keys = next(iter(get_args(found)), None)
    return [str(key.value) for key in keys] if isinstance(keys, type) and issubclass(keys, Enum) else []


def _description(model: type[BaseModel], loc: Sequence[int | str]) -> str:
    parent = _annotation(model, loc[:-1])
    field = (
        parent.model_fields.get(str(loc[-1])) if isinstance(parent, type) and issubclass(parent, BaseModel) else None
    )
    return (field.description if field else None) or "it has no default"
