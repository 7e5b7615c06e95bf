"""Every code that the pages show has words, and the pages work for any case."""

import io
import json
from dataclasses import replace
from datetime import UTC, date, timedelta

import pytest
from rich.console import Console, RenderableType

from adapter.domain.decide import balance
from adapter.domain.facts import Signal
from adapter.domain.ledger import Act, ActKind, ActState
from adapter.domain.situation import situation
from adapter.presentation.case_page import balance_table, ledger_table
from adapter.presentation.checklist_page import Checklist
from adapter.presentation.console import console, table
from adapter.presentation.history import history
from adapter.presentation.words import Words
from adapter.store.events import Event
from mappings.texts import Texts
from tests.domain.life import POLICY, START, STOCKHOLM, Life

WORDS = Words(Texts.load(strict=True), STOCKHOLM)
"""Strict: a code without words is an error here."""


def shown(page: RenderableType, width: int = 132) -> str:
    out = Console(file=io.StringIO(), width=width, force_terminal=False)
    out.print(page)
    file = out.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_every_pair_of_the_symmetry_has_words_for_both_ways() -> None:
    life = Life()
    life.order()
    pairs = {pair for pair, _, _ in balance(situation(life.facts(), life.ledger, life.now, POLICY))}
    assert pairs == set(WORDS.texts.sections["pairs_in"]) == set(WORDS.texts.sections["pairs_out"])


def test_a_whole_life_can_be_shown_at_every_step() -> None:
    life = Life()
    life.order()
    pages = [life.go()]
    life.execute()
    pages.append(life.go())
    life.prepare(keys=False)
    pages.append(life.go())
    life.note(Signal.KEYS_COLLECTED)
    pages.append(life.go())
    life.note(Signal.CONSENT_WITHDRAWN)
    pages += [life.go(), life.finish()]
    told = ""
    for decision in pages:
        told = shown(Checklist(decision.steps, WORDS, life.now))
        assert told.count("\n") >= len(decision.steps) // 2
        for code in decision.waiting:
            assert WORDS.say("waiting", code)
        for notice in decision.attention:
            assert WORDS.attention(notice)
    assert "12/12" in told
    assert "7/7" in told
    assert "återstår" not in shown(
        balance_table(balance(situation(life.facts(), life.ledger, life.now, POLICY)), WORDS, ongoing=False)
    )


def test_every_act_of_a_life_is_shown_in_words() -> None:
    life = Life()
    life.begin()
    life.finish()
    told = shown(ledger_table(life.ledger.acts, WORDS))
    for act in life.ledger.acts:
        assert f"{act.n:02d} " in told
    assert "lägg in e-tillsyn i Phoniro" in told
    assert "uppdrag att hämta kameran → larmgruppen" in told


def test_an_error_of_an_act_is_shown_beside_it() -> None:
    what = {"letter": "install", "to": "alarm_team"}
    act = Act(1, "k", ActKind.MESSAGE, ActState.PARKED, what, START, attempts=4, error="headlineId is not active")
    told = shown(ledger_table([act], WORDS))
    assert "! väntar på hjälp" in told
    assert "headlineId is not active" in told
    assert "Fel" not in shown(ledger_table([replace(act, error=None)], WORDS))


def test_acts_and_events_are_told_in_one_order_each_act_once() -> None:
    def act(n: int, state: ActState, done: int | None) -> Act:
        at = START + timedelta(hours=done) if done is not None else None
        return Act(n, f"k{n}", ActKind.END, state, {}, START, done_at=at, attempts=n)

    def event(n: int, name: str, hours: int, **data: str) -> Event:
        return Event(n, "TK-1", START + timedelta(hours=hours), name, data, None)

    acts = [act(1, ActState.DONE, 3), act(2, ActState.PENDING, None)]
    events = [
        event(1, "case.opened", 0, orders="4711"),
        event(2, "act.wanted", 0, key="k1"),
        event(3, "case.phase", 2, **{"from": "active", "to": "ending"}),
        event(4, "act.done", 3, key="k1"),
    ]
    told = [(entry.number, entry.state, entry.text) for entry in history(acts, events, WORDS)]
    assert told == [
        ("02", "… ska göras efter 2 försök", "avsluta e-tillsyn i Phoniro"),
        ("01", "✓ gjort", "avsluta e-tillsyn i Phoniro"),
        ("", "", "Läget gick från aktivt till avslutas."),
        ("", "", "Ärendet öppnades för beställning 4711."),
    ]


def test_a_table_in_a_narrow_terminal_cuts_no_word() -> None:
    rows = table("Ärende", "Läge")
    rows.add_row("TK-7F3K2M", "beställningen verkställs inte")
    told = "".join(shown(rows, width=20).split())
    assert "…" not in told
    assert "tällningen" in told


def test_a_late_step_says_how_late() -> None:
    life = Life()
    life.order()
    life.go()
    decision = life.wait(days=30)
    assert "lyft vidare · väntar på koordinatorn i 4 veckor" in shown(Checklist(decision.steps, WORDS, life.now))


def test_instants_are_told_in_local_time() -> None:
    assert WORDS.when(START.replace(tzinfo=UTC)) == "2 mars 2026 09:00"
    assert WORDS.when(START + timedelta(days=120)) == "30 juni 2026 10:00"
    assert WORDS.day(date(2026, 10, 25)) == "25 okt 2026"


def test_what_is_scheduled_is_told_in_words() -> None:
    life = Life()
    life.order(last=date(2026, 6, 30))
    life.execute()
    life.prepare()
    life.go()
    [create] = [w for w in life.sent if w.kind is ActKind.CREATE]
    told = WORDS.schedule_detail(create.what)
    assert (
        told == "Varje natt: 22:30, 02:15 och 05:00 (3 tillsyner) · från och med 2 mars 2026 till och med 30 juni 2026"
    )
    assert json.loads(str(create.what["times"]))
    assert WORDS.schedule_detail({"to": "alarm_team"}) == ""


def test_what_is_piped_has_neither_colours_nor_blanks_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    life = Life()
    life.order()
    out = io.StringIO()
    console(out).print(Checklist(life.go().steps, WORDS, life.now))
    assert "\x1b" not in out.getvalue()
    assert [line for line in out.getvalue().splitlines() if line != line.rstrip()] == []
    assert "VÄGEN UT" in out.getvalue().splitlines()[0]
