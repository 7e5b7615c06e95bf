"""``adapter case`` and ``adapter plan``: what the adapter knows of cases, and would do for one."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from adapter.bootstrap import Service
from adapter.cli.failures import fail
from adapter.cli.open_service import open_service
from adapter.cli.options import CaseArgument, ConfigOption, JsonOption, command_group, print_json
from adapter.cli.output_files import write_file, write_pdf
from adapter.cli.who_reads import noted
from adapter.domain.decision import Decision, Phase
from adapter.domain.facts import Facts
from adapter.domain.unfulfilled import Listed
from adapter.domain.wall_clock import local_date
from adapter.engine.reconcile import preview
from adapter.ops.unsafe_supervision import SafetyChecks
from adapter.presentation import as_json as shapes
from adapter.presentation.case_cards import card, cards_page, unusable_card
from adapter.presentation.case_file import case_file, case_nights, find_case
from adapter.presentation.case_page import case_page, counted
from adapter.presentation.case_summary import CaseSummary
from adapter.presentation.console import console
from adapter.presentation.nights_page import as_json as nights_as_json
from adapter.presentation.nights_page import nights_page
from adapter.presentation.plan_page import plan_page
from adapter.presentation.printing import document_data
from adapter.presentation.unfulfilled_page import unfulfilled_csv, unfulfilled_json, unfulfilled_page
from adapter.presentation.visits_page import as_json as visits_as_json
from adapter.presentation.visits_page import case_visits
from adapter.store import cases, outbox
from adapter.store.cases import Case
from adapter.store.order_inbox import WaitingOrder, unusable_orders
from adapter.store.queries import unfulfilled_cases
from mappings.documents import CaseDocument
from mappings.texts import Texts

app = command_group()


def _phase(name: str) -> Phase:
    """By its code, or as the list shows it."""
    texts = Texts.load("sv")
    for phase in Phase:
        if name.casefold() in (phase.value, texts.say("phases", phase.value)):
            return phase
    known = ", ".join(f"{phase.value} ({texts.say('phases', phase.value)})" for phase in Phase)
    raise typer.BadParameter(f"there is no phase {name!r}; there are {known}.")


@app.command("list")
def list_cases(
    late: Annotated[
        bool, typer.Option("--late", help="Only cases with a step that is late, or that can't go on without a person.")
    ] = False,
    phase: Annotated[
        Phase | None,
        typer.Option(
            parser=_phase,
            metavar="PHASE",
            help="Only cases in this phase: preparing, active, paused, ending, closing or closed.",
        ),
    ] = None,
    unwatched: Annotated[
        bool, typer.Option("--unwatched", help="Only persons with a decision who are without supervision now, and why.")
    ] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Only cases by whose camera somebody can look who must not, and why.")
    ] = False,
    unfulfilled: Annotated[
        bool,
        typer.Option(
            "--unfulfilled", help="Only decisions not executed, or interrupted, for 60 days or more, and why."
        ),
    ] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="With --unfulfilled: the file to write the list to, for Excel.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Closed cases too.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the cases, with what each one awaits.

    Orders that can't be used have no case. They are listed at the end, with the reason, whatever else you choose.
    """
    if csv is not None and not unfulfilled:
        raise typer.BadParameter("--csv goes with --unfulfilled: the other lists have no file.")
    open_only = not everything and not unsafe and phase is not Phase.CLOSED
    with open_service(config) as service:
        if unfulfilled:
            _list_unfulfilled(service, csv, as_json=as_json)
            return
        tenants, now, why = tuple(service.tenants), service.runtime.clock.now(), dict[str, str]()

        def read(c: Connection) -> tuple[list[CaseSummary], list[tuple[str, WaitingOrder]]]:
            noted(c, service, "list")
            rows = [row for t in tenants for row in cases.all_cases(c, t, open_only=open_only, phase=phase)]
            for tenant in service.runtime.tenants.values() if unsafe else ():
                why.update(SafetyChecks().safety(c, tenant.name, tenant.policy, now).unsafe)
            # However the list is narrowed: they have neither step nor phase.
            return [*map(CaseSummary.of, rows)], [(t, order) for t in tenants for order in unusable_orders(c, t)]

        def wanted(s: CaseSummary) -> bool:
            overdue = s.late > 0 or s.parked
            return (s.without or not unwatched) and (not late or overdue) and (not unsafe or s.case.ref in why)

        found, orders = service.runtime.db.run_sync(read)
        found = sorted(filter(wanted, found), key=lambda s: (s.case.opened_at, s.case.ref))
        if as_json:
            unusable = [shapes.unusable_order(t, order, service.words[t]) for t, order in orders]
            rows = [shapes.case_summary(s) | ({"unsafe": why[s.case.ref]} if unsafe else {}) for s in found]
            print_json({"cases": rows, "orders_unusable": unusable})
            return
        words, several = service.words, len(tenants) > 1
        cards = [card(s, words[s.case.tenant], now, why.get(s.case.ref)) for s in found]
        out = console()
        out.print(cards_page(cards, several=several), counted(len(found), words[tenants[0]]))
        if orders:
            out.print("\n" + words[tenants[0]].heading("list_unusable"), style="bold red")
            out.print(cards_page((unusable_card(t, order, words[t], now) for t, order in orders), several=several))


