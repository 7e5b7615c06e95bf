"""How a command fails: in words on standard error, with an exit code, never with a traceback or a value (P8)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

WRONG = 1
CANT_BEGIN = 2
UNEXPECTED = 70


def fail(message: str, code: int = WRONG) -> typer.Exit:
    """Say it on standard error; the caller raises what comes back."""
    typer.echo(message, err=True)
    return typer.Exit(code)


@contextmanager
def failures_in_words() -> Iterator[None]:
    """Turn what a command may expect to go wrong into a message and an exit code."""
    from adapter.settings import SettingsError
    from adapter.store.errors import StoreError
    from mappings.faults import MappingError

    try:
        yield
    except SettingsError as error:
        raise fail(str(error), CANT_BEGIN) from None
    except MappingError as error:
        faults = "\n".join(f"  - {fault}" for fault in error.faults)
        raise fail(f"The mapping can't be used. To mend:\n{faults}", CANT_BEGIN) from None
    except StoreError as error:
        raise fail(str(error)) from None


def tell(error: BaseException) -> None:
    """An error that nobody expected: what and where, without values."""
    from adapter.observability import Redaction, render_error

    sys.stderr.write(
        "The adapter met an error that nobody expected. Nothing is lost; please report the lines below.\n"
        f"{Redaction().text(render_error(error))}\n"
    )
