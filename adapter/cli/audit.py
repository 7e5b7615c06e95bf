"""``adapter audit``: who read what; whether the audit is as it was written; the audit as lines of JSON."""

import json
from collections.abc import Iterator
from datetime import date, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic_core import to_json
from sqlalchemy import Connection

from adapter.bootstrap import Service
from adapter.cli.failures import WRONG, fail
from adapter.cli.open_service import open_service
from adapter.cli.options import ConfigOption, FromOption, JsonOption, ToOption, command_group, in_order, print_json
from adapter.cli.who_reads import noted
from adapter.domain.wall_clock import day_end, day_start
from adapter.engine.audit_heads import head_of, readable_head
from adapter.presentation.console import console, table
from adapter.store import events, reads
from adapter.store.audit_chain import BEGAN, HEAD, Audit, Finding, Head
from adapter.store.events import Event
from adapter.store.reads import Read

app = command_group()

CaseOption = Annotated[str | None, typer.Option("--case", help="Only of this case, by its reference.")]


def span(first: date | None, last: date | None, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
    """The instants (UTC) from which, and before which, something happened on these local days."""
    in_order(first, last)
    return day_start(first, zone) if first else None, day_end(last, zone) if last else None


@app.command("reads")
def list_reads(
    case: CaseOption = None,
    first: FromOption = None,
    last: ToOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who read what, when and from where.

    On the status page and with the commands. It is kept for `audit_days` of the mapping. Looking at this list is noted
    too.
    """
    with open_service(config) as service:

        def find(c: Connection) -> list[Read]:
            found = []
            for name, tenant in service.runtime.tenants.items():
                since, until = span(first, last, tenant.policy.zone)
                found += reads.find(c, name, ref=case.upper() if case else None, since=since, until=until)
            noted(c, service, "reads")
            return found

        found = service.runtime.db.run_sync(find)
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("Nobody has read anything of these cases and days.")
        return
    shown = table("at (UTC)", "who", "what", "case", "from", "municipality")
    for read in found:
        shown.add_row(f"{read.at:%Y-%m-%d %H:%M:%S}", read.who, read.what, read.ref or "", read.place, read.tenant)
    console().print(shown)


@app.command()
def verify(
    heads: Annotated[
        list[Path] | None,
        typer.Option("--heads", help="Daily heads that were kept elsewhere: `engine.audit_heads`, or the log's lines."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that nobody changed the audit.

    Tells which events were changed, removed or added; exits with 1 if any was. Somebody who can recompute the hashes
    of the whole chain is found only with --heads; docs/security.md.
    """
    with open_service(config, "audit") as service:
        kept = _kept(heads or [])
        audits = [_verified(service, name, kept.get(name, [])) for name in service.tenants]
    if as_json:
        print_json(
            {
                audit.tenant: {
                    "events": audit.head.events,
                    "chains": audit.chains,
                    "heads_agree": audit.agreed,
                    "before_the_chain": audit.unchained,
                    "findings": audit.findings,
                }
                for audit in audits
            }
        )
    else:
        for audit in audits:
            typer.echo(_told(audit))
    if any(audit.findings for audit in audits):
        raise typer.Exit(WRONG)


def _verified(service: Service, name: str, kept: list[Head]) -> Audit:
    def beginning(c: Connection) -> tuple[list[Head], int]:
        # A head that was changed and can't be read is found like any other changed event.
        known = [head for event in events.named(c, name, HEAD) if (head := readable_head(event.data))]
        began = [up_to for event in events.named(c, name, BEGAN) if isinstance(up_to := event.data.get("up_to"), int)]
        # During an upgrade a replica of the version before may still have written events outside the chain.
        return known, max([*began, *(head.up_to for head in known[:1])]) if began else 0

    known, began = service.runtime.db.run_sync(beginning)
    audit = Audit(name, [*known, *kept], began)
    for event in _all(service, name):
        audit.take(event)
    audit.finish()
    return audit


def _all(service: Service, name: str, **asked: Any) -> Iterator[Event]:
    """Events, some at a time, so that the running adapter isn't held up."""
    last = 0
    while found := service.runtime.db.run_sync(partial(events.after, tenant=name, id=last, **asked)):
        yield from found
        last = found[-1].id


def _kept(files: list[Path]) -> dict[str, list[Head]]:
    """The heads in these files, by municipality. Other lines of a log are skipped."""
    found: dict[str, list[Head]] = {}
    for path in files:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise fail(f"{path} can't be read: not UTF-8 text.") from None
        before = sum(map(len, found.values()))
        for line in lines:
            try:
                told = json.loads(line)
                found.setdefault(str(told["tenant"]), []).append(head_of(told))
            except (ValueError, KeyError, TypeError):
                continue
        if sum(map(len, found.values())) == before:
            raise fail(f"{path} holds no head of the audit: give the file of engine.audit_heads, or the log as JSON.")
    return found


def _told(audit: Audit) -> str:
    lines = [f"{audit.tenant}: {audit.head.events} events in {audit.chains} chains; {audit.agreed} daily heads agree"]
    if audit.unchained:
        lines.append(f"  {audit.unchained} events up to {audit.began} are from before the chain; the heads hold them")
    lines += [f"  {_in_words(finding)}" for finding in audit.findings]
    return "\n".join(lines if audit.findings else [*lines, "  nothing was changed, removed or added"])


def _in_words(finding: Finding) -> str:
    if finding.what == "head":
        return f"up to event {finding.id} something was changed, removed or added: the head kept of them doesn't agree"
    told = {
        "changed": "was changed after it was written",
        "removed": "doesn't follow the one before it in its case: one or more between them were removed, or changed",
        "added": "was added: it has no place in the chain (or a version from before the chain ran beside this one)",
    }
    return f"event {finding.id} ({finding.ref or 'no case'}, {finding.name}) {told[finding.what]}"


@app.command()
def export(
    case: CaseOption = None, first: FromOption = None, last: ToOption = None, config: ConfigOption = None
) -> None:
    """Write the audit as lines of JSON.

    The oldest event comes first. Of one case, of some days, or all of it.
    """
    with open_service(config) as service:
        ref = case.upper() if case else None
        service.runtime.db.run_sync(lambda c: noted(c, service, "audit", ref=ref))
        told = False
        for name, tenant in service.runtime.tenants.items():
            since, until = span(first, last, tenant.policy.zone)
            for event in _all(service, name, ref=ref, since=since, until=until):
                typer.echo(to_json(event).decode())
                told = True
        if ref and not told:
            raise fail(f"Nothing in the audit of these days is about {ref}. `adapter case list --all` lists all cases.")