def _list_unfulfilled(service: Service, csv: Path | None, *, as_json: bool) -> None:
    now = service.runtime.clock.now()

    def read(c: Connection) -> list[tuple[str, Listed]]:
        noted(c, service, "list")
        today = {name: local_date(now, tenant.policy.zone) for name, tenant in service.runtime.tenants.items()}
        return [(name, row) for name, day in today.items() for row in unfulfilled_cases(c, name, day)]

    rows, words = service.runtime.db.run_sync(read), next(iter(service.words.values()))
    if csv is not None:
        write_file(unfulfilled_csv(rows, words), csv)
    elif as_json:
        print_json({"unfulfilled": [unfulfilled_json(tenant, row) for tenant, row in rows]})
    else:
        console().print(unfulfilled_page(rows, words, several=len(service.tenants) > 1))


@app.command("show")
def show_case(case: CaseArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show one case: what is done, awaited and next.

    Each step with its evidence, what is awaited from whom and since when, what was done, and what comes next.
    """
    with open_service(config) as service:
        found = _found(service, case, "case")
        policy, now = service.runtime.tenants[found.tenant].policy, service.runtime.clock.now()
        file = service.runtime.db.run_sync(lambda c: case_file(c, found, policy, now))
        words = service.words[found.tenant]
        if as_json:
            print_json(shapes.case_details(file, words))
        else:
            console().print(case_page(file, words, now))


@app.command("document")
def write_document(
    case: CaseArgument,
    kind: Annotated[CaseDocument, typer.Option(help="Which document.")] = "bilaga-1",
    target: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write.")] = None,
    config: ConfigOption = None,
) -> None:
    """Write a document of a case as PDF.

    Bilaga 1 in two copies, or the checklist of the visit that installs (checklista) or collects (checklista-hamtning)
    the camera. Name and personal number are left blank, to be written by hand. A municipality can have its own
    templates in the folder `documents` beside its mapping.
    """
    with open_service(config) as service:
        found = _found(service, case, kind)
        policy, words = service.runtime.tenants[found.tenant].policy, service.words[found.tenant]
        now = service.runtime.clock.now()
        data = service.runtime.db.run_sync(lambda c: document_data(c, found, policy, now, words))
        if data is None:
            raise fail(f"There is no {kind} of {found.ref} yet: something of the case was never read. Try again later.")
        write_pdf(service.printers[found.tenant], kind, data, target or Path(f"{found.ref}-{kind}.pdf"))


def nights(case: CaseArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the last fourteen nights of a case, look by look.

    What is known of each look that was due.
    """
    with open_service(config) as service:
        found = _found(service, case, "nights")
        policy, now = service.runtime.tenants[found.tenant].policy, service.runtime.clock.now()
        shown = service.runtime.db.run_sync(lambda c: case_nights(c, found, outbox.ledger(c, found), policy, now))
        words = service.words[found.tenant]
        if as_json:
            print_json({"case": found.ref, "nights": nights_as_json(shown, words)})
        elif shown:
            console().print(nights_page(found.ref, shown, policy, words))
        else:
            typer.echo(words.heading("nights_never"))


def plan(case: CaseArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say what would be done for a case now, and why.

    Reads the case afresh; nothing is done or stored.
    """
    with open_service(config) as service:
        found = _found(service, case, "plan")
        try:
            decision, known = asyncio.run(_preview(service, found))
        except LookupError:
            raise fail(
                f"Something of case {found.ref} was never read and can't be read now, so there is no plan. "
                "`adapter check` says what is wrong; the adapter tries again by itself."
            ) from None
        words, policy = service.words[found.tenant], service.runtime.tenants[found.tenant].policy
        missing, now = service.tenants[found.tenant].mapping.reported_visits.missing, service.runtime.clock.now()
        ledger, visits = service.runtime.db.run_sync(
            lambda c: (outbox.ledger(c, found), case_visits(c, found, known.client.value, policy, now))
        )
        if as_json:
            print_json(shapes.plan_details(found, decision, known, words) | {"visits": visits_as_json(visits)})
            return
        console().print(plan_page(found, decision, ledger, words, now, visits, missing))


async def _preview(service: Service, case: Case) -> tuple[Decision, Facts]:
    try:
        return await preview(service.runtime, case)
    finally:
        await service.close_vendors()


def _found(service: Service, reference: str, what: str) -> Case:
    """The case. That somebody is about to see it is written down."""
    tenants = tuple(service.tenants)

    def find(c: Connection) -> Case | None:
        case = find_case(c, tenants, reference)
        if case is not None:
            noted(c, service, what, [case.tenant], case.ref)
        return case

    case = service.runtime.db.run_sync(find)
    if case is None:
        raise fail("There is no such case. `adapter case list --all` lists them all.")
    return case
