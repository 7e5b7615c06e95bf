"""``adapter demo``: sets the stage, plays the lives, shows what came of them, and checks the promises."""

import asyncio
import io
import signal
from contextlib import closing
from datetime import UTC, datetime

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from adapter.demo.night import play_night
from adapter.demo.observer import Life, Observer, Timeline
from adapter.demo.persons import STOCKHOLM
from adapter.demo.promises import Promise, check_promises
from adapter.demo.stage import DemoFailed, Stage
from adapter.demo.story import Story
from adapter.presentation.case_cards import card, cards_page
from adapter.presentation.case_page import case_page
from adapter.presentation.case_summary import CaseSummary
from adapter.presentation.checklist_page import Checklist
from adapter.presentation.console import PLAIN_WIDTH, console, table
from adapter.presentation.words import Words
from adapter.settings.load import load_settings
from connectors.mock.serve import RunningSimulators, running_simulators
from mappings.mapping import load_mapping
from mappings.texts import Texts


def play(*, keep: bool) -> int:
    """Play; returns the exit code: 0 only if every promise was checked and held."""
    out, stage = console(), Stage()
    try:
        with stage.empty():
            return asyncio.run(_play(Timeline(out), stage, keep=keep))
    except DemoFailed as error:
        out.print(Text(f"\nDemot kunde inte fullföljas. {error}", style="bold red"))
        return 1
    except asyncio.CancelledError:
        out.print(Text("\nDemot avbröts, och dess processer är stoppade.", style="yellow"))
        return 130


async def _play(timeline: Timeline, stage: Stage, *, keep: bool) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        timeline.say("Trygghetskamera: tre påhittade personer, två simulerade leverantörer och adaptern.", "bold")
        timeline.say(
            "Varje rad är något som hände: vem det gällde, rutinens steg, vem som gjorde det och vad.\n", "dim"
        )
        async with running_simulators() as vendors:
            stage.write_settings(vendors, datetime.now(UTC).astimezone(STOCKHOLM).date())
            await stage.start_adapter()
            mapping = load_mapping(stage.mapping)
            observer = Observer(
                stage, timeline, Words(Texts.load(), mapping.zone), mapping.policy(datetime.now(UTC).year)
            )
            with closing(observer.database):
                # Once the adapter says that it runs, its database is there.
                await observer.until(lambda: '"service_started"' in stage.logged(), "att adaptern startar")
                timeline.say(f"{timeline.seconds:5.1f} s  Allt är igång.", "dim")
                lives = await Story(vendors, observer).play()
                _show(lives, observer)
                promises = check_promises(lives, vendors, stage.logged(), _printed(lives, observer.words))
            promises.append(await play_night(timeline, load_settings(stage.config)))
            _tell(promises, timeline)
            _where(stage, vendors, lives, timeline, keep=keep)
            if keep:
                await _interrupted(loop)
        return 0 if all(p.held for p in promises) else 1
    finally:
        await stage.stop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def _interrupted(loop: asyncio.AbstractEventLoop) -> None:
    """Until Ctrl-C or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


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
    page.print(cards_page((card(CaseSummary.of(file.case), words, now) for file in files), several=False))
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


def _where(stage: Stage, vendors: RunningSimulators, lives: list[Life], timeline: Timeline, *, keep: bool) -> None:
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
        rows += [("Lifecare", f"{vendors.lifecare_url}/admin/notes"), ("Phoniro", f"{vendors.phoniro_url}/admin/state")]
        rows += [("kontroll", f"adapter check --config {stage.config}")]
        rows += [("allt är igång", "tills det stoppas med Ctrl-C")]
    shown = Table.grid(padding=(0, 2))
    for name, value in rows:
        shown.add_row(Text(name, style="dim"), Text(value))
    timeline.console.print(Padding(shown, (1, 0, 0, 0)), soft_wrap=True)
    timeline.say(f"\nKlart på {timeline.seconds:.0f} sekunder.", "dim")
