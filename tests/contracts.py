"""The vendors' descriptions, which stand beside the checkout in ``shared``, and what is in them."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS31Validator

_CONTRACTS = Path(__file__).parents[2] / "shared" / "contracts"
LIFECARE, PHONIRO = _CONTRACTS / "lifecare-ec.swagger.json", _CONTRACTS / "phoniro.openapi.yaml"
NAMES = "WE.EC.Integration.Contracts."
needs_lifecare = pytest.mark.skipif(not LIFECARE.exists(), reason="the vendor's description is not here")
needs_phoniro = pytest.mark.skipif(not PHONIRO.exists(), reason="the contract is not kept with the code")

# Lifecare


@cache
def swagger() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(LIFECARE.read_text("utf-8"))
    return loaded


def definition(ref: str) -> dict[str, Any]:
    """What a reference names, or a name without ``NAMES``."""
    found: dict[str, Any] = swagger()["definitions"][NAMES + ref.removeprefix(f"#/definitions/{NAMES}")]
    return found


def row_of(path: str) -> str:
    """The reference to the rows of a list."""
    ref: str = swagger()["paths"][path]["get"]["responses"]["200"]["schema"]["items"]["$ref"]
    return ref


def has_feed(path: str) -> bool:
    """Whether a list takes ``gt`` and ``lt`` (L7)."""
    return {"gt", "lt"} <= {each["name"] for each in swagger()["paths"][path]["get"]["parameters"]}


def searchable(ref: str, *, nested: bool = True) -> dict[str, str]:
    """The fields of a definition that may stand in ``q``, and how their values are compared (L6)."""
    found: dict[str, str] = {}
    for field, about in definition(ref)["properties"].items():
        text = about.get("description", "")
        if "$ref" in about and nested:
            found |= {f"{field}.{each}": kind for each, kind in searchable(about["$ref"], nested=False).items()}
        elif "[Searchable" in text:
            found[field] = _kind(about, text)
    return found


def _kind(about: dict[str, Any], text: str) -> str:
    if "YYYYMMDD" in text:
        return "person"
    if about.get("format") == "date-time":
        return "date" if "yyyy-MM-dd" in text else "instant"
    return {"integer": "int", "number": "number", "boolean": "bool", "string": "text"}[about["type"]]


# Phoniro


@cache
def openapi() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(PHONIRO.read_text("utf-8"))
    return loaded


def place_of(path: str) -> tuple[str, tuple[str, ...]]:
    """The contract's path that a request's is, with the values of its parameters."""
    for known in sorted(openapi()["paths"], key=lambda one: "{" in one):
        if found := re.fullmatch(re.sub(r"\{\w+\}", "([^/]+)", known), path):
            return known, found.groups()
    raise AssertionError(f"the contract knows no {path}")


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """What a reference names; anything else as it is."""
    found: Any = openapi() if "$ref" in schema else schema
    for step in schema.get("$ref", "#").removeprefix("#").split("/")[1:]:
        found = found[step]
    assert isinstance(found, dict)
    return found


def hold(schema: dict[str, Any], value: object) -> None:
    """Fails if the value hasn't the schema's form."""
    whole = {**schema, "components": openapi()["components"]}
    OAS31Validator(whole, format_checker=OAS31Validator.FORMAT_CHECKER).validate(value)
