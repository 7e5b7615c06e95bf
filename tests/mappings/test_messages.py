"""Messages and mails: each says what has happened, what is asked, by when, and which case it is about."""

import json
import re
from collections.abc import Iterator
from datetime import time
from pathlib import Path

import pytest
from jinja2 import Environment, meta

import mappings.messages
from adapter.domain.facts import OPTIONAL
from adapter.domain.ledger import What
from adapter.domain.nights import NightTimes
from adapter.domain.routine import STEPS, Letter, Role
from mappings.content import WrongContent
from mappings.documents import KINDS
from mappings.messages.render import LONGEST, mark, render_letter, render_mail
from mappings.texts import Texts

TEXTS = Texts.load(strict=True)
SV = Path(mappings.messages.__file__).parent / "sv"
REFERENCE = "TK-7F3K2M"
EVERY_NIGHT = json.dumps(NightTimes(((time(22, 30), time(2, 15), time(5)),) * 7).to_json())
UNEVEN = json.dumps({"mon": ["22:30"], "tue": ["22:30"], "wed": ["22:30"], "sat": ["23:00", "01:12"]})
DAY, MOMENT = "2026-11-03", "2026-11-03T22:30"
LOOKS = json.dumps([[MOMENT, "missed"], ["2026-11-04T02:15", "camera_offline"]])
FLAGS = ("executed", "installed", "running", "deceased", "scheduled", "paused", "over", "refused", "open", "done")
VALUES: dict[str, tuple[str | int | bool | None, ...]] = {
    **dict.fromkeys((*FLAGS, "keys_back", "collected", "assigned"), (True, False)),
    **dict.fromkeys(("first_day", "last_day", "old_first_day", "old_last_day"), (None, DAY)),
    **dict.fromkeys(("first_look", "last_look", "next_done"), (None, MOMENT)),
    **dict.fromkeys(("when", "night"), (DAY,)),
    **dict.fromkeys(("found", "count", "limit", "n"), (1, 3)),
    **dict.fromkeys(("who", "at"), ("x",)),
    "since": (MOMENT,),
    "times": (EVERY_NIGHT, UNEVEN),
    "looks": (LOOKS,),
    "granted": (1, 3),
    "asks": (None, "times"),
    "gates": (None, ",".join(TEXTS.sections["gate_asks"])),
    "keys": ("needed", "other_services", "alarm"),
    "missing": ("consent", "liability", "both", *sorted(OPTIONAL)),
    "op": ("pause", "end", "change"),
    "rests": (None, *TEXTS.sections["causes"]),
    "cause": tuple(TEXTS.sections["causes"]),
    "reason": tuple(TEXTS.sections["reasons"]),
    "signal": tuple(TEXTS.sections["signals"]),
    "code": tuple(TEXTS.sections["times"]),
}
"""Every kind of value that a key of a letter may hold. ``MAY_BE_NULL`` has the keys that may also be null."""
MAY_BE_NULL = {(Letter.RECEIVED, "granted"), (Letter.RENEWED, "granted"), (Letter.MOVED, "times")}
GIVEN = {"reference", "to", "forms", "params"}


def keys_of(letter: Letter) -> list[str]:
    """The names that the letter's template uses."""
    environment = Environment()  # only to read it by
    asked = meta.find_undeclared_variables(environment.parse((SV / f"{letter.value}.j2").read_text(encoding="utf-8")))
    called = {"say", "has", "heading", "page", "day", "moment", "period"} | ({"looks"} - shown(letter))
    return sorted(asked - called - GIVEN)


def shown(letter: Letter) -> set[str]:
    """``looks`` is a list in the letters about a night, otherwise the word for a number of looks."""
    return {"looks"} if letter in (Letter.LOOKS_MISSED, Letter.LOOKS_CORRECTED) else set()


def contents(letter: Letter) -> Iterator[What]:
    """Contents in which each key takes each of its values at least once."""
    columns = {key: [*VALUES[key], *([None] if (letter, key) in MAY_BE_NULL else [])] for key in keys_of(letter)}
    if letter is Letter.DEREGISTERED:
        columns["reason"] = ["emigrated", "other", "inactive"]
    for n in range(max((len(column) for column in columns.values()), default=1)):
        for shift in (0, 1):
            what = {key: column[(n + shift * i) % len(column)] for i, (key, column) in enumerate(columns.items())}
            if "code" in what:
                what["params"] = json.dumps(dict.fromkeys(TEXTS.params_of("times", str(what["code"])), "3"))
            yield what


def letters() -> Iterator[tuple[Letter, What]]:
    for letter in Letter:
        for to in ("coordinator", "alarm_team", "authority"):
            for what in contents(letter):
                yield letter, {"to": to, **what}


