"""``adapter demo``: three lives with simulated vendors."""

from typing import Annotated

import typer

from adapter.demo.play import play


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on running afterwards, until Ctrl-C, and say where.")
    ] = False,
) -> None:
    """Play three persons' lives with simulated vendors.

    Three invented persons, both vendors simulated, and the adapter in a process of its own; then the promises are
    checked on what happened. Needs no settings and no network, and takes under a minute. Exits with 0 only if every
    promise held.
    """
    raise typer.Exit(play(keep=keep))
