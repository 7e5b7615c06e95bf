"""``decide`` never raises an exception, whatever the facts. What a person must mend becomes attention."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as HypothesisPhase
from hypothesis import strategies as st

from adapter.domain.decide import decide
from adapter.domain.facts import (
    Absence,
    AuthorityDecision,
    Client,
    Execution,
    FactProblem,
    Facts,
    Note,
    Order,
    OrderStatus,
    Read,
    ServiceKind,
    ServiceLine,
    Signal,
)
from adapter.domain.ledger import ActState
from adapter.domain.nights import Granted
from tests.domain.life import POLICY, START, Life

TODAY = START.date()
ODD = [date.min, date(1, 1, 2), date(1899, 12, 31), date(2026, 3, 29), date(2026, 10, 25), date(9999, 12, 30), date.max]
days = st.none() | st.integers(-40, 40).map(lambda n: TODAY + timedelta(days=n)) | st.sampled_from(ODD)
some_day = days.map(lambda d: d or TODAY)
instants = st.integers(-2000, 2000).map(lambda n: START + timedelta(hours=n))
ids = st.integers(1, 3)
texts = st.sampled_from(
    ["22:30, 02:15", "", "ring dottern", "mån-fre 23:00 03:00; lör-sön 00:30", "24:99", "\x00", "9" * 500]
)

lines = st.builds(
    ServiceLine,
    kind=st.sampled_from(ServiceKind),
    decision_id=st.none() | ids,
    first_day=days,
    last_day=days,
    granted=st.none() | st.builds(Granted, st.none() | st.integers(1, 4)),
)
orders = st.builds(
    Order,
    id=st.sampled_from(["o1", "o2", "o3"]),
    status=st.sampled_from(OrderStatus),
    order_date=some_day,
    first_day=days,
    last_day=days,
    execution_id=st.none() | ids,
    unit_id=st.none() | ids,
    lines=st.lists(lines, max_size=3).map(tuple),
    gone=st.booleans(),
)
decisions = st.builds(AuthorityDecision, ids, days, days, st.booleans(), st.booleans())
executions = st.builds(Execution, ids, days, days, st.none() | ids, st.booleans(), st.booleans())
absences = st.builds(Absence, ids, some_day, days, st.booleans(), st.booleans())
notes = st.builds(
    Note,
    st.integers(1, 30).map(lambda n: f"n{n}"),
    st.sampled_from(Signal),
    instants,
    st.none() | ids,
    texts,
    st.none() | st.just("koordinator Norra"),
)
clients = st.builds(
    Client,
    client_id=st.none() | ids,
    protected=st.booleans(),
    deceased=st.booleans(),
    deregistered=st.sampled_from([None, "emigrated", "other"]),
    active=st.booleans(),
    details=st.sampled_from(["d1", "d2"]),
    gone=st.booleans(),
)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    def read(values: st.SearchStrategy[tuple[object, ...]]) -> Read:  # type: ignore[type-arg]  # any resource
        return Read(draw(values), START, draw(st.booleans()))

    def many(one: st.SearchStrategy[object], key: str) -> st.SearchStrategy[tuple[object, ...]]:
        return st.lists(one, max_size=4, unique_by=lambda x: getattr(x, key)).map(tuple)

    return Facts(
        orders=read(many(orders, "id")),
        decisions=read(many(decisions, "id")),
        executions=read(many(executions, "id")),
        client=Read(draw(clients), START, draw(st.booleans())),
        absences=read(many(absences, "id")),
        notes=read(st.lists(notes, max_size=14, unique_by=lambda n: n.id).map(tuple)),
        chain=draw(st.frozensets(st.sampled_from(["o1", "o2", "o3", "o9"]))),
        problems=tuple(draw(st.lists(st.builds(FactProblem, st.just("bad_row"), st.just("notes")), max_size=1))),
    )


# Slow, as every fact is drawn. Shrinking them would take minutes more; the message says what broke.
@settings(
    max_examples=60,
    deadline=None,
    phases=(HypothesisPhase.explicit, HypothesisPhase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(st.tuples(any_facts(), st.integers(0, 400)), min_size=1, max_size=5), st.sampled_from(ActState))
def test_whatever_is_read_one_after_another_a_decision_comes_of_it(
    readings: list[tuple[Facts, int]], state: ActState
) -> None:
    """The facts of one reading have nothing to do with the next, but the ledger keeps what was done for them."""
    life = Life()
    for facts, hours in readings:
        life.now += timedelta(hours=hours)
        decision = decide(facts, life.ledger, life.now, POLICY)
        keys = [w.key for w in decision.wanted]
        assert len(set(keys)) == len(keys), "one key twice in a decision"
        assert decision.wake_at is None or decision.wake_at > life.now
        for wanted in decision.wanted:
            if wanted.opens:
                assert not facts.unsure, "opens on facts that can't be relied on (P1)"
            if wanted.not_before is None and wanted.key not in {a.key for a in life.ledger.acts}:
                life.carry_out(wanted)
        unfinished = tuple(replace(a, state=state) for a in life.ledger.acts[-1:])
        life.ledger = replace(life.ledger, acts=(*life.ledger.acts[:-1], *unfinished))
