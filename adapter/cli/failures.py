"""How a command fails: in words on standard error, with an exit code, never with a traceback or a value (P8)."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC

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
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except typer.BadParameter as error:
        error.message = error.message.removeprefix("Value error, ")  # pydantic's, by which typer reads a choice
        raise
    except Exception as error:
        # Imported here, because these are half of the adapter and `adapter --help` doesn't need them.
        from adapter.settings.load import SettingsError
        from adapter.store.errors import StoreError
        from mappings.file_faults import MappingError

        if isinstance(error, SettingsError):
            raise fail(str(error), CANT_BEGIN) from None
        if isinstance(error, MappingError):
            faults = "\n".join(f"  - {fault}" for fault in error.faults)
            raise fail(f"The mapping can't be used. To mend:\n{faults}", CANT_BEGIN) from None
        if isinstance(error, StoreError):
            again = ". This command didn't wait: run it again then" if error.reason in ("locked", "contended") else ""
            raise fail(f"{error}{again}") from None
        if isinstance(error, OSError) and (error.filename or error.errno == ENOSPC):
            what = f"{error.filename} can't be read or written" if error.filename else "This can't be told to the end"
            raise fail(f"{what}: {error.strerror}.") from None
        raise


def tell_unexpected(error: BaseException) -> None:
    """An error that nobody expected: what and where, without values."""
    from adapter.observability import Redaction, render_error

    sys.stderr.write(
        "The adapter met an error that nobody expected. Nothing is lost; please report the lines below.\n"
        f"{Redaction().text(render_error(error))}\n"
    )
