"""Files that commands write."""

from collections.abc import Mapping
from pathlib import Path

import typer

from adapter.bootstrap import Service
from adapter.cli.failures import fail
from adapter.presentation.printing import Printer
from mappings.documents import DocumentError


def of_tenant(path: Path, tenant: str, service: Service) -> Path:
    """The file of one municipality; of several each has its name at the end of the file's."""
    return path.with_stem(f"{path.stem}-{tenant}") if len(service.tenants) > 1 else path


def write_pdf(printer: Printer, kind: str, data: Mapping[str, object], path: Path) -> None:
    """Print and write it. A template that can't be used is the command's failure."""
    try:
        content = printer.pdf(kind, data)
    except DocumentError as error:
        raise fail(str(error)) from None
    write_file(content, path)


def write_file(content: bytes, path: Path) -> None:
    """Write a file, with the folders above it, and say where. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    typer.echo(str(path))
