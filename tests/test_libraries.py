"""Libraries are used as their manuals show: without their private names, and only if they are named in the
dependencies."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = ("adapter", "connectors", "mappings")
FILES = [path for room in OURS for path in sorted((ROOT / room).rglob("*.py"))]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

DOCUMENTED = {"_replace", "_asdict", "_fields", "_mapping", "_exit"}
"""Names of named tuples, of SQLAlchemy's rows and of ``os`` that are public in spite of their underscore."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("_") and name not in DOCUMENTED


@cache
def defined(folder: Path) -> frozenset[str]:
    """The names that are defined in a folder of ours, because classes of one kind share their private names."""
    nodes = [node for path in folder.glob("*.py") for node in ast.walk(tree(path))]
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    return frozenset(own)


def private_reads(path: Path) -> Iterator[str]:
    """Private names of an instance or a module that are read here, and that no file in this folder defines."""
    nodes, own = ast.walk(tree(path)), defined(path.parent)
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(OURS):
            yield from (alias.name for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            yield node.attr


def private_overrides(path: Path) -> Iterator[str]:
    """Private names of a library's class that a class of ours overrides."""
    classes = [node.name for node in tree(path).body if isinstance(node, ast.ClassDef) and node.bases]
    module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts)) if classes else None
    for name in classes:
        bases = getattr(module, name).__mro__
        ours = {each for base in bases if base.__module__.startswith(OURS) for each in vars(base)}
        theirs = {each for base in bases if not base.__module__.startswith(OURS) for each in vars(base)}
        yield from (f"{name}.{each}" for each in ours & theirs - _GENERATED if is_private(each))


_GENERATED = {"_abc_impl", "_is_protocol", "_is_runtime_protocol"}
"""Names that Python itself puts into each class."""


def test_no_private_attribute_of_a_library_is_read_or_overridden() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in FILES
        for name in (*private_reads(path), *private_overrides(path))
    }
    assert found == set()


def test_whatever_is_imported_is_declared() -> None:
    named = re.compile(r"[A-Za-z0-9._-]+")
    wanted = PROJECT["dependencies"]
    declared = {_plain(match[0]) for each in wanted if (match := named.match(each))}
    provided = packages_distributions()
    imported = {name.partition(".")[0] for path in FILES for node in ast.walk(tree(path)) for name in _imported(node)}
    others = imported - sys.stdlib_module_names - set(OURS)
    undeclared = {name for name in others if not declared & {_plain(each) for each in provided.get(name, ())}}
    assert undeclared == set()


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def test_the_packages_that_the_client_asked_for_are_what_their_work_is_done_by() -> None:
    """The jobs' scheduler, the retries around a call and others may not be replaced by our own code."""
    files = [*FILES, *sorted((ROOT / "tests").rglob("*.py"))]
    imported = {name.partition(".")[0] for path in files for node in ast.walk(tree(path)) for name in _imported(node)}
    assert imported >= {"httpx", "tenacity", "apscheduler", "pydantic_settings", "respx", "structlog"}
