"""P11: nobody with a decision in force is without supervision in silence, whatever happens and in whatever order.

These tests find such persons only from the facts and from Phoniro, without the routine's own code.
"""

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adapter.domain.decision import Decision, Phase
from adapter.domain.facts import OrderStatus
from adapter.domain.ledger import ActKind, ScheduleStatus
from adapter.domain.pauses import PAUSES
from adapter.domain.policy import Lateness
from adapter.domain.schedule import absence_bounds
from tests.domain.life import POLICY, Life
from tests.domain.test_lives import EVENTS

SHORT = Lateness(1, 2, 4)
STEPS = ("I4", "I5", "I6", "I7", "I8", "I9", "I10", "A1", "A4", "A5", "A6")
WATCHED = replace(
    POLICY,
    night_units=frozenset({None}),
    late=dict.fromkeys((*STEPS, *(cause for cause, pause in PAUSES.items() if pause.mends)), SHORT),
)
SILENCE = timedelta(days=7)
"""Four working days over a weekend, and one more. Within this time somebody is told, and told again."""
NOT_THAT = {
    *("plan", "plan_void", "started", "night_started", "resumed", "night_resumed", "hold_over", "by_hand_done"),
    *("times", "times_changed", "dates_changed", "fewer_granted", "moved", "renumbered", "deregistered"),
    *("install", "stay", "keys", "collect", "cancel", "end_heard"),
}
"""Letters that don't tell that a person is without supervision."""


class Watchful(Life):
    """A life in which each moment without supervision is compared with what people were told."""

    def __init__(self) -> None:
        super().__init__(policy=WATCHED)
        self.without_since: datetime | None = None
        self.told_at = self.now
        self.was_running = False

    @property
    def granted(self) -> bool:
        """Whether a decision grants supervision today, by an order that counts."""
        for order_id in self.chain:
            order = self.orders[order_id]
            decision = self.decisions[self.decision_of(order_id)]
            days = [(x.first_day, x.last_day) for x in (order, decision)]
            if any((first and self.today < first) or (last and last < self.today) for first, last in days):
                continue
            if order.status in (OrderStatus.SENT, OrderStatus.ACCEPTED) and not decision.deleted:
                return True
        return False

    @property
    def running(self) -> bool:
        live = self.ledger.schedule
        return live is not None and live.status is ScheduleStatus.OPEN and self.looks_possible(live)

    @property
    def excused(self) -> bool:
        """The person is dead or away (an absence without an end has its own question), or nothing can be known."""
        bounds = [absence_bounds(a, self.policy) for a in self.absences.values() if not a.deleted]
        away = any(start <= self.now and (end is None or self.now < end) for start, end in bounds)
        return self.client.deceased or away or bool(self.stale)

    def go(self) -> Decision:
        before = len(self.sent)
        self._no_silence()
        decision = super().go()
        words = [w for w in self.sent[before:] if w.kind in (ActKind.MESSAGE, ActKind.MAIL)]
        spoken = [w for w in words if str(w.what.get("letter") or w.what.get("mail")) not in NOT_THAT]
        if spoken:
            self.told_at = self.now
        if self.running or self.excused or not self.granted or decision.phase is Phase.CLOSED:
            self.without_since = None
        elif self.without_since is None:
            self.without_since = self.now
            assert spoken or not self.was_running, f"stopped in silence: {decision.attention}"
            assert decision.unwatched is not None, "not listed"
            self.told_at = self.now
        else:
            assert decision.unwatched is not None, "not listed"
        self.was_running = self.running
        return decision

    def _no_silence(self) -> None:
        if self.without_since is not None and self.granted and not self.excused:
            silent = self.now - self.told_at
            assert silent <= SILENCE, f"{silent} of silence until {self.now}, without since {self.without_since}"


@pytest.mark.parametrize("seed", range(30))
def test_in_no_life_is_anybody_without_supervision_in_silence(seed: int) -> None:
    rng, life = random.Random(seed), Watchful()
    life.order()
    if seed % 4:
        life.begin()
    for _ in range(rng.randint(2, 12)):
        rng.choice(EVENTS)(life, rng)
        if life.go().phase is Phase.CLOSED:
            return
    life.stale.clear()
    life.wait(days=40)
