"""``adapter resync list``, ``show`` and ``add``."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

import tomlkit
import typer
from rich.table import Table

from adapter.cli.failures import CANT_BEGIN, fail
from adapter.cli.open_service import command_settings, open_service
from adapter.cli.options import STOCKHOLM, ConfigOption, JsonOption, SinceOption, command_group, print_json
from adapter.engine.request_file import Resync, parse, read_request_file
from adapter.presentation.console import console, table
from adapter.store import requests
from adapter.store.requests import Item, ItemState, Request

app = command_group()


@app.command("list")
def list_resyncs(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the requests, and how far each has come.

    Also the requests in the file that weren't taken yet, or can't be used.
    """
    with open_service(config, "resync") as service:
        run = service.runtime.db.run_sync
        rows = run(requests.all_requests)
        counts = {(r.tenant, r.id): run(partial(requests.counts, tenant=r.tenant, id=r.id)) for r in rows}
        engine, served = service.settings.engine, list(service.tenants)
        files = [(path, read_request_file(path, served)) for path in (engine.resync_file, engine.adopt_file)]
    taken = {row.id for row in rows}
    waiting = [entry.key for _, file in files for _, entry in file.entries if entry.key not in taken]
    if as_json:
        refused = [str(refusal) for _, file in files for refusal in file.refusals]
        resyncs = [_as_json(row, counts[row.tenant, row.id]) for row in rows]
        print_json({"resyncs": resyncs, "not_taken_yet": waiting, "refused": refused})
        return
    out = console()
    out.print(
        _table(rows, counts) if rows else "No re-sync has been asked for yet. `adapter resync add --help` says how."
    )
    for key in waiting:
        out.print(f"{key}: in the file, not taken yet; the running adapter takes it within seconds.")
    for path, file in files:
        for refusal in file.refusals:
            out.print(f"✗ {path}: {refusal}", style="bold red")


def _table(rows: Sequence[Request], counts: Mapping[tuple[str, str], dict[str, int]]) -> Table:
    shown = table("id", "municipality", "scope", "mode", "asked by", "taken (UTC)", "state")
    for row in rows:
        asked, state = row.content, _state(row, counts[row.tenant, row.id])
        scope, mode, taken = asked.get("scope", row.kind), asked.get("mode", ""), f"{row.taken_at:%Y-%m-%d %H:%M}"
        shown.add_row(row.id, row.tenant, scope, mode, asked.get("who", ""), taken, state)
    return shown


def _state(row: Request, counts: Mapping[str, int]) -> str:
    found = sum(counts.values())
    left = counts.get(ItemState.LISTED, 0) + counts.get(ItemState.MARKED, 0)
    if row.report is not None:
        looked_at, acts, with_acts, failed = (row.report[n] for n in ("looked_at", "acts", "with_acts", "failed"))
        did = f"{acts} acts in {with_acts} of them" if acts else "nothing to do"
        return f"done: {looked_at} looked at, {did}" + (f", {failed} failed" if failed else "")
    if row.finished_at is not None:
        return f"refused: {row.error}" if row.error else "done"
    if row.error:
        return f"waits: {row.error}"
    step = row.position.get("step", "to begin")
    return f"{found - left} of {found}" if step == "work" else f"finding the cases ({step}); {found} so far"


def _as_json(row: Request, items: object) -> dict[str, Any]:
    return {
        "id": row.id,
        "tenant": row.tenant,
        "kind": row.kind,
        "request": row.content,
        "taken_at": row.taken_at,
        "finished_at": row.finished_at,
        "items": items,
        "report": row.report,
        "error": row.error,
    }


