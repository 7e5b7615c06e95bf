"""The demo: it plays to the end, and its checks can find a broken promise."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.demo.observer import Life as Lived
from adapter.demo.persons import ASTRID, CECILIA, seed_for_trial
from adapter.demo.promises import Evidence, Promise, p3, p4, p7, p8
from adapter.demo.stage import DemoFailed, Stage
from adapter.domain.decide import balance
from adapter.domain.ledger import ActKind
from adapter.domain.situation import situation
from adapter.presentation.case_file import CaseFile
from adapter.store import cases
from adapter.store.database import Database
from connectors.mock.lifecare.notes import WrittenNote
from connectors.mock.lifecare.simulator import DEFAULT_KEY, SimulatedLifecare
from connectors.mock.phoniro.schemas import Customer, NewSchedule
from connectors.mock.phoniro.simulator import SimulatedPhoniro
from connectors.mock.routing import Received
from mappings.messages.render import mark
from tests.domain.life import POLICY, Life
from tests.mock.phoniro_client import new_schedule


@pytest.mark.process
def test_the_timeline_runs_to_its_end_and_every_promise_held(tmp_path: Path) -> None:
    """The whole demo, as ``make demo`` runs it. It is slow, because its processes and clocks are real."""
    done = subprocess.run(
        [sys.executable, "-m", "adapter", "demo"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for promise in ("P1", "P3", "P4", "P7", "P8", "P12"):
        assert f"✓ {promise}" in done.stdout
    assert done.stderr == ""
    told = " ".join(done.stdout.split())  # so that the terminal's width doesn't matter
    assert "Nattillsyn är inte gjord 22:30" in told
    assert "Rättelse: nattillsynen 22:30 är gjord" in told
    assert [at for at in ("22:30", "02:15", "05:00") if f"skriver till Lifecare: tillsynen {at}" in told] == [
        "22:30",
        "02:15",
    ]
    assert (tmp_path / "var/demo/adapter.log").exists()
    assert '"service_stopped"' in (tmp_path / "var/demo/adapter.log").read_text()


def note(text: str) -> WrittenNote:
    return WrittenNote(1, None, MUCH_LATER, ASTRID.person_id, 1, "plan", 7101, None, 9001, text)


def customer(**personal: str) -> Customer:
    known = {"externalId": "P-1", "organisationId": "hemtjanst-norr", "protectedIdentity": False}
    return Customer.model_validate({**known, **personal})


@pytest.fixture
def seen() -> Evidence:
    """The result of a life without any fault."""
    life = Life()
    life.begin()
    ended_at = life.now
    life.finish()
    database = Database("sqlite://")
    database.upgrade()
    row = database.run_sync(
        lambda c: cases.open_case(
            c,
            tenant="t",
            person_id="p",
            evidence_after=life.today,
            order_ids=["o1"],
            now=life.now,
        )
    )
    file = CaseFile(
        case=replace(row, phase=life.look().phase),
        ledger=life.ledger,
        decision=life.look(),
        balance=balance(situation(life.facts(), life.ledger, life.now, POLICY)),
        stale=(),
    )
    lived = Lived(ASTRID, "o1", 1, ref=row.ref, file=file, gates=[life.now], ended_at=ended_at)
    lived.hearsay_at, lived.active_after_hearsay = ended_at - timedelta(seconds=2), True
    phoniro = SimulatedPhoniro(lambda: ended_at)
    new = NewSchedule.model_validate_json(json.dumps(new_schedule(f"{row.ref}-1")))
    phoniro.write(phoniro.add_schedule(new), "ended", ended_at=ended_at)
    notes = [note(f"Hej. {mark(row.ref, a.mark)}") for a in life.ledger.acts if a.kind is ActKind.MESSAGE]
    found = Evidence([lived], [customer()], phoniro.schedules, notes, answers_lost=1)
    found.surfaces = {"log": f"case {row.ref} opened\n"}
    return found


def test_promises_hold_for_a_life_without_blemish(seen: Evidence) -> None:
    for check in (p3, p4, p7, p8):
        assert check(seen).broken == ()


def _not_balanced(seen: Evidence) -> None:
    life = seen.lives[0]
    assert life.file is not None
    life.file = replace(life.file, balance=(("schedule", True, False),))


def _log(seen: Evidence, line: str) -> None:
    seen.surfaces["log"] = line and seen.surfaces["log"] + line


NUMBER = f"{ASTRID.person_id[:8]}-{ASTRID.person_id[8:]}"
MUCH_LATER = datetime.now(UTC) + timedelta(days=9999)
LEAK = Received(MUCH_LATER, "PUT", "/c", {}, f'{{"lastName": "{CECILIA.last_name}"}}'.encode(), 200)
BREACHES: dict[str, tuple[Callable[[Evidence], Promise], Callable[[Evidence], Any]]] = {
    "ended by hearsay": (p3, lambda seen: setattr(seen.lives[0], "active_after_hearsay", False)),
    "ended before the authority said so": (p3, lambda seen: setattr(seen.lives[0], "ended_at", MUCH_LATER)),
    "a note twice": (p4, lambda seen: seen.notes.append(seen.notes[0])),
    "a note of somebody unknown": (p4, lambda seen: seen.notes.append(note("Hej. [TK-ZZZZZZ/01]"))),
    "a schedule twice": (p4, lambda seen: seen.schedules.append(seen.schedules[0])),
    "nothing was lost": (p4, lambda seen: setattr(seen, "answers_lost", 0)),
    "a schedule goes on": (p7, lambda seen: seen.schedules[0].versions.pop()),
    "a person left behind": (p7, lambda seen: seen.customers.append(customer(lastName="Provbergius"))),
    "not balanced": (p7, _not_balanced),
    "a number in the log": (p8, lambda seen: _log(seen, f"read {NUMBER}\n")),
    "a name in the log": (p8, lambda seen: _log(seen, "PROVBERGIUS\n")),
    "the key in the log": (p8, lambda seen: _log(seen, f"key={DEFAULT_KEY}\n")),
    "an empty log": (p8, lambda seen: _log(seen, "")),
    "a protected street in a message": (p8, lambda seen: seen.notes.append(note(CECILIA.street))),
    "a protected name at Phoniro": (p8, lambda seen: seen.phoniro_received.append(LEAK)),
}


@pytest.mark.parametrize(("check", "spoil"), BREACHES.values(), ids=BREACHES.keys())
def test_a_broken_promise_is_found(
    seen: Evidence, check: Callable[[Evidence], Promise], spoil: Callable[[Evidence], Any]
) -> None:
    spoil(seen)
    assert check(seen).broken


def test_a_demo_begins_anew_and_is_not_emptied_by_another_while_it_runs(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "demo")
    with stage.empty():
        (stage.folder / "secrets").mkdir()
        stage.log.write_text("running")
        with pytest.raises(DemoFailed, match="Ett annat demo är igång"), Stage(stage.folder).empty():
            pass
        assert stage.logged() == "running"
    with stage.empty():
        assert list(stage.folder.iterdir()) == []


def test_a_process_that_dies_ends_the_demo(tmp_path: Path) -> None:
    async def die() -> None:
        stage = Stage(tmp_path)
        stage.adapter = await asyncio.create_subprocess_exec(sys.executable, "-c", "raise SystemExit(3)")
        await stage.adapter.wait()
        stage.check_alive()

    with pytest.raises(DemoFailed, match="kod 3"):
        asyncio.run(die())


def test_the_trial_has_an_order_for_everybody() -> None:
    lifecare = SimulatedLifecare(lambda: datetime.now(UTC))
    seed_for_trial(lifecare, datetime.now(UTC))
    assert len(lifecare.tables["orders"].rows) == 3
    assert lifecare.row("clients", CECILIA.person_id)["ProtectedRegistration"] is True