def render(letter: Letter, what: What, **more: bool) -> str:
    return render_letter(letter, what, reference=REFERENCE, act="07-K4QX", texts=TEXTS, **more)


def test_there_is_one_template_for_each_letter_and_each_mail() -> None:
    mails = {f"mail_{mail}" for mail in (*TEXTS.sections["mails"], "deadlock")}
    assert {path.stem for path in SV.glob("*.j2")} == {letter.value for letter in Letter} | mails


def test_every_letter_reads_well_whatever_it_is_told() -> None:
    for letter, what in letters():
        text = render(letter, what)
        subject, blank, *body, _, last = text.split("\n")
        assert 10 < len(subject) <= 110, letter
        assert not subject.endswith(".")
        assert blank == ""
        assert last == "[TK-7F3K2M/07-K4QX]"
        assert len(text) < 1500
        assert "".join(body).strip()
        assert not re.search(r"None|True|False|Undefined|[{}]|  |\n{3}| [.,:]|\.\.|: \.|_", text.replace(last, "")), (
            text
        )


def test_a_message_asks_something_or_says_that_nothing_is_asked() -> None:
    informing = {Letter.PLAN, Letter.PLAN_VOID, Letter.RESUMED, Letter.KEYS, Letter.DECEASED, Letter.MOVED}
    for letter, what in letters():
        if letter in informing or (letter is Letter.RECEIVED and what["executed"]):
            continue
        text = render(letter, what)
        assert re.search(
            r"[Dd]et här (behöver|ber vi)|behöver (du|ni) inte|(du|ni) behöver inte|behöver göras", text, re.IGNORECASE
        ), text


def test_the_dead_are_not_to_be_contacted() -> None:
    for letter in (Letter.COLLECT, Letter.CANCEL, Letter.CANCEL_OR_FETCH, Letter.DECEASED):
        for what in contents(letter):
            if what.get("deceased", True):
                for to in ("alarm_team", "coordinator"):
                    text = render(letter, {"to": to, **what})
                    assert "avlidit" in text
                    assert "med brukaren" not in text
                    assert "till brukaren" not in text


def test_times_are_written_out_for_every_night() -> None:
    text = render(Letter.TIMES, {"to": "alarm_team", "times": EVERY_NIGHT})
    assert "Varje natt: 22:30, 02:15 och 05:00 (3 tillsyner)" in text
    assert "om 3 tillsyner per natt" in text


def test_times_that_differ_are_written_by_group_of_nights() -> None:
    text = render(Letter.TIMES, {"to": "alarm_team", "times": UNEVEN})
    assert "Nätter som börjar måndag till onsdag: 22:30 (1 tillsyn)" in text
    assert "Nätter som börjar lördag: 23:00 och 01:12 (2 tillsyner)" in text
    assert "Övriga nätter: ingen tillsyn" in text
    assert "högst 2 tillsyner per natt" in text


def test_the_plan_names_the_first_and_the_last_look() -> None:
    what: What = {"to": "plan", "times": EVERY_NIGHT, "first_look": "2026-11-03T22:30", "last_look": "2027-01-31T05:00"}
    text = render(Letter.PLAN, what)
    assert "tisdag den 3 november 2026 klockan 22:30" in text
    assert "söndag den 31 januari 2027 klockan 05:00" in text


def test_refused_times_come_with_the_reason() -> None:
    what: What = {
        "to": "coordinator",
        "code": "more_than_granted",
        "params": json.dumps({"nights": "måndag", "found": "4", "granted": "3"}),
        "running": True,
    }
    text = render(Letter.TIMES_REFUSED, what)
    assert "Antalet tider per natt för måndag är 4, men beviljat är högst 3" in text
    assert "Tills vidare gäller de tider som är överenskomna sedan tidigare" in text


@pytest.mark.parametrize("keys", ["needed", "other_services", "alarm"])
def test_installing_says_whether_keys_are_needed_and_why(keys: str) -> None:
    text = render(Letter.INSTALL, {"to": "alarm_team", "first_day": None, "last_day": None, "keys": keys})
    reason = {"needed": "inte har någon annan", "other_services": "andra insatser", "alarm": "har larm"}
    assert reason[keys] in text
    assert ("Hämta in nycklar" in text) is (keys == "needed")


def test_a_second_copy_says_so_and_carries_the_same_mark() -> None:
    what: What = {"to": "authority", "deceased": False}
    first, second = render(Letter.END_HEARD, what), render(Letter.END_HEARD, what, second_copy=True)
    assert "kan vara en kopia" in second
    assert first.splitlines()[-1] == second.splitlines()[-1] == mark(REFERENCE, "07-K4QX")


