"""A statement is compiled once in the life of the suite's process, and not once for each database that a test makes."""

from __future__ import annotations

from typing import Any


class CompiledOnce(dict[Any, Any]):
    """SQLAlchemy's ``compiled_cache`` for all engines of a kind: its keys begin with the engine's own dialect, of which
    every engine makes another one that says the same."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__((key[0].name, *key[1:]), compiled)
