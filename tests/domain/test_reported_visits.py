"""Which looks are written back, and what follows when the camera platform corrects a look (LA12)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.ledger import LOOK_DONE, Act, ActKind, ActState, Look, LookOutcome, Wanted
from adapter.domain.policy import Policy, WriteBack
from adapter.domain.reported_visits import reported, subject, visit_wanted

DUE = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)
ON = Policy(UTC, write_back=WriteBack.ON)
DONE = Look(1, DUE, LookOutcome.OK, True, DUE, DUE, DUE + timedelta(minutes=2), "a-look")
MISSED = replace(DONE, outcome=LookOutcome.MISSED)


def wanted(look: Look, acts: list[Act], policy: Policy = ON) -> Wanted | None:
    return visit_wanted("TK-7F3K2M", look, acts, policy, unit=7101, execution=1)


def act(one: Wanted, n: int, state: ActState = ActState.DONE) -> Act:
    return Act(n, one.key, one.kind, state, one.what, DUE)


def test_a_look_is_a_visit_where_somebody_who_may_look_did_and_it_is_known_when() -> None:
    assert {o for o in LookOutcome if reported(replace(DONE, outcome=o))} == LOOK_DONE - {LookOutcome.VISIT}
    for lacks in ({"begun_at": None}, {"ended_at": None}, {"id": None}, {"entitled": False}):
        assert not reported(replace(DONE, **lacks))


def test_nothing_is_called_for_unless_it_is_switched_on() -> None:
    for mode in (WriteBack.OFF, WriteBack.PLAN):
        assert wanted(DONE, [], replace(ON, write_back=mode)) is None


def test_each_look_stands_under_a_name_of_its_own_that_is_no_cases() -> None:
    assert subject("TK-7F3K2M", DONE) == "TK-7F3K2M-1@20260302T213000Z"


def test_what_is_said_of_a_look_names_neither_the_person_nor_who_looked() -> None:
    first = wanted(DONE, [])
    assert first is not None
    assert set(first.what) == {"case", "look", "due", "unit", "execution", "begun", "ended"}


def test_a_look_that_the_platform_gives_another_id_is_no_second_visit() -> None:
    first = wanted(DONE, [])
    assert first is not None
    renamed = replace(DONE, id="another-id")
    assert wanted(renamed, [act(first, 1)]) is None
    back = wanted(replace(renamed, ended_at=DUE + timedelta(minutes=5)), [act(first, 1)])
    assert back is not None
    assert (back.kind, back.what["look"]) == (ActKind.REMOVE_VISIT, "a-look"), "what stands under the old id goes first"


@given(
    st.lists(
        st.tuples(
            st.sampled_from([DONE, replace(DONE, ended_at=DUE + timedelta(minutes=5)), MISSED]),
            st.sampled_from([ActState.DONE, ActState.UNKNOWN, ActState.PENDING]),
        ),
        min_size=1,
    )
)
def test_however_often_a_look_changes_what_was_sent_last_says_what_it_is_now(
    changes: list[tuple[Look, ActState]],
) -> None:
    """If a look changes while an act waits, the act is dropped or replaced. Once all is carried out, nothing more is
    wanted. No visit is taken back that wasn't sent, and none is sent twice with the same words."""
    acts: list[Act] = []
    for look, state in changes:
        one = wanted(look, acts)
        acts = [a for a in acts if a.counts]
        if one is not None:
            before = acts[-1] if acts else None
            assert one.key not in {a.key for a in acts}
            assert one.kind is not ActKind.REMOVE_VISIT or (before and before.kind is ActKind.VISIT)
            acts.append(act(one, len(acts) + 1, state))
    last = changes[-1][0]
    if (one := wanted(last, acts)) is not None:
        acts = [*(a for a in acts if a.counts), act(one, len(acts) + 1)]
    assert wanted(last, acts) is None
    stands = bool(acts) and acts[-1].kind is ActKind.VISIT
    assert stands == reported(last)