def test_a_text_that_grows_too_long_is_cut_before_its_mark() -> None:
    texts = Texts("sv", {**TEXTS.sections, "times": {"no_times": "x" * 2 * LONGEST}}, strict=True)
    what: What = {"to": "coordinator", "code": "no_times", "params": "{}", "running": False}
    text = render_letter(Letter.TIMES_REFUSED, what, reference=REFERENCE, act="123", texts=texts)
    assert len(text) == LONGEST
    assert "x…\n\nDen här anteckningen skrivs automatiskt" in text
    assert text.endswith("\n\n[TK-7F3K2M/123]")


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({}, "not_executed: 'signal' is undefined"),
        ({"signal": None}, "not_executed: its content doesn't suit it"),
        ({"signal": "consent_signed", "when": "22:30"}, "not_executed: when can't be read"),
    ],
)
def test_content_that_does_not_suit_is_told_by_letter_and_key(what: What, told: str) -> None:
    with pytest.raises(WrongContent, match=told):
        render(Letter.NOT_EXECUTED, what)


def test_a_reason_that_has_no_text_still_makes_a_readable_message() -> None:
    what: What = {"to": "alarm_team", "reason": "a_new_reason", "keys_back": False, "deceased": False}
    assert "Anledning: a new reason." in render_letter(Letter.CANCEL, what, reference=REFERENCE, act="01")


@pytest.mark.parametrize(
    "step", [s.id for s in STEPS.values() if s.role is not Role.ADAPTER and s.id not in ("I1", "A0")]
)
@pytest.mark.parametrize(("mail", "level"), [("reminder", 1), ("reminder", 2), ("escalation", 3)])
def test_a_late_step_is_told_with_what_is_asked_and_the_case(step: str, mail: str, level: int) -> None:
    what: What = {"mail": mail, "to": "coordinator", "step": step, "since": "2026-11-03", "level": level}
    subject, body = render_mail(what, reference=REFERENCE, texts=TEXTS)
    assert REFERENCE in subject
    assert len(subject) < 120
    assert TEXTS.say("step_asks", step, heading="rubriken för överenskomna tillsynstider") in body
    assert TEXTS.say("step_names", step) in subject
    assert "tisdag den 3 november 2026" in body
    assert ("igen" in subject) is (level == 2)


def test_every_cause_of_parking_makes_a_mail() -> None:
    for code in TEXTS.sections["attention"]:
        params = dict.fromkeys(TEXTS.params_of("attention", code), "A5")
        for to in ("it", "coordinator"):
            what: What = {"mail": "parked", "to": to, "code": code, **params}
            subject, body = render_mail(what, reference=REFERENCE, texts=TEXTS)
            assert REFERENCE in subject
            assert REFERENCE in body or to != "it"
            assert not re.search(r"None|[{}]", subject + body)


def test_a_step_with_nowhere_to_note_it_is_asked_about() -> None:
    what: What = {"mail": "parked", "to": "coordinator", "code": "nowhere_to_note", "step": "A5"}
    subject, body = render_mail(what, reference=REFERENCE, texts=TEXTS)
    assert "hämtning av kamerapaketet" in subject
    assert "Är det gjort?" in body


@pytest.mark.parametrize(
    ("letter", "what", "kind"),
    [
        (Letter.TIMES, {"times": EVERY_NIGHT}, "bilaga-1"),
        (Letter.TIMES_CHANGED, {"times": EVERY_NIGHT}, "bilaga-1"),
        (Letter.INSTALL, {"keys": "needed"}, "checklista"),
        (Letter.COLLECT, {"reason": "decision_ended", "keys_back": True, "deceased": False}, "checklista-hamtning"),
        (
            Letter.CANCEL_OR_FETCH,
            {"reason": "order_ended", "keys_back": False, "deceased": True},
            "checklista-hamtning",
        ),
    ],
)
def test_where_people_reach_the_status_page_a_message_that_needs_a_document_links_to_it(
    letter: Letter, what: What, kind: str
) -> None:
    linked, told = TEXTS.plus(pages={"url": "https://tk.kommun.example"}), {"to": "alarm_team", **what}
    text = render_letter(letter, told, reference=REFERENCE, act="07-K4QX", texts=linked)
    assert f": https://tk.kommun.example/cases/{REFERENCE}/{kind}\n" in text
    assert kind in KINDS
    without = render(letter, told)
    assert "http" not in without
    assert "Skriv ut" not in without


def test_no_other_message_has_a_link() -> None:
    linked = TEXTS.plus(pages={"url": "https://tk.kommun.example"})
    letters_with = {
        letter
        for letter, what in letters()
        if "https://" in render_letter(letter, what, reference=REFERENCE, act="07-K4QX", texts=linked)
    }
    needing = {Letter.TIMES, Letter.TIMES_CHANGED, Letter.INSTALL, Letter.COLLECT, Letter.CANCEL_OR_FETCH}
    assert letters_with == needing
