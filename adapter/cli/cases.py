"""``adapter case list``, ``adapter case show`` and ``adapter plan``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import Connection

from adapter.bootstrap import Service
from adapter.cli.failures import CANT_BEGIN, fail
from adapter.cli.opening import reading, words_of
from adapter.domain.decision import Decision, Phase
from adapter.domain.facts import Facts
from adapter.engine.reconcile import preview
from adapter.presentation import as_json as shapes
from adapter.presentation.case_file import case_file, find_case
from adapter.presentation.case_page import case_list, case_page, held_list, lateness
from adapter.presentation.console import console
from adapter.presentation.plan_page import plan_page
from adapter.store import cases, outbox
from adapter.store.cases import Case
from adapter.store.held import Held, held


def list_cases(config: Path | None, *, late: bool, phase: str | None, everything: bool, as_json: bool) -> None:
    wanted = _phase(phase)
    open_only = not everything and wanted is not Phase.CLOSED
    with reading(config) as service:
        tenants = tuple(service.tenants)

        def read(c: Connection) -> tuple[list[Case], list[tuple[str, Held]]]:
            found = [row for t in tenants for row in cases.all_cases(c, t, open_only=open_only, phase=wanted)]
            # Whatever the list is narrowed to: they have neither step nor phase, and would be in no list at all.
            return found, [(t, order) for t in tenants for order in held(c, t)]

        found, orders = service.runtime.db.run_sync(read)
        found = sorted((row for row in found if not late or lateness(row)), key=lambda row: (row.opened_at, row.ref))
        if as_json:
            unusable = [shapes.held_order(t, order, words_of(service, t)) for t, order in orders]
            _print_json({"cases": [shapes.case_summary(row) for row in found], "orders_held": unusable})
            return
        words, several = words_of(service, tenants[0]), len(tenants) > 1
        console().print(case_list(found, words, several=several))
        if orders:
            console().print(held_list(orders, words, several=several))


def show_case(config: Path | None, reference: str, *, as_json: bool) -> None:
    with reading(config) as service:
        case = _found(service, reference)
        policy, now = service.runtime.tenants[case.tenant].policy, service.runtime.clock.now()
        file = service.runtime.db.run_sync(lambda c: case_file(c, case, policy, now))
        words = words_of(service, case.tenant)
        if as_json:
            _print_json(shapes.case_details(file, words))
        else:
            console().print(case_page(file, words, now))


def plan_case(config: Path | None, reference: str, *, as_json: bool) -> None:
    with reading(config) as service:
        case = _found(service, reference)
        try:
            decision, known = asyncio.run(_preview(service, case))
        except LookupError:
            raise fail(
                f"Something of case {case.ref} was never read yet and can't be read now, so there is no plan. "
                "`adapter check` says what is wrong; the adapter tries again by itself."
            ) from None
        words = words_of(service, case.tenant)
        if as_json:
            _print_json(shapes.plan_details(case, decision, known, words))
            return
        ledger = service.runtime.db.run_sync(lambda c: outbox.ledger(c, case))
        console().print(plan_page(case, decision, ledger, words, service.runtime.clock.now()))


async def _preview(service: Service, case: Case) -> tuple[Decision, Facts]:
    parts = service.tenants[case.tenant]
    try:
        return await preview(service.runtime, case)
    finally:
        await parts.lifecare.aclose()
        await parts.phoniro.aclose()


def _phase(name: str | None) -> Phase | None:
    try:
        return None if name is None else Phase(name.lower())
    except ValueError:
        known = ", ".join(phase.value for phase in Phase)
        raise fail(f"There is no phase {name!r}; there are {known}.", CANT_BEGIN) from None


def _found(service: Service, reference: str) -> Case:
    tenants = tuple(service.tenants)
    case = service.runtime.db.run_sync(lambda c: find_case(c, tenants, reference))
    if case is None:
        raise fail("There is no such case. `adapter case list --all` lists them all.")
    return case


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
