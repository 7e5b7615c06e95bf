"""Facts, feeds, persons, declarations, the overview, and forgetting."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import StatementError

from adapter.domain.decision import Decision, Phase, StepView
from adapter.domain.facts import (
    Absence,
    AuthorityDecision,
    Client,
    Execution,
    FactProblem,
    Facts,
    Note,
    Order,
    ServicePlan,
    Signal,
)
from adapter.domain.ledger import ActKind, ActState, Look, LookOutcome, ScheduleRecord
from adapter.ports import Changed
from adapter.store import codec, events, facts, feeds, look_log, order_inbox, outbox, persons, purge, queries
from adapter.store.errors import Overtaken
from adapter.store.facts import StoredFact
from adapter.store.order_inbox import InboxState, WaitingOrder
from adapter.store.schedules import Owned
from adapter.store.tables import facts as facts_table
from adapter.store.tables import metadata
from adapter.store.types import instant_text
from tests.domain.drawn_nights import night_times
from tests.store.backends import NOW, PERSON, Store, after, decided, want

CLIENT = Client(5, protected=False, details="print")
PROBLEM = FactProblem("unmapped_unit", "executions", (("unit", "7"),))
EMPTY: dict[str, object] = {"orders": (), "decisions": (), "executions": (), "absences": (), "notes": ()}


def save(store: Store, ref: str, fact: StoredFact) -> None:
    before = store.run(facts.load, "north", ref).resources
    store.run(facts.save, "north", ref, before, {fact.resource: fact})


def test_facts_are_whole_once_every_resource_was_read(store: Store) -> None:
    for minutes, (resource, value) in enumerate(EMPTY.items()):
        save(store, "TK-1", StoredFact.read(resource, value, (), after(minutes=minutes)))
        assert store.run(facts.load, "north", "TK-1").facts() is None
    save(store, "TK-1", StoredFact.read("client", CLIENT, [PROBLEM], NOW))
    whole = store.run(facts.load, "north", "TK-1").facts(frozenset({"1"}))
    assert isinstance(whole, Facts)
    assert (whole.client.value, whole.problems, whole.chain) == (CLIENT, (PROBLEM,), frozenset({"1"}))
    assert (whole.stale, whole.read_at) == ((), NOW)


def test_what_cannot_be_read_keeps_its_last_value_and_is_stale(store: Store) -> None:
    known = StoredFact.read("client", CLIENT, (), NOW)
    save(store, "TK-1", known)
    save(store, "TK-1", StoredFact.unread("client", known, after(hours=1), "503"))
    save(store, "TK-1", StoredFact.unread("notes", None, after(hours=1), "503"))
    stored = store.run(facts.load, "north", "TK-1").resources
    client, notes = stored["client"], stored["notes"]
    assert (client.value, client.read_at, client.tried_at, client.stale) == (CLIENT, NOW, after(hours=1), True)
    assert (notes.value, notes.read_at, notes.stale, notes.error) == (None, None, True, "503")
    save(store, "TK-1", StoredFact.read("client", CLIENT, (), after(hours=2)))
    fresh = store.run(facts.load, "north", "TK-1").resources["client"]
    assert (fresh.stale, fresh.error, fresh.read_at) == (False, None, after(hours=2))


def test_a_value_that_this_version_cannot_read_is_read_afresh_and_nothing_of_it_is_told(store: Store) -> None:
    save(store, "TK-1", StoredFact.read("client", CLIENT, (), NOW))
    broken = update(facts_table).values(value=f'{{"client_id": "{PERSON}"}}')
    store.db.run_sync(lambda conn: conn.execute(broken))
    fact = store.run(facts.load, "north", "TK-1").resources["client"]
    assert (fact.value, fact.read_at, fact.stale) == (None, None, True)
    assert "client_id" in str(fact.error)
    assert PERSON not in str(fact.error)


def test_a_feed_is_read_by_one_process_and_its_cursor_moves_only_when_it_was_read_whole(store: Store) -> None:
    def claim(owner: str, at: datetime) -> feeds.Feed | None:
        return store.run(feeds.claim, "north", "clients", now=at, owner=owner, lease_until=at + timedelta(minutes=5))

    one = claim("one", NOW)
    assert one is not None
    assert one.cursor is None
    assert claim("two", after(minutes=4)) is None
    two = claim("two", after(minutes=5))
    with pytest.raises(Overtaken):
        store.run(feeds.finish, one, cursor=NOW, now=NOW)
    store.run(feeds.finish, two, cursor=NOW, now=after(minutes=6))
    store.run(feeds.fail, claim("one", after(minutes=6)), error="503")
    feed = store.run(feeds.feed, "north", "clients")
    assert feed is not None
    assert (feed.cursor, feed.read_at, feed.tried_at) == (NOW, after(minutes=6), after(minutes=6))
    assert (feed.error, feed.lease_owner) == ("503", None)


def test_the_orders_that_wait_are_replaced_whole_and_those_that_a_case_tells_of_are_not_shown(store: Store) -> None:
    bad = FactProblem("bad_date", "orders", (("field", "StartDate"), ("id", "1")))
    day = NOW.date()
    waiting = [
        WaitingOrder("2", InboxState.UNREAD, day, after(minutes=1)),
        WaitingOrder("1", InboxState.UNUSABLE, day, NOW, bad),
        WaitingOrder("3", InboxState.OF_CASE, day, NOW, bad),
        WaitingOrder(day.isoformat(), InboxState.DAY_IN_DOUBT, day, NOW),
    ]
    store.run(order_inbox.replace_all, "north", waiting)
    assert set(store.run(order_inbox.all_waiting, "north").values()) == set(waiting)
    assert store.run(queries.overview, "north", NOW).unusable == (waiting[1], waiting[0])
    store.run(order_inbox.replace_all, "north", waiting[:1])
    assert store.run(order_inbox.unusable_orders, "north") == (waiting[0],)
    assert store.run(order_inbox.all_waiting, "south") == {}


def test_a_feed_read_again_tells_only_what_changed(store: Store) -> None:
    def read(*items: tuple[str, str], feed: str = "orders", at: datetime = NOW) -> list[str]:
        shown = [Changed(item, None, fingerprint) for item, fingerprint in items]
        return [item.id for item in store.run(feeds.changed, "north", feed, shown, at)]

    assert read(("1", "a"), ("2", "a"), ("2", "a")) == ["1", "2"]
    assert read(("1", "a"), ("2", "b"), ("3", "a"), at=after(days=2)) == ["2", "3"]
    assert read() == []
    assert read(("1", "a"), feed="clients") == ["1"]
    assert store.run(feeds.fingerprints, "north", "orders") == {"1": "a", "2": "b", "3": "a"}
    read(("1", "a"), at=after(days=5))
    store.run(feeds.forget, "north", "orders", after(days=4))
    assert store.run(feeds.fingerprints, "north", "orders") == {"1": "a"}
    assert read(("1", "a"), ("2", "b")) == ["2"]


def test_a_person_has_one_id_per_tenant_for_ever(store: Store) -> None:
    def code(person_id: str, tenant: str = "north") -> str:
        return store.run(persons.external_id_for, tenant, person_id)

    first = code(PERSON)
    assert re.fullmatch(r"P-[2-9A-HJ-NP-Z]{12}", first)
    assert code(PERSON) == first
    assert code("19900101TF04") != first
    assert code(PERSON, tenant="south") != first
    with pytest.raises(LookupError):
        store.run(persons.note_told, "north", "19900101TF05", "print")


def test_a_declared_step_counts_as_a_signal_by_a_named_person(store: Store) -> None:
    for at in (NOW, NOW, after(hours=1)):
        store.run(facts.declare, "north", "TK-1", Signal.KEYS_COLLECTED, at=at, who="unit 7", why="no heading", now=at)
    note = Note("declared:keys_collected", Signal.KEYS_COLLECTED, after(hours=1), by="unit 7")
    assert store.run(facts.load, "north", "TK-1").declared == (note,)


def test_the_overview_counts_what_waits_and_since_when(store: Store) -> None:
    first, second = store.open("1", now=after(hours=-2)), store.open("2")
    store.open("3", tenant="south")
    store.settle(first, want("a"), want("b"), now=after(hours=-1))
    store.settle(second, want("a"), want("m", ActKind.MAIL))
    taken = {c.ref: c for c in store.take(lanes=["message"])}
    store.end(taken[first.ref])
    store.failed(taken[second.ref], ActState.PARKED)
    store.run(feeds.claim, "north", "orders", now=NOW, owner="one", lease_until=NOW)
    seen = store.run(queries.overview, "north", NOW)
    assert seen.phases == {"preparing": 2}
    assert (seen.ready, seen.ready_since, seen.failing) == (2, after(hours=-2), 0)
    assert seen.acts == (
        queries.ActCount("mail", ActState.PENDING, 1, NOW),
        queries.ActCount("message", ActState.PARKED, 1, NOW),
        queries.ActCount("message", ActState.PENDING, 1, after(hours=-1)),
    )
    assert [f.name for f in seen.feeds] == ["orders"]


def test_a_purged_case_holds_nothing_personal_and_its_orders_open_no_new_one(store: Store) -> None:
    first, second = store.open("1"), store.open("2")
    claimed = {c.ref: c for c in store.claim()}
    known = store.known_person(first)
    store.settle(first, want("a"))
    notes = (Note("n", Signal.TIMES_AGREED, NOW, text="22"),)
    save(store, first.ref, StoredFact.read("notes", notes, (), NOW))
    store.run(facts.declare, "north", first.ref, Signal.KEYS_COLLECTED, at=NOW, who="unit", why="w", now=NOW)
    looks = [(case.ref, Look(1, NOW, LookOutcome.OK)) for case in (first, second)]
    store.run(look_log.save, "north", looks)
    store.finish(claimed[first.ref], decided(Phase.CLOSED))

    def forget(at: datetime) -> list[str]:
        return store.run(purge.purge, "north", closed_before=at, now=at)

    assert forget(NOW) == []
    assert forget(after(days=30)) == [first.ref]
    assert forget(after(days=30)) == []
    assert store.run(facts.load, "north", first.ref).resources == {}
    assert store.run(look_log.since, "north", NOW).keys() == {second.ref}
    assert store.run(outbox.acts, "north", first.ref) != ()
    assert store.open("1").ref == first.ref
    assert store.known_person(second)
    assert store.finish(claimed[second.ref], decided(Phase.CLOSED)).open, "it was marked when the first one closed"
    store.finish(store.claim()[0], decided(Phase.CLOSED))
    forget(after(days=30))
    assert PERSON not in store.db.run_sync(_everything)
    assert store.audit(first.ref)[-1].name == "case.purged"
    assert store.known_person(second) == known, "who comes back is the customer that was emptied"


def _everything(conn: Connection) -> str:
    return "".join(repr(conn.execute(select(table)).all()) for table in metadata.sorted_tables)


def test_the_audit_of_a_case_can_be_read_from_its_end(store: Store) -> None:
    for n in range(3):
        store.run(events.record, "north", "TK-1", f"e{n}", {"n": n}, now=NOW)
    store.run(events.record, "north", None, "started", {}, now=NOW)
    assert [e.name for e in store.run(events.of_case, "north", "TK-1", limit=2)] == ["e1", "e2"]


instants = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis takes its bounds without a zone
zoned = st.builds(lambda at, hours: at.astimezone(timezone(timedelta(hours=hours))), instants, st.integers(-12, 12))


@given(a=zoned, b=zoned)
def test_stored_instants_sort_as_time_does_and_lose_nothing(a: datetime, b: datetime) -> None:
    assert (instant_text(a) < instant_text(b)) == (a < b)
    assert datetime.fromisoformat(instant_text(a)) == a


def test_an_instant_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="without a time zone"):
        store.open("1", now=datetime(2026, 3, 2))  # noqa: DTZ001 - that is what is refused


maybe_instants = st.none() | instants
records = st.builds(ScheduleRecord, times=st.none() | night_times, seen_at=instants)
steps = st.builds(StepView, at=maybe_instants, since=maybe_instants)
VALUES: dict[str, st.SearchStrategy[object]] = {
    "orders": st.lists(st.from_type(Order), max_size=3).map(tuple),
    "decisions": st.lists(st.from_type(AuthorityDecision), max_size=3).map(tuple),
    "executions": st.lists(st.from_type(Execution), max_size=3).map(tuple),
    "client": st.from_type(Client),
    "absences": st.lists(st.from_type(Absence), max_size=3).map(tuple),
    "notes": st.lists(st.builds(Note, at=instants), max_size=3).map(tuple),
    "plans": st.lists(st.from_type(ServicePlan), max_size=3).map(tuple),
    "schedule": records,
    "decision": st.builds(
        Decision, wanted=st.just(()), steps=st.lists(steps, max_size=3).map(tuple), wake_at=maybe_instants
    ),
    "problems": st.lists(st.from_type(FactProblem), max_size=3).map(tuple),
}
CODECS = {**codec.RESOURCES, "schedule": codec.SCHEDULE, "decision": codec.DECISION, "problems": codec.PROBLEMS}


def test_every_resource_of_the_facts_can_be_stored() -> None:
    assert codec.RESOURCES.keys() == Facts.__dataclass_fields__.keys() - {"chain", "problems", "renumbered"}


@pytest.mark.parametrize("kind", CODECS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_values_come_back_from_the_store_as_they_were(kind: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[kind])
    assert CODECS[kind].load(CODECS[kind].dump(value)) == value


@settings(max_examples=30, deadline=None)
@given(record=records, data=st.data())
def test_a_stored_schedule_is_known_again_by_its_text(record: ScheduleRecord, data: st.DataObject) -> None:
    """``seen_at`` and the orders make no difference, but every other difference counts."""
    stored = Owned("TK-1", record.n, codec.SCHEDULE.dump(record), True)
    assert stored.shows(replace(record, seen_at=NOW, orders=frozenset({"SB-1"})))
    name = data.draw(st.sampled_from(["n", "status", "valid_from", "valid_to", "times"]))
    value = getattr(data.draw(records), name)
    assert stored.shows(replace(record, **{name: value})) == (value == getattr(record, name))