@app.command("show")
def show_resync(
    id: Annotated[str, typer.Argument(help="The request's id.", metavar="ID")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one request, case by case.

    What was done for each, or would be done (mode plan).
    """
    with open_service(config, "resync") as service:
        run = service.runtime.db.run_sync
        rows = run(partial(requests.all_requests, id=id))
        if not rows:
            raise fail(f"No re-sync {id} was taken. `adapter resync list` shows them all.")
        found = {row.tenant: run(partial(requests.items, tenant=row.tenant, id=id)) for row in rows}
    if as_json:
        told = {
            tenant: [{"item": i.item, "state": i.state, **i.told} for i in items] for tenant, items in found.items()
        }
        print_json([_as_json(row, told[row.tenant]) for row in rows])
        return
    out = console()
    for row in rows:
        counts = Counter(item.state.value for item in found[row.tenant])
        asked = row.content
        what = f"{asked['scope']}, {asked['mode']}" if "scope" in asked else row.kind
        out.print(f"{row.id} for {row.tenant}: {what}; {_state(row, counts)}", style="bold")
        out.print(asked.get("unreadable") or f"asked by {asked['who']}: {asked['why']}")
        for item in found[row.tenant]:
            out.print(f"  {item.item:<12} {item.state.value:<8} {_told(item)}")


def _told(item: Item) -> str:
    told = item.told
    if "why" in told or "opens" in told:
        return str(told.get("why") or told["opens"])
    parts = []
    if told.get("opened"):
        parts.append("opened or continued for an order that had none")
    if "phase" in told:
        was = told.get("was", told["phase"])
        parts.append(told["phase"] if was == told["phase"] else f"{was} → {told['phase']}")
    if "acts" in told:
        verb = "would do" if item.state is ItemState.PLANNED else "did"
        parts.append(f"{verb}: {', '.join(told['acts'])}" if told["acts"] else "nothing to do")
    if told.get("attention"):
        parts.append(f"for a person: {', '.join(told['attention'])}")
    return "; ".join(parts)


@app.command("add")
def add_resync(
    scope: Annotated[
        str, typer.Option(help="everything, tenant, since, cases, orders, open or parked; see config/resync.toml.")
    ],
    who: Annotated[str, typer.Option(help="Who asks: a role rather than a name.")],
    why: Annotated[str, typer.Option(help="Why; nothing personal.")],
    mode: Annotated[
        Literal["plan", "apply"], typer.Option(help="Only say what would be done, or do it as well.")
    ] = "plan",
    id: Annotated[str | None, typer.Option(help="An id never used before. Default: made of the time.")] = None,
    tenant: Annotated[str | None, typer.Option(help="The municipality, where there are several.")] = None,
    case: Annotated[list[str] | None, typer.Option(help="With scope cases; may be given more than once.")] = None,
    order: Annotated[list[str] | None, typer.Option(help="With scope orders; may be given more than once.")] = None,
    since: SinceOption = None,
    config: ConfigOption = None,
) -> None:
    """Write a request into the re-sync file.

    The running adapter takes it within seconds. The file's folder has to be there: without engine.resync_file it is
    `config` in the working directory, which has to be the running adapter's.

    For example: adapter resync add --scope since --since 2026-11-21 --who "IT on call" --why "the feed was down"
    """
    if since and since > datetime.now(STOCKHOLM).date():
        raise typer.BadParameter(f"--since {since} is still to come.")
    settings = command_settings(config)
    id = id or f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{scope}"
    keys = {"id": id, "scope": scope, "mode": mode, "tenant": tenant, "cases": case, "orders": order, "since": since}
    entry = {key: value for key, value in {**keys, "who": who, "why": why}.items() if value is not None}
    text = tomlkit.dumps({"resync": [entry]})
    file = settings.engine.resync_file.absolute()
    written = file.read_text(encoding="utf-8-sig") if file.exists() else ""
    tenants = list(settings.tenants)
    refusals = parse(text, tenants).refusals
    before = parse(written, tenants)
    if not refusals and any(request.id == id for request in before.of(Resync)):
        raise fail(f"{file} has a request {id} already; choose another --id.", CANT_BEGIN)
    if refusals:
        raise fail("\n".join(f"{r.key or 'the request'}: {r.reason}" for r in refusals), CANT_BEGIN)
    try:
        if not file.exists():
            file.touch(mode=0o644)  # for any umask: a file that others can write isn't read
        with file.open("a", encoding="utf-8") as out:
            out.write(("" if not written or written.endswith("\n") else "\n") + "\n" + text)
    except OSError as error:
        raise fail(
            f"{file} can't be written here ({error.strerror}), as in a container, or where engine.resync_file isn't "
            f"set and the adapter runs in another folder. In the file that it reads, add:\n\n{text}",
            CANT_BEGIN,
        ) from None
    typer.echo(f"{id}: written to {file}. `adapter resync show {id}` tells what comes of it.")
