"""``adapter demo``: sets the stage, plays the lives, shows what came of them, and checks the promises."""

from __future__ import annotations

import asyncio
import io
import signal
from contextlib import suppress
from datetime import UTC, datetime

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from adapter.demo.cast import STOCKHOLM
from adapter.demo.promises import Promise, check_promises
from adapter.demo.stage import DemoFailed, Stage
from adapter.demo.story import Played, Story
from adapter.demo.timeline import Timeline
from adapter.demo.vendors import Vendors
from adapter.demo.watch import Watch, wait_until
from adapter.presentation.case_page import case_list, case_page
from adapter.presentation.checklist import Checklist
from adapter.presentation.console import PLAIN_WIDTH, console
from adapter.presentation.words import Words
from mappings.calendar_se import holidays_between
from mappings.tables import load_mapping
from mappings.texts import Texts


def play(*, keep: bool) -> int:
    """Play; returns the exit code: 0 only if every promise was checked and held."""
    out = console()
    try:
        return asyncio.run(_play(Timeline(out), keep=keep))
    except DemoFailed as error:
        out.print(Text(f"\nDemot kunde inte fullföljas. {error}", style="bold red"))
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        out.print(Text("\nDemot avbröts, och dess processer är stoppade.", style="yellow"))
        return 130


async def _play(timeline: Timeline, *, keep: bool) -> int:
    stage = Stage()
    stage.clear()
    kept = False
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is not None:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        urls = await _set(stage, timeline)
        async with Vendors(urls["lifecare"], urls["phoniro"]) as vendors:
            watch = _watch(stage, timeline)
            try:
                await wait_until(lambda: _running(stage), lambda: "att adaptern startar", stage)
                timeline.say(f"{timeline.seconds:5.1f} s  Allt är igång.", "dim")
                played = await Story(vendors, watch, timeline).play()
                _show(played, watch, timeline)
                surfaces = {"adapterns logg": stage.log}
                promises = await check_promises(played, vendors, surfaces, _printed(played, watch))
            finally:
                watch.close()
        _tell(promises, timeline)
        kept = keep
        _where(stage, urls, played, timeline, keep=keep)
        return 0 if all(p.held for p in promises) else 1
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        if kept:
            stage.keep()
        else:
            await stage.stop()


async def _set(stage: Stage, timeline: Timeline) -> dict[str, str]:
    timeline.say("Trygghetskamera: tre påhittade personer, två simulerade leverantörer och adaptern.", "bold")
    timeline.say("Varje rad är något som hände: vem det gällde, rutinens steg, vem som gjorde det och vad.\n", "dim")
    urls = await stage.start_simulators()
    stage.write_settings(urls, datetime.now(UTC).astimezone(STOCKHOLM).date())
    await stage.start_adapter()
    return urls


def _watch(stage: Stage, timeline: Timeline) -> Watch:
    mapping = load_mapping(stage.mapping)
    year = datetime.now(UTC).year
    policy = mapping.policy(holidays_between(year - 1, year + 5))
    return Watch(stage, timeline, Words(Texts.load(), mapping.zone), policy)


async def _running(stage: Stage) -> bool:
    """Whether the adapter says that it runs: then its database is there."""
    with suppress(OSError):
        return '"service_started"' in stage.log.read_text(encoding="utf-8")
    return False


def _show(played: list[Played], watch: Watch, timeline: Timeline) -> None:
    """The first life's checklists side by side, and the balance of all three."""
    first = played[0].life
    timeline.chapter(f"Checklistan för {first.person.first_name}, {first.ref}")
    if first.file and first.file.decision:
        timeline.console.print(Padding(Checklist(first.file.decision.steps, watch.words), (1, 0, 0, 0)))
    timeline.chapter(watch.words.heading("balance"))
    timeline.console.print(Padding(_balance(played, watch.words), (1, 0, 0, 0)))


def _balance(played: list[Played], words: Words) -> Table:
    """Each pair of the symmetry, and how it went in each life: done and taken back, or never done."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column(words.heading("balance_in"))
    table.add_column(words.heading("balance_out"))
    for each in played:
        table.add_column(Text(each.life.person.first_name, style=each.life.person.colour), justify="center")
    tables = [{pair: (did, out) for pair, did, out in p.life.file.balance} if p.life.file else {} for p in played]
    for pair in tables[0]:
        cells = [_cell(*found.get(pair, (False, False))) for found in tables]
        table.add_row(words.say("pairs_in", pair), words.say("pairs_out", pair), *cells)
    acts = [str(sum(a.state.value == "done" for a in p.life.file.ledger.acts)) if p.life.file else "" for p in played]
    table.add_section()
    table.add_row(Text("åtgärder i liggaren", style="dim"), "", *(Text(n, style="dim") for n in acts))
    return table


def _cell(did: bool, out: bool) -> Text:
    if not did:
        return Text("–", style="dim")
    return Text("✓ ✓", style="green") if out else Text("✓ ✗", style="bold red")


def _printed(played: list[Played], watch: Watch) -> str:
    """What the case commands print, to be searched."""
    page = Console(file=io.StringIO(), width=PLAIN_WIDTH, force_terminal=False, markup=False)
    files = [p.life.file for p in played if p.life.file]
    page.print(case_list([file.case for file in files], watch.words, several=False))
    for file in files:
        page.print(case_page(file, watch.words, datetime.now(UTC)))
    written = page.file
    return written.getvalue() if isinstance(written, io.StringIO) else ""


def _tell(promises: list[Promise], timeline: Timeline) -> None:
    timeline.chapter("Löftena, prövade på det som hände")
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(width=2)
    table.add_column(ratio=1)
    for promise in promises:
        style = "green" if promise.held else "bold red"
        told = Text(promise.title, style="bold").append(f"\n{promise.how}", style="not bold dim")
        for wrong in promise.broken:
            told.append(f"\nBRUTET: {wrong}", style="bold red")
        table.add_row(Text("✓" if promise.held else "✗", style=style), Text(promise.name, style="bold"), told)
    timeline.console.print(Padding(table, (1, 0, 0, 0)))


def _where(stage: Stage, urls: dict[str, str], played: list[Played], timeline: Timeline, *, keep: bool) -> None:
    timeline.chapter("Att titta vidare på")
    rows = [
        ("logg", str(stage.log)),
        ("databas", str(stage.database)),
        ("inställningar", str(stage.config)),
        ("ett ärende", f"adapter case show {played[0].life.ref} --config {stage.config}"),
        ("alla ärenden", f"adapter case list --all --config {stage.config}"),
    ]
    if keep:
        rows += [("Lifecare", f"{urls['lifecare']}/admin/notes"), ("Phoniro", f"{urls['phoniro']}/admin/state")]
        rows += [("kontroll", f"adapter check --config {stage.config}")]
        rows += [("allt är igång", f"stoppa med: kill {' '.join(map(str, stage.pids))}")]
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(name, style="dim"), Text(value))
    timeline.console.print(Padding(Group(table), (1, 0, 0, 0)), soft_wrap=True)
    timeline.say(f"\nKlart på {timeline.seconds:.0f} sekunder.", "dim")
