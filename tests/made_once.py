"""Makes once for each process of the suite what every database of a test would make again: its compiled statements, and
the tables of a database in memory."""

import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine

from adapter.store.database import Database


class CompiledOnce(dict[Any, Any]):
    """SQLAlchemy's ``compiled_cache`` for all engines of a kind. Its keys begin with the engine's dialect, and every
    engine makes its own, equal one."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__((key[0].name, *key[1:]), compiled)


_COMPILED = CompiledOnce()
_upgrade: Callable[[Database], None] = Database.upgrade
_tables: list[sqlite3.Connection] = []


def engine(*given: Any, execution_options: dict[str, Any], **named: Any) -> Engine:
    """``create_engine``, with the statements that other engines have compiled."""
    return create_engine(*given, execution_options={"compiled_cache": _COMPILED, **execution_options}, **named)


def upgrade(db: Database) -> None:
    """``Database.upgrade``, but it copies the tables of the first database in memory to all later ones."""
    if not db.memory or db.schema()[0] is not None:
        _upgrade(db)
        return
    empty = db._engine.raw_connection().dbapi_connection
    assert isinstance(empty, sqlite3.Connection)
    if _tables:
        _tables[0].backup(empty)
        return
    _upgrade(db)
    _tables.append(sqlite3.connect(":memory:", check_same_thread=False))
    empty.backup(_tables[0])
