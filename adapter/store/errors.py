"""The store's errors. Their texts name tables and constraints, never a row's content (P8)."""

from sqlalchemy.exc import DataError, DBAPIError, OperationalError


class StoreError(Exception):
    """The database can't be used now. ``reason``: ``locked`` (all of it), ``held`` (by another adapter), ``contended``
    (some rows), ``full``, ``missing``, ``read_only``, ``corrupt``, ``unreachable``, ``schema``, ``driver``,
    ``key`` (another than the database's), ``content`` or ``other``.

    The transaction was rolled back, and the caller tries again at its next turn. ``after`` counts the transactions that
    succeeded before; it is the same for all errors of one outage.
    """

    def __init__(self, message: str, reason: str = "other") -> None:
        super().__init__(message)
        self.reason = reason
        self.after = 0


class Overtaken(Exception):
    """Another process has the lease now, or has changed the row. What was about to be written may no longer be true,
    and was not written. Drop the work: the other process does it."""


class OrderTaken(Exception):
    """An order belongs to one case only, and this one belongs to another case, which another process has just
    opened."""

    def __init__(self, tenant: str, order_id: str, ref: str) -> None:
        super().__init__(f"order {order_id} of {tenant} belongs to case {ref}; it was not linked to a second one")
        self.order_id = order_id
        self.ref = ref


_SQLITE = (
    (
        ("locked", "busy"),
        "locked",
        "is locked by another process. The adapter tries again by itself; look for a second adapter, a backup or a "
        "database shell that keeps the file open",
    ),
    (
        ("full", "disk i/o"),
        "full",
        "can't be written: the disk is full or failing. Nothing is sent to anybody until it can be, "
        "and the adapter tries again by itself; free space",
    ),
    (
        ("unable to open",),
        "missing",
        "can't be opened. Check that its folder exists and that the adapter's user may write to it",
    ),
    (
        ("readonly", "read-only"),
        "read_only",
        "is read-only for the adapter's user. Nothing is sent to anybody until it can be written; mend its permissions",
    ),
    (
        ("malformed", "not a database"),
        "corrupt",
        "is damaged. The adapter changes nothing in it; restore the last backup",
    ),
    (
        ("no such table", "no such column"),
        "schema",
        "has another schema than this version expects. Start the adapter (it migrates) or run its migrations",
    ),
)


def busy(name: str) -> StoreError:
    """For a transaction that waited half a minute for a connection, and got none."""
    return StoreError(
        f"database {name} is too slow: no connection to it was free for half a minute. The adapter tries again by "
        "itself; look for what keeps the server busy or its rows locked",
        "locked",
    )


def translate(error: DBAPIError, name: str) -> StoreError:
    """The store's own error for a driver's. ``name`` says which database, without a password."""
    orig = error.orig
    code = getattr(orig, "sqlstate", None)
    if isinstance(error, DataError):
        what = f"{type(orig).__name__} {code or ''}".strip()
        return StoreError(f"database {name} can't hold a value that it was given ({what})", "content")
    if code is None:
        text = str(orig).splitlines()[0] if str(orig) else ""
        for words, reason, what in _SQLITE:
            if any(w in text.lower() for w in words):
                return StoreError(f"database {name} {what} ({text})", reason)
        if error.connection_invalidated or (isinstance(error, OperationalError) and "sqlite" not in name):
            return StoreError(
                f"database {name} doesn't answer. The adapter tries again by itself; check the server and the network",
                "unreachable",
            )
        return StoreError(f"database {name} refused a statement ({type(orig).__name__}: {text})")
    return _postgres(orig, str(code), name)


def _postgres(orig: object, code: str, name: str) -> StoreError:
    # A message from PostgreSQL may quote a row's content, so only its code and the constraint's name are used.
    constraint = getattr(getattr(orig, "diag", None), "constraint_name", None)
    where = f"{type(orig).__name__} {code}" + (f", {constraint}" if constraint else "")
    if code.startswith(("40", "55")):
        return StoreError(f"database {name}: another process was in the way ({where}). It is tried again", "contended")
    if code.startswith("53"):
        return StoreError(
            f"database {name} is out of space, memory or connections ({where}). It is tried again", "full"
        )
    if code.startswith(("08", "57")) or code == "25P03":  # 25P03: it was idle within a transaction for too long
        return StoreError(f"database {name} went away ({where}). The adapter tries again by itself", "unreachable")
    if code in ("42P01", "42703"):
        return StoreError(f"database {name} has another schema than this version expects ({where}); migrate", "schema")
    return StoreError(f"database {name} refused a statement ({where})")
