"""``adapter demo``: sets the stage, plays the lives, shows what came of them, and checks the promises."""

import asyncio
import io
import signal
from contextlib import aclosing
from datetime import UTC, datetime

import httpx
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from adapter.demo.night import play_night
from adapter.demo.observer import Life, Observer, Timeline, Vendors
from adapter.demo.persons import STOCKHOLM
from adapter.demo.promises import Promise, check_promises
from adapter.demo.stage import DemoFailed, Stage
from adapter.demo.story import Story
from adapter.presentation.case_page import case_list, case_page
from adapter.presentation.case_summary import CaseSummary
from adapter.presentation.checklist_page import Checklist
from adapter.presentation.console import PLAIN_WIDTH, console, table
from adapter.presentation.words import Words
from adapter.settings.load import load_settings
from mappings.mapping import load_mapping
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
    stage, kept = Stage(), False
    stage.clear()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is not None:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        timeline.say("Trygghetskamera: tre påhittade personer, två simulerade leverantörer och adaptern.", "bold")
        timeline.say(
            "Varje rad är något som hände: vem det gällde, rutinens steg, vem som gjorde det och vad.\n", "dim"
        )
        urls = await stage.start_simulators()
        stage.write_settings(urls, datetime.now(UTC).astimezone(STOCKHOLM).date())
        await stage.start_adapter()
        mapping = load_mapping(stage.mapping)
        policy = mapping.policy(datetime.now(UTC).year)
        observer = Observer(stage, timeline, Words(Texts.load(), mapping.zone), policy)
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http, aclosing(observer):
            vendors = Vendors(urls, http)
            # Once the adapter says that it runs, its database is there.
            await observer.until(lambda: '"service_started"' in stage.logged(), "att adaptern startar")
            timeline.say(f"{timeline.seconds:5.1f} s  Allt är igång.", "dim")
            lives = await Story(vendors, observer).play()
            _show(lives, observer)
            promises = await check_promises(lives, vendors, stage.logged(), _printed(lives, observer.words))
        promises.append(await play_night(timeline, load_settings(stage.config)))
        _tell(promises, timeline)
        _where(stage, urls, lives, timeline, keep=keep)
        kept = keep
        return 0 if all(p.held for p in promises) else 1
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        if kept:
            stage.keep()
        else:
            await stage.stop()


def _show(lives: list[Life], observer: Observer) -> None:
    """The first life's checklists side by side, and the balance of all three."""
    first, timeline, words = lives[0], observer.timeline, observer.words
    timeline.chapter(f"Checklistan för {first.person.first_name}, {first.ref}")
    if first.file and first.file.decision:
        timeline.console.print(Padding(Checklist(first.file.decision.steps, words, datetime.now(UTC)), (1, 0, 0, 0)))
    timeline.chapter(words.heading("balance"))
    timeline.console.print(Padding(_balance(lives, words), (1, 0, 0, 0)))


def _balance(lives: list[Life], words: Words) -> Table:
    """Each pair of the symmetry, and how it went in each life: done and taken back, or never done."""
    shown = table(words.heading("balance_in"), words.heading("balance_out"))
    for life in lives:
        shown.add_column(Text(life.person.first_name, style=life.person.colour), justify="center")
    found = [{pair: (did, out) for pair, did, out in life.file.balance} if life.file else {} for life in lives]
    for pair in found[0]:
        cells = [_cell(*each.get(pair, (False, False))) for each in found]
        shown.add_row(words.say("pairs_in", pair), words.say("pairs_out", pair), *cells)
    acts = [str(sum(act.state.value == "done" for act in life.acts)) for life in lives]
    shown.add_section()
    shown.add_row(Text("åtgärder i liggaren", style="dim"), "", *(Text(n, style="dim") for n in acts))
    return shown


def _cell(did: bool, out: bool) -> Text:
    if not did:
        return Text("–", style="dim")
    return Text("✓ ✓", style="green") if out else Text("✓ ✗", style="bold red")


def _printed(lives: list[Life], words: Words) -> str:
    """What the case commands print, to be searched."""
    written = io.StringIO()
    page = Console(file=written, width=PLAIN_WIDTH, force_terminal=False, markup=False)
    files = [life.file for life in lives if life.file]
    now = datetime.now(UTC)
    page.print(case_list([CaseSummary.of(file.case) for file in files], words, now, several=False))
    for file in files:
        page.print(case_page(file, words, now))
    return written.getvalue()


def _tell(promises: list[Promise], timeline: Timeline) -> None:
    timeline.chapter("Löftena, prövade på det som hände")
    rows = Table.grid(padding=(0, 1))
    rows.add_column(width=1)
    rows.add_column(width=3)
    rows.add_column(ratio=1)
    for promise in promises:
        style = "green" if promise.held else "bold red"
        told = Text(promise.title, style="bold").append(f"\n{promise.how}", style="not bold dim")
        for wrong in promise.broken:
            told.append(f"\nBRUTET: {wrong}", style="bold red")
        rows.add_row(Text("✓" if promise.held else "✗", style=style), Text(promise.name, style="bold"), told)
    timeline.console.print(Padding(rows, (1, 0, 0, 0)))


def _where(stage: Stage, urls: dict[str, str], lives: list[Life], timeline: Timeline, *, keep: bool) -> None:
    timeline.chapter("Att titta vidare på")
    rows = [
        ("logg", str(stage.log)),
        ("databas", str(stage.database)),
        ("inställningar", str(stage.config)),
        ("ett ärende", f"adapter case show {lives[0].ref} --config {stage.config}"),
        ("alla ärenden", f"adapter case list --all --config {stage.config}"),
        ("uppföljning", f"adapter followup --pdf uppfoljning.pdf --config {stage.config}"),
        ("en lathund", f"adapter guide coordinator -o lathund.pdf --config {stage.config}"),
    ]
    if keep:
        rows += [("statussida", f"http://127.0.0.1:{stage.port}/")]
        rows += [("Lifecare", f"{urls['lifecare']}/admin/notes"), ("Phoniro", f"{urls['phoniro']}/admin/state")]
        rows += [("kontroll", f"adapter check --config {stage.config}")]
        rows += [("allt är igång", f"stoppa med: kill {' '.join(map(str, stage.pids))}")]
    shown = Table.grid(padding=(0, 2))
    for name, value in rows:
        shown.add_row(Text(name, style="dim"), Text(value))
    timeline.console.print(Padding(shown, (1, 0, 0, 0)), soft_wrap=True)
    timeline.say(f"\nKlart på {timeline.seconds:.0f} sekunder.", "dim")
