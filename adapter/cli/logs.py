"""``adapter logs explain``: the log's JSON lines as the story of each case.

It is in English, as the log and its catalogue are, so that a sentence's event can be found there. ``adapter case show``
tells of a case in the routine's own Swedish words.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from adapter.cli.failures import CANT_BEGIN, fail
from adapter.cli.options import command_group
from adapter.presentation.console import console
from adapter.presentation.log_story import Line, stories

app = command_group()


@app.command()
def explain(
    case: Annotated[str | None, typer.Option(help="Only this case, where the log holds several.")] = None,
    zone: Annotated[str, typer.Option(help="The time zone to tell times in.")] = "Europe/Stockholm",
) -> None:
    """Turn JSON log lines into the story of each case.

    They are read from standard input.

    For example: journalctl -u adapter -o cat | adapter logs explain --case TK-7F3K2M
    """
    try:
        known = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise fail(f"There is no time zone {zone!r}; one is Europe/Stockholm.", CANT_BEGIN) from None
    told = 0
    out = console()
    for story in stories(json_lines(sys.stdin), known):
        if case is None or story.case == case.upper():
            told += 1
            out.print(story.title, style="bold")
            for line in story.lines:
                out.print(f"  {line}", style=_style(line))
            out.print("")
    if not told:
        raise fail(f"No line of the log is about {case or 'any case'}. It reads the adapter's JSON lines.")


def _style(line: Line) -> str:
    return {"error": "bold red", "warning": "yellow"}.get(line.level, "")


def json_lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The log lines among what comes. A prefix before the first brace (Docker's, syslog's) is skipped."""
    for text in lines:
        begin = text.find("{")
        if begin < 0:
            continue
        try:
            value = json.loads(text[begin:])
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("event"), str):
            yield value
