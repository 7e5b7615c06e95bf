"""``adapter times check``: what the adapter would make of a note's text. It needs no settings, and keeps nothing."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from adapter.cli.options import STOCKHOLM, JsonOption, command_group, print_json
from adapter.domain.nights import NightWindow, TimesProblem
from adapter.domain.times_reading import try_times
from adapter.presentation.words import Words
from mappings.texts import Texts

app = command_group()


@app.command("check", context_settings={"ignore_unknown_options": True})
def check_times(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note's text, plain or RTF.")],
    heading: Annotated[
        Literal["agreed", "changed"], typer.Option(help="Whether it stands under agreed or changed times.")
    ] = "agreed",
    granted: Annotated[int | None, typer.Option(help="How many looks a night were granted.", min=0)] = None,
    as_json: JsonOption = False,
) -> None:
    """Say which nights and times a note's text gives.

    Nothing is stored. The night lasts from 21:00 to 07:00. If the adapter would refuse the text, the command says why
    and exits with 1.
    """
    today = datetime.now(UTC).astimezone(STOCKHOLM).date()
    words = Words(Texts.load())
    trial = try_times(words.visible(text), NightWindow(), today, changed=heading == "changed", granted=granted)
    if isinstance(trial, TimesProblem):
        reason = words.say("times", trial.code, **trial.params)
        if as_json:
            print_json({"refused": trial.code, "reason": reason})
        else:
            typer.echo(reason)
        raise typer.Exit(1)
    if as_json:
        print_json({"nights": trial.times.to_json(), "from": trial.start})
        return
    if trial.start:
        typer.echo(f"från och med {trial.start}:")
    for night, told in words.nights(trial):
        typer.echo(f"{night}: {told}")
