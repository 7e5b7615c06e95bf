"""The re-sync file as people write it, and their mistakes."""

import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.facts import Signal
from adapter.engine.request_file import NEEDED, Declaration, Resync, parse, read_request_file

GOOD = """
[[resync]]
id = "weekend"
scope = "since"
since = 2026-11-21
mode = "apply"
who = "IT on call"
why = "the feed was down at the vendor's"
"""


def refused(text: str, *tenants: str) -> list[str]:
    return [str(r) for r in parse(text, tenants or ("exempel",)).refusals]


def test_the_packaged_example_asks_for_nothing() -> None:
    example = Path(__file__).parents[2] / "config" / "resync.toml"
    found = read_request_file(example, ["exempel"])
    assert (found.entries, found.refusals) == ((), ())


def test_every_example_in_the_packaged_file_is_a_good_one() -> None:
    """Without the comment signs, the adapter accepts what the file shows."""
    lines = (Path(__file__).parents[2] / "config" / "resync.toml").read_text(encoding="utf-8").splitlines()
    shown = [line[2:] for line in lines if line.startswith(("# [[", "# ")) and ("=" in line or "[[" in line)]
    begun = next(n for n, line in enumerate(shown) if line.startswith("[["))
    found = parse(
        "\n".join(line for line in shown[begun:] if line.startswith("[[") or " = " in line), ["exempelkommun"]
    )
    assert found.refusals == ()
    assert {request.scope for request in found.of(Resync)} >= {"since", "cases", "parked"}
    assert len(found.of(Declaration)) == 1


def test_a_request_is_read_with_its_line() -> None:
    ((line, request),) = parse(GOOD, ["exempel"]).entries
    assert isinstance(request, Resync)
    assert (line, request.id, request.scope, request.since) == (2, "weekend", "since", date(2026, 11, 21))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('mode = "apply"', 'mode = "aply"'), "line 6, mode: input should be 'plan' or 'apply'"),
        (('why = "the', 'wy = "the'), "line 8, wy: is unknown; did you mean why?"),
        (('who = "IT on call"\n', ""), "line 2, who: is missing"),
        (("since = 2026-11-21\n", ""), "line 2: scope = 'since' needs the key since"),
        (('mode = "apply"', 'mode = "apply"\ncases = ["TK-7F3K2M"]'), "line 2: cases does not go with scope = 'since'"),
        (('id = "weekend"', 'id = "week end"'), "line 3, id: must be letters, digits and . _ : -, at most 64"),
        (('who = "IT on call"', 'who = "IT on call'), "line 7: is not TOML: Illegal character '\\n'"),
        (('who = "IT on call"', 'who = "om 19900101TF03"'), "line 7, who: looks like an identity number"),
        (("since = 2026-11-21", "since = soon"), "line 5: is not TOML: Invalid value"),
        (
            ('mode = "apply"', 'mode = "apply"\ntenant = "exmpel"'),
            "line 7, tenant: there is no municipality exmpel; did",
        ),
        (("[[resync]]", "[[resnc]]"), "line 2, resnc: is not a kind of entry; did you mean resync?"),
    ],
)
def test_a_bad_entry_is_refused_by_line_key_and_reason_and_the_good_one_after_it_counts(
    change: tuple[str, str], told: str
) -> None:
    text = GOOD.replace(*change) + GOOD.replace("weekend", "good")
    found = parse(text, ["exempel"])
    assert [r.id for r in found.of(Resync)] == ["good"]
    assert told in "\n".join(refused(text))
    assert "TF03" not in "".join(refused(text))


def test_an_id_that_stands_twice_counts_once() -> None:
    assert refused(GOOD + GOOD) == ["line 11, id: weekend is already on line 2"]


def test_keys_outside_any_entry_are_refused() -> None:
    assert refused('scope = "everything"\n' + GOOD) == [
        "line 1, scope: is in no entry; begin one with one of [[resync]], [[done]], [[adopt]]"
    ]


