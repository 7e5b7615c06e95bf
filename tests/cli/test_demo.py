"""The demo: it plays to the end, and its promises are checked by something that can find them broken."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.demo.cast import ASTRID, CECILIA, seed_for_trial
from adapter.demo.promises import Evidence, p3, p4, p7, p8
from adapter.demo.stage import DemoFailed, Stage
from adapter.demo.story import Played
from adapter.demo.watch import Life as Watched
from adapter.domain.decide import balance
from adapter.domain.ledger import ActKind
from adapter.domain.situation import situation
from adapter.presentation.case_file import CaseFile
from adapter.store import cases
from adapter.store.database import Database
from connectors.mock.lifecare import DEFAULT_KEY, SimulatedLifecare
from mappings.messages import mark
from tests.domain.life import POLICY, Life


@pytest.mark.process
def test_the_timeline_runs_to_its_end_and_every_promise_held(tmp_path: Path) -> None:
    """The whole thing, as ``make demo`` runs it."""
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
    for promise in ("P1", "P3", "P4", "P7", "P8"):
        assert f"✓ {promise}" in done.stdout
    assert done.stderr == ""
    assert (tmp_path / "var/demo/adapter.log").exists()
    assert '"service_stopped"' in (tmp_path / "var/demo/adapter.log").read_text()


@pytest.fixture
def seen() -> Evidence:
    """What a life without any blemish leaves behind."""
    life = Life()
    life.order()
    life.execute()
    life.prepare()
    life.go()
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
            rng=random.Random(7),
        )
    )
    file = CaseFile(
        case=replace(row, phase=life.look().phase),
        ledger=life.ledger,
        decision=life.look(),
        balance=balance(situation(life.facts(), life.ledger, life.now, POLICY)),
        facts_read_at=life.now,
        stale=(),
    )
    watched = Watched(ASTRID, "o1", row.ref, file)
    played = Played(watched, {"I1": life.now}, ended_at, True, ended_at - timedelta(seconds=2))
    schedule = {"externalReference": f"{row.ref}-1", "status": "ended"}
    notes = [{"text": f"Hej. {mark(row.ref, a.n)}"} for a in life.ledger.acts if a.kind is ActKind.MESSAGE]
    found = Evidence([played], {"customers": [{"externalId": "P-1"}], "schedules": [schedule]}, notes)
    found.answers_lost = 1
    found.surfaces = {"log": f"case {row.ref} opened\n"}
    return found


def test_promises_hold_for_a_life_without_blemish(seen: Evidence) -> None:
    for check in (p3, p4, p7, p8):
        assert check(seen).broken == ()


def _note_twice(seen: Evidence) -> None:
    seen.notes.append(seen.notes[0])


def _note_of_somebody_unknown(seen: Evidence) -> None:
    seen.notes.append({"text": "Hej. [TK-ZZZZZZ/01]"})


def _schedule_twice(seen: Evidence) -> None:
    seen.schedules.append(seen.schedules[0])


def _nothing_was_lost(seen: Evidence) -> None:
    seen.answers_lost = 0


def _schedule_goes_on(seen: Evidence) -> None:
    seen.schedules[0]["status"] = "active"


def _person_left_behind(seen: Evidence) -> None:
    seen.customers[0]["lastName"] = "Provbergius"


def _not_balanced(seen: Evidence) -> None:
    life = seen.played[0].life
    assert life.file is not None
    life.file = replace(life.file, balance=(("schedule", True, False),))


def _ended_by_hearsay(seen: Evidence) -> None:
    seen.played[0].active_after_hearsay = False


def _ended_before_the_authority_said_so(seen: Evidence) -> None:
    seen.played[0].ended_at = datetime.now(UTC) + timedelta(days=9999)


def _number_in_log(seen: Evidence) -> None:
    seen.surfaces["log"] += f"read {ASTRID.person_id[:8]}-{ASTRID.person_id[8:]}\n"


def _name_in_log(seen: Evidence) -> None:
    seen.surfaces["log"] += "PROVBERGIUS\n"


def _key_in_log(seen: Evidence) -> None:
    seen.surfaces["log"] += f"key={DEFAULT_KEY}\n"


def _empty_log(seen: Evidence) -> None:
    seen.surfaces["log"] = ""


def _protected_street_in_a_message(seen: Evidence) -> None:
    seen.notes[0]["text"] += CECILIA.street


def _protected_name_at_phoniro(seen: Evidence) -> None:
    seen.phoniro_received.append({"method": "PUT", "path": "/c", "body": f'{{"lastName": "{CECILIA.last_name}"}}'})


@pytest.mark.parametrize(
    ("check", "spoil"),
    [
        (p3, _ended_by_hearsay),
        (p3, _ended_before_the_authority_said_so),
        (p4, _note_twice),
        (p4, _note_of_somebody_unknown),
        (p4, _schedule_twice),
        (p4, _nothing_was_lost),
        (p7, _schedule_goes_on),
        (p7, _person_left_behind),
        (p7, _not_balanced),
        (p8, _number_in_log),
        (p8, _name_in_log),
        (p8, _key_in_log),
        (p8, _empty_log),
        (p8, _protected_street_in_a_message),
        (p8, _protected_name_at_phoniro),
    ],
)
def test_a_broken_promise_is_found(
    seen: Evidence, check: Callable[[Evidence], Any], spoil: Callable[[Evidence], None]
) -> None:
    spoil(seen)
    assert check(seen).broken


def test_a_kept_demo_is_not_emptied_under_its_processes(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "demo")
    stage.clear()
    (stage.folder / "running.json").write_text(f"[{os.getpid()}]")
    with pytest.raises(DemoFailed, match=str(os.getpid())):
        stage.clear()
    (stage.folder / "running.json").write_text("not written to the end")
    stage.clear()
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
