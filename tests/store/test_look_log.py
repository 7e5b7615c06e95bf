"""What is stored of each look."""

from dataclasses import replace
from datetime import date, timedelta

from adapter.domain.ledger import ActKind, Look, LookOutcome, ScheduleRecord, ScheduleStatus
from adapter.store import look_log, outbox, schedules
from tests.store.backends import NOW, Store, after, want

OK, MISSED, PENDING = LookOutcome.OK, LookOutcome.MISSED, LookOutcome.PENDING


def test_a_look_is_kept_once_and_as_it_is_known_last(store: Store) -> None:
    case, other = store.open("1"), store.open("2", tenant="south")
    pending = Look(1, NOW, PENDING, id="p-1")
    store.run(look_log.save, "north", [(case.ref, pending), (case.ref, Look(2, after(hours=1), MISSED, judged_at=NOW))])
    store.run(look_log.save, "south", [(other.ref, pending)])
    seen = replace(pending, outcome=OK, judged_at=after(minutes=2), begun_at=NOW, ended_at=after(minutes=1))
    store.run(look_log.save, "north", [(case.ref, seen)])
    looks = store.run(look_log.since, "north", NOW)
    assert {ref: [look.outcome for look in found] for ref, found in looks.items()} == {case.ref: [OK, MISSED]}
    assert looks[case.ref][0] == seen
    assert store.run(look_log.of_case, "north", case.ref, after(minutes=1)) == (looks[case.ref][1],)
    assert store.run(look_log.since, "north", after(hours=2)) == {}


def test_the_first_look_of_each_schedule_that_was_done_and_the_last_before_an_instant(store: Store) -> None:
    case, other = store.open("1"), store.open("2")
    outcomes = [(1, MISSED), (1, OK), (1, OK), (2, OK), (2, MISSED)]
    looks = [Look(n, after(hours=h), outcome, judged_at=NOW) for h, (n, outcome) in enumerate(outcomes)]
    store.run(look_log.save, "north", [(case.ref, look) for look in looks])
    store.run(look_log.save, "north", [(other.ref, replace(looks[4], due_at=after(hours=9), entitled=False))])
    store.run(look_log.save, "north", [(case.ref, replace(looks[1], due_at=after(hours=-1), entitled=False))])
    assert store.run(look_log.first_done, "north", case.ref) == (looks[1], looks[3])
    refs = [case.ref, other.ref]
    assert store.run(look_log.last_before, "north", refs, after(hours=4)) == {case.ref: looks[3]}
    assert store.run(look_log.last_before, "north", refs, NOW) == {}
    assert store.run(look_log.last_before, "north", [], NOW) == {}
    assert store.run(look_log.counts, "north", after(hours=1)) == {
        (OK, True, True): 3,
        (MISSED, True, True): 1,
        (MISSED, True, False): 1,
    }


def test_the_ledger_has_the_looks_of_the_last_nights_where_it_is_asked_for(store: Store) -> None:
    case = store.open("1")
    record = ScheduleRecord(1, ScheduleStatus.OPEN, date(2026, 3, 1), None, None, NOW)
    store.run(schedules.save, "north", case.ref, record, remote_id="s-1", etag=None)
    old, new = Look(1, after(days=-9), OK, judged_at=NOW), Look(1, NOW, MISSED, judged_at=NOW)
    store.run(look_log.save, "north", [(case.ref, old), (case.ref, new)])
    ledger = store.run(outbox.ledger, case, looks_since=NOW - timedelta(days=3))
    assert (ledger.looks, ledger.first_looks) == ((new,), (old,))
    assert store.run(outbox.ledger, case).looks == ()


def test_the_schedules_that_are_followed_with_what_was_done_on_them_lately(store: Store) -> None:
    refs = []
    for n, ended in enumerate((False, True, True)):
        case = store.open(str(n))
        refs.append(case.ref)
        status = ScheduleStatus.ENDED if ended else ScheduleStatus.OPEN
        record = ScheduleRecord(1, status, date(2026, 3, 1), None, None, NOW)
        store.run(schedules.save, "north", case.ref, record, remote_id=f"s-{n}", etag=None)
        if n != 2:
            seed = want(f"schedule:1:{n}", ActKind.END if ended else ActKind.CREATE, what={"n": 1})
            store.run(outbox.seed_done, case, [seed], after(hours=n))
    found = store.run(schedules.followed, "north", after(minutes=1))
    assert [(ref, len(acts)) for ref, _, _, acts in found] == [(refs[0], 0), (refs[1], 1)]
    assert found[1][3][0].done_at == after(hours=1)
    assert [ref for ref, *_ in store.run(schedules.followed, "north", after(hours=2))] == [refs[0]]