def test_cases_named_among_several_municipalities_need_the_name_of_one() -> None:
    text = GOOD.replace("since = 2026-11-21", 'cases = ["TK-7F3K2M"]').replace('"since"', '"cases"')
    assert refused(text) == []
    assert refused(text, "north", "south") == [
        "line 2, tenant: is missing: there are several municipalities (north, south)"
    ]


WHO = 'who = "koordinator Norra"\nwhy = "ingen verkställighet kvar"\n'
BY_HAND = {
    "done": '[[done]]\ncase = "TK-7F3K2M"\nsignal = "ready_for_start"\nat = 2026-11-23T10:15:00Z\n' + WHO,
    "adopt": f'[[adopt]]\norder = "1"\nschedule = "s"\ndone = {[signal.value for signal in NEEDED]}\n' + WHO,
}


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("who", "x", "must say who by role and unit"),
        ("who", "12345 678", "must say who by role and unit"),
        ("who", "koordinator\\nNorra", "must say who by role and unit"),
        ("who", "k" * 81, "must say who by role and unit"),
        ("why", "gjort", "must say what was done and why it is declared here"),
        ("why", "aaaaaaaaaaaaaaaa bb", "must say what was done and why it is declared here"),
    ],
)
@pytest.mark.parametrize("kind", BY_HAND)
def test_what_is_declared_by_hand_says_who_and_why_or_is_refused_by_its_key(
    kind: str, key: str, value: str, told: str
) -> None:
    assert refused(BY_HAND[kind]) == []
    lines = [f'{key} = "{value}"' if line.startswith(key) else line for line in BY_HAND[kind].splitlines()]
    (refusal,) = refused("\n".join(lines))
    assert refusal.startswith(f"line {5 if key == 'who' else 6}, {key}: {told}")


def test_nothing_counts_of_a_file_that_others_could_have_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "resync.toml"
    file.write_text(GOOD)
    for mode, told in ((0o644, []), (0o664, ["chmod go-w"]), (0o646, ["chmod go-w"]), (0o600, [])):
        file.chmod(mode)
        found = read_request_file(file, ["exempel"])
        assert len(found.entries) == (not told)
        assert [word in str(refusal) for word, refusal in zip(told, found.refusals, strict=True)] == [True] * len(told)
    owner = file.stat()
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert read_request_file(file, ["exempel"]).entries, "root's, or whose folder it is"

    def another(path: Path, **_: object) -> os.stat_result:
        return os.stat_result([*owner[:4], 4712 if path == file else 4711, *owner[5:]])

    monkeypatch.setattr(Path, "stat", another)
    (refusal,) = read_request_file(file, ["exempel"]).refusals
    assert "another user (uid 4712)" in refusal.reason


def test_a_step_declared_without_a_time_zone_is_refused() -> None:
    text = '[[done]]\ncase = "TK-7F3K2M"\nsignal = "ready_for_start"\nat = 2026-11-23T10:15:00\n' + WHO
    assert refused(text) == ["line 1: at needs its time zone, as in 2026-11-23T10:15:00+01:00"]
    assert refused(text.replace("15:00\n", "15:00Z\n")) == []


@given(st.one_of(st.uuids().map(str), st.from_regex(r"\A([0-9]{10}|[0-9]{12})\Z")), st.uuids().map(str))
def test_an_id_at_a_vendor_is_never_taken_for_an_identity_number(order: str, schedule: str) -> None:
    adopt = BY_HAND["adopt"].replace('"1"', f'"{order}"').replace('"s"', f'"{schedule}"')
    resync = f'[[resync]]\nid = "one"\nscope = "orders"\nmode = "plan"\norders = ["{order}"]\n{WHO}'
    assert refused(adopt + resync) == []


def test_what_is_taken_over_lacks_nothing_that_would_pause_it() -> None:
    (told,) = refused(BY_HAND["adopt"].replace(Signal.READY_FOR_START, Signal.KEYS_COLLECTED))
    assert told.startswith("line 4, done: lacks ready_for_start")
