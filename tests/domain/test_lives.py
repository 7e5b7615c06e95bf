"""Whole lives, drawn at random: any facts in any order, while time passes, with duplicates and corrections."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.domain.decision import Phase
from adapter.domain.facts import Absence, OrderStatus, ServiceKind, Signal
from adapter.domain.ledger import ScheduleStatus
from tests.domain.life import EXECUTION, Life

TIMES = ["22.30, 02:15 och 05.00", "kl 23 och 03", "mån-fre 23:00 03:00; lör-sön 00:30 04:30", "ring dottern"]


Event = Callable[[Life, random.Random], object]


def _note(signal: Signal) -> Event:
    return lambda life, rng: life.note(signal, rng.choice(TIMES))


def _drop_note(life: Life, rng: random.Random) -> None:
    if life.notes:
        life.notes.pop(rng.choice(sorted(life.notes)))


def _order_status(life: Life, rng: random.Random) -> None:
    life.set_order(status=rng.choice([OrderStatus.WILL_NOT_BE_EXECUTED, OrderStatus.ACCEPTED, OrderStatus.SENT]))


def _absence(life: Life, rng: random.Random) -> None:
    first = life.today + timedelta(days=rng.randint(-2, 3))
    last = rng.choice([None, first + timedelta(days=rng.randint(0, 4))])
    life.absences[rng.randint(1, 3)] = Absence(1, first, last, deleted=rng.random() < 0.1, gone=rng.random() < 0.2)


def _renew(life: Life, rng: random.Random) -> None:
    if "o2" not in life.orders:
        life.order("o2", first=life.today + timedelta(days=rng.randint(-1, 20)))
    elif rng.random() < 0.7:
        life.execute("o2", 701)


def _stale(life: Life, rng: random.Random) -> None:
    life.stale ^= {rng.choice(["orders", "decisions", "executions", "client", "absences", "notes"])}


def _execution(life: Life, rng: random.Random) -> None:
    if EXECUTION in life.executions:
        last = rng.choice([None, life.today - timedelta(days=1), life.today + timedelta(days=2)])
        life.set_execution(last_day=last, gone=rng.random() < 0.2)


def _services(life: Life, rng: random.Random) -> None:
    if len(life.orders) < 5:
        life.other_service(rng.choice([ServiceKind.OTHER, ServiceKind.ALARM]))


def _move(life: Life, rng: random.Random) -> None:
    if EXECUTION in life.executions:
        life.set_execution(unit_id=rng.choice([5, 6]))


def _declare(life: Life, rng: random.Random) -> None:
    note_id = life.note(rng.choice(list(Signal)))
    life.notes[note_id] = replace(life.notes[note_id], by="koordinator Norra")


def _book(life: Life, rng: random.Random) -> None:
    life.note(Signal.INSTALLATION_BOOKED, day=life.today + timedelta(days=rng.randint(-1, 5)))


EVENTS: list[Event] = [
    *[_note(signal) for signal in Signal],
    lambda life, rng: life.execute(),
    lambda life, rng: life.prepare(),
    _book,
    _book,
    _drop_note,
    lambda life, rng: life.decide_dates(last=life.today + timedelta(days=rng.randint(-3, 6))),
    lambda life, rng: life.decide_dates(last=None),
    _order_status,
    _absence,
    lambda life, rng: life.absences.clear(),
    _renew,
    _stale,
    lambda life, rng: life.stale.clear(),
    _execution,
    _services,
    lambda life, rng: life.set_decision(deleted=rng.random() < 0.3, gone=rng.random() < 0.3),
    lambda life, rng: life.set_client(deceased=rng.random() < 0.3),
    lambda life, rng: life.set_client(protected=rng.random() < 0.5, details=f"p{rng.randint(1, 9)}"),
    lambda life, rng: life.set_client(client_id=None, gone=rng.random() < 0.5),
    lambda life, rng: life.set_client(client_id=11, gone=False),
    lambda life, rng: life.set_client(active=rng.random() < 0.5, deregistered=rng.choice([None, "emigrated"])),
    lambda life, rng: life.set_order(gone=rng.random() < 0.5),
    lambda life, rng: life.decide_dates(first=life.today + timedelta(days=rng.randint(-3, 6))),
    _move,
    _declare,
    lambda life, rng: life.set_client(details=f"d{rng.randint(1, 9)}"),
    lambda life, rng: life.wait(hours=rng.choice([1, 5, 11])),
    lambda life, rng: life.wait(days=rng.choice([1, 2, 9])),
]

drawn_lives = st.lists(st.integers(0, len(EVENTS) - 1), max_size=25)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn_lives, st.integers(0, 2**16))
def test_whatever_happens_in_whatever_order_the_promises_hold_and_every_life_ends_balanced(
    events: list[int], seed: int
) -> None:
    """P1 to P4 are checked after every step (``Life.check``), P7 once the authority has ended it and all is done."""
    rng = random.Random(seed)
    life = Life().order()
    for event in events:
        EVENTS[event](life, rng)
        if rng.random() < 0.7 and life.go().phase is Phase.CLOSED:
            return
    settle(life)


def settle(life: Life) -> None:
    """Everything can be read again, the authority ends every order, and people do what they are asked to do."""
    life.stale.clear()
    life.set_client(client_id=11, gone=False)
    for number, each in life.decisions.items():
        life.decisions[number] = replace(each, deleted=True, gone=False)
    life.go()
    live = life.ledger.schedule
    assert live is None or live.status is ScheduleStatus.ENDED, "somebody can still look after the end (P2)"
    life.noted(Signal.EQUIPMENT_COLLECTED).go()
    for number, execution in life.executions.items():
        life.executions[number] = replace(execution, last_day=life.today, gone=False)
    decision = life.wait(hours=1)
    assert decision.phase is Phase.CLOSED, (decision.phase, [w.key for w in decision.wanted], decision.attention)
    assert decision.balanced, life.letters()


GATES: list[Callable[[Life], object]] = [
    lambda life: life.execute(),
    lambda life: life.note(Signal.TIMES_AGREED, TIMES[0]),
    lambda life: life.note(Signal.KEYS_COLLECTED),
    lambda life: life.note(Signal.CONSENT_SIGNED),
    lambda life: life.note(Signal.LIABILITY_SIGNED),
    lambda life: life.note(Signal.READY_FOR_START),
    lambda life: life.note(Signal.INSTALLATION_BOOKED),
    lambda life: life.note(Signal.APPENDIX_SIGNED),
]


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(len(GATES))), st.sets(st.integers(0, len(GATES) - 1)))
def test_the_order_in_which_things_come_true_does_not_matter_to_what_comes_of_it(
    order: list[int], pauses: set[int]
) -> None:
    """I11: the same schedule, the same letters, the same acts."""
    life = Life().order()
    for position, gate in enumerate(order):
        GATES[gate](life)
        if position in pauses:
            life.go()
    assert life.go().phase is Phase.ACTIVE
    assert life.schedule.valid_from == life.today
    assert sorted(life.letters()) == ["install", "plan", "received", "started", "times"]
    assert life.platform() == ["put_person", "create"]
