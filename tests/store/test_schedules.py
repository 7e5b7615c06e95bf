"""Finds the cases to which listed schedules belong."""

from datetime import date

from adapter.domain.decision import Phase
from adapter.domain.ledger import ScheduleRecord, ScheduleStatus
from adapter.store import schedules
from tests.store.backends import NOW, Store, decided

ODD = "\"'{å},\\ %s :x"


def test_ids_of_any_form_are_known_by_their_case_and_others_are_nobodys(store: Store) -> None:
    case, closed, elsewhere = store.open("1"), store.open("2"), store.open("3", tenant="south")
    for opened, remote_id in ((case, ODD), (closed, "S2"), (elsewhere, "S3")):
        record = ScheduleRecord(1, ScheduleStatus.OPEN, date(2026, 3, 3), None, None, NOW)
        store.run(schedules.save, opened.tenant, opened.ref, record, remote_id=remote_id, etag=None)
    for claimed in store.claim():
        if claimed.ref == closed.ref:
            store.finish(claimed, decided(Phase.CLOSED))
    found = store.run(schedules.by_remote_ids, "north", [ODD, "S2", "S3", "S4", "with\0in", *map(str, range(2000))])
    assert {remote_id: (owned.ref, owned.open) for remote_id, owned in found.items()} == {
        ODD: (case.ref, True),
        "S2": (closed.ref, False),
    }
    assert found[ODD].record.valid_from == date(2026, 3, 3)
    assert store.run(schedules.by_remote_ids, "north", []) == {}
