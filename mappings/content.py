"""What an act's content holds: read by its key, and refused where it can't be used."""

from adapter.domain.ledger import What


class WrongContent(ValueError):
    """An act's content lacks a key or holds a wrong value. The message names the key, and the template of a text; never
    the value."""


def whole(what: What, key: str) -> int | None:
    """A whole number; None if it isn't there, or is something else."""
    value = what.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
