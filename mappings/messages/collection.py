"""Every message and mail as its reader gets it, in the situations that differ: ``docs/messages.md``.

Print it with ``python -m mappings.messages.collection``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import time
from typing import Final

from adapter.domain.ledger import What
from adapter.domain.nights import NightTimes
from adapter.domain.routine import Letter
from mappings.messages.render import render_letter, render_mail
from mappings.texts import Texts

REFERENCE: Final = "TK-7F3K2M"

_TIMES: Final = json.dumps(NightTimes(((time(22, 30), time(2, 15), time(5)),) * 7).to_json())
_WEEK: Final = json.dumps(NightTimes((*((time(23), time(4)),) * 5, (time(0, 30),), (time(0, 30),))).to_json())
_FIRST, _LAST = "2026-11-02", "2027-04-30"
_DATES: Final[What] = {"first_day": _FIRST, "last_day": None}
_MISSED: Final = json.dumps([["2026-11-02T22:30", "missed"]])
_OUT: Final[What] = {"reason": "decision_ended", "last_day": _LAST, "keys_back": False, "deceased": False}
_BY_HAND: Final[What] = {
    "op": "pause",
    "n": 1,
    "last_day": None,
    "since": "2026-11-07T01:20",
    "refused": False,
    "open": True,
}

LETTERS: Final[tuple[tuple[str, str, Letter, What], ...]] = (
    (
        "En ny beställning",
        "coordinator",
        Letter.RECEIVED,
        {**_DATES, "granted": 3, "keys": "other_services", "asks": "times", "executed": False},
    ),
    (
        "En ny beställning, redan verkställd, utan antal, för den som inte har något annat",
        "coordinator",
        Letter.RECEIVED,
        {**_DATES, "last_day": _LAST, "granted": None, "keys": "needed", "asks": None, "executed": True},
    ),
    (
        "Beslutet förnyas",
        "coordinator",
        Letter.RENEWED,
        {"first_day": "2027-05-01", "last_day": None, "granted": 3, "executed": False, "installed": True},
    ),
    (
        "En annan beställning ersätter den första före installationen",
        "coordinator",
        Letter.RENEWED,
        {**_DATES, "granted": 2, "executed": True, "installed": False},
    ),
    (
        "Ärendet flyttar till en annan enhet",
        "coordinator",
        Letter.MOVED,
        {"last_day": None, "times": _TIMES, "running": True},
    ),
    (
        "… innan tillsynen har börjat",
        "coordinator",
        Letter.MOVED,
        {"last_day": _LAST, "times": None, "running": False},
    ),
    ("Kameran ska sättas upp, nycklar behövs", "alarm_team", Letter.INSTALL, {**_DATES, "keys": "needed"}),
    ("… brukaren har larm", "alarm_team", Letter.INSTALL, {**_DATES, "last_day": _LAST, "keys": "alarm"}),
    ("Nycklar behövs ändå", "alarm_team", Letter.KEYS, {"keys": "needed"}),
    ("Nycklar behövs inte längre", "alarm_team", Letter.KEYS, {"keys": "alarm"}),
    ("Tiderna är överenskomna", "alarm_team", Letter.TIMES, {"times": _TIMES}),
    (
        "… och faller samtidigt som många andra",
        "coordinator",
        Letter.CROWDED,
        {"times": _TIMES, "at": "02:15", "count": 11, "limit": 10},
    ),
    ("Nya tider före installationen", "alarm_team", Letter.TIMES_CHANGED, {"times": _WEEK, "installed": False}),
    ("Nya tider när kameran är uppe", "alarm_team", Letter.TIMES_CHANGED, {"times": _WEEK, "installed": True}),
    (
        "Sista dagen ändras",
        "coordinator",
        Letter.DATES_CHANGED,
        {**_DATES, "last_day": _LAST, "old_first_day": _FIRST, "old_last_day": None},
    ),
    (
        "Första dagen flyttas",
        "alarm_team",
        Letter.DATES_CHANGED,
        {**_DATES, "old_first_day": "2026-10-26", "old_last_day": None},
    ),
    (
        "Slutet tas tillbaka",
        "alarm_team",
        Letter.DATES_CHANGED,
        {**_DATES, "old_first_day": _FIRST, "old_last_day": _LAST},
    ),
    (
        "Båda ändras före starten",
        "coordinator",
        Letter.DATES_CHANGED,
        {**_DATES, "last_day": _LAST, "old_first_day": "2026-10-26", "old_last_day": None},
    ),
    (
        "Tiderna förs in i genomförandeplanen",
        "plan",
        Letter.PLAN,
        {"times": _TIMES, "first_look": "2026-11-02T22:30", "last_look": "2027-04-30T22:30"},
    ),
    ("Tiderna gäller inte längre", "plan", Letter.PLAN_VOID, {"reason": "decision_ended"}),
    (
        "Fler tider än beslutet ger",
        "coordinator",
        Letter.TIMES_REFUSED,
        {
            "code": "more_than_granted",
            "params": json.dumps({"found": "4", "granted": "3", "nights": "alla nätter"}),
            "running": False,
        },
    ),
    (
        "En tid utanför natten, medan tillsynen pågår",
        "coordinator",
        Letter.TIMES_REFUSED,
        {
            "code": "outside_window",
            "params": json.dumps({"time": "14:00", "line": "1", "start": "21:00", "end": "07:00"}),
            "running": True,
        },
    ),
    (
        "Kameran är uppe men beställningen inte verkställd",
        "coordinator",
        Letter.NOT_EXECUTED,
        {"signal": "consent_signed"},
    ),
    (
        "Installationen är i morgon, beställningen inte verkställd",
        "coordinator",
        Letter.INSTALLED_SOON,
        {"when": _FIRST},
    ),
    ("Klart för start utan samtycke", "coordinator", Letter.NO_CONSENT, {"missing": "consent"}),
    (
        "Kameran är hämtad utan att insatsen är avslutad",
        "coordinator",
        Letter.CONTRADICTION,
        {"signal": "equipment_collected"},
    ),
    (
        "Hämtning är bokad utan att insatsen är avslutad",
        "coordinator",
        Letter.CONTRADICTION,
        {"signal": "pickup_booked"},
    ),
    ("Utföraren hör först om ett avslut", "authority", Letter.END_HEARD, {"deceased": False}),
    ("… efter ett dödsfall", "authority", Letter.END_HEARD, {"deceased": True}),
    ("Samtycket återkallas", "authority", Letter.CONSENT_WITHDRAWN, {"scheduled": True, "paused": True}),
    ("Samtycket återkallas", "coordinator", Letter.CONSENT_WITHDRAWN, {"scheduled": True, "paused": True}),
    ("… och Phoniro svarar inte", "coordinator", Letter.CONSENT_WITHDRAWN, {"scheduled": True, "paused": False}),
    (
        "… innan tillsynen har börjat",
        "coordinator",
        Letter.CONSENT_WITHDRAWN,
        {"scheduled": False, "paused": False},
    ),
    ("Brukaren har avlidit", "coordinator", Letter.DECEASED, {"scheduled": True, "paused": True}),
    ("… och Phoniro svarar inte", "coordinator", Letter.DECEASED, {"scheduled": True, "paused": False}),
    ("Brukaren har avlidit", "alarm_team", Letter.DECEASED, {"scheduled": False, "paused": False}),
    ("Dödsfallet var fel", "coordinator", Letter.DEATH_CORRECTED, {"scheduled": True}),
    ("Dödsfallet var fel", "alarm_team", Letter.DEATH_CORRECTED, {"scheduled": False}),
    ("Utvandrad", "coordinator", Letter.DEREGISTERED, {"reason": "emigrated"}),
    (
        "Om en dag tar verkställigheten slut",
        "coordinator",
        Letter.PAUSE_AHEAD,
        {"cause": "execution_over", "when": _LAST},
    ),
    (
        "Verkställigheten avslutas utan beslut",
        "coordinator",
        Letter.PAUSED,
        {"cause": "execution_over", "paused": True},
    ),
    ("… och Phoniro svarar inte", "coordinator", Letter.PAUSED, {"cause": "execution_over", "paused": False}),
    ("Verkställigheten avslutas utan beslut", "authority", Letter.PAUSED, {"cause": "execution_over", "paused": True}),
    ("En anteckning felmarkeras", "coordinator", Letter.PAUSED, {"cause": "evidence_lost", "paused": True}),
    (
        "Den nya beställningen är inte verkställd",
        "coordinator",
        Letter.PAUSED,
        {"cause": "not_executed", "paused": True},
    ),
    ("Första dagen flyttas efter starten", "coordinator", Letter.PAUSED, {"cause": "not_begun", "paused": True}),
    ("Pausen syns inte i Phoniro efter tio minuter", "coordinator", Letter.BY_HAND, _BY_HAND),
    (
        "Phoniro tar inte emot en ny sista dag",
        "coordinator",
        Letter.BY_HAND,
        {**_BY_HAND, "op": "change", "last_day": _LAST, "refused": True},
    ),
    ("Nu syns pausen", "coordinator", Letter.BY_HAND_DONE, {"op": "pause", "n": 1, "last_day": None, "done": True}),
    ("Den behövs inte längre", "coordinator", Letter.BY_HAND_DONE, {"op": "pause", "n": 1, "done": False}),
    ("Pausen är slut", "coordinator", Letter.RESUMED, {"cause": "consent_withdrawn"}),
    ("Pausen är slut", "authority", Letter.RESUMED, {"cause": "consent_withdrawn"}),
    ("E-tillsynen börjar", "coordinator", Letter.STARTED, {"times": _TIMES, "first_look": "2026-11-03T02:15"}),
    ("Beställningen sätts tillbaka före starten", "alarm_team", Letter.ON_HOLD, {}),
    ("… och skickas igen", "coordinator", Letter.HOLD_OVER, {}),
    (
        "En förnyelse ger färre tillsyner",
        "coordinator",
        Letter.FEWER_GRANTED,
        {"granted": 1, "found": 3, "when": "2027-05-01"},
    ),
    ("Personnumret ersätts", "coordinator", Letter.RENUMBERED, {}),
    (
        "Ett steg intygas för hand",
        "coordinator",
        Letter.DECLARED,
        {"signal": "equipment_collected", "when": _FIRST, "who": "koordinator Norra"},
    ),
    ("En beställning för en avliden", "coordinator", Letter.ORDER_FOR_DECEASED, {}),
    (
        "Den andra insatsen upphör medan kameran är uppe",
        "alarm_team",
        Letter.KEYS,
        {"keys": "needed", "running": True},
    ),
    ("Det som skulle hämtas ska vara kvar", "alarm_team", Letter.STAY, {**_DATES, "keys": "needed"}),
    ("Kameran ska hämtas", "alarm_team", Letter.COLLECT, {**_OUT, "keys_back": True}),
    ("… efter ett dödsfall", "alarm_team", Letter.COLLECT, {**_OUT, "keys_back": True, "deceased": True}),
    (
        "Installationen var bokad",
        "alarm_team",
        Letter.CANCEL_OR_FETCH,
        {**_OUT, "reason": "order_withdrawn", "last_day": None},
    ),
    ("… efter ett dödsfall", "alarm_team", Letter.CANCEL_OR_FETCH, {**_OUT, "deceased": True}),
    ("Inget var bokat", "alarm_team", Letter.CANCEL, {**_OUT, "reason": "order_withdrawn", "last_day": None}),
    (
        "I natt blev en tillsyn inte gjord",
        "coordinator",
        Letter.LOOKS_MISSED,
        {"night": _FIRST, "looks": _MISSED, "next_done": "2026-11-03T02:15"},
    ),
    (
        "… och Phoniro rättar det",
        "coordinator",
        Letter.LOOKS_CORRECTED,
        {"night": _FIRST, "looks": json.dumps([["2026-11-02T22:30", "ok"]])},
    ),
    ("Kameran svarar inte", "alarm_team", Letter.CAMERA_OFFLINE, {"since": "2026-11-02T22:30"}),
    ("Kameran svarar inte", "coordinator", Letter.CAMERA_OFFLINE, {"since": "2026-11-02T22:30"}),
    ("Kameran svarar igen", "alarm_team", Letter.CAMERA_ONLINE, {"since": "2026-11-03T22:30"}),
    ("Kameran svarar igen", "coordinator", Letter.CAMERA_ONLINE, {"since": "2026-11-03T22:30"}),
    ("Allt är klart", "coordinator", Letter.READY_TO_CLOSE, {**_OUT, "executed": True}),
    (
        "Allt är klart, och det fanns ingen verkställighet",
        "coordinator",
        Letter.READY_TO_CLOSE,
        {"reason": "order_withdrawn", "last_day": None, "executed": False},
    ),
)

_ABOUT: Final[What] = {"order": "SB-100002", "unit": 7102, "by": "2026-11-09"}
_LOOK: Final[What] = {"due": "2026-11-02T22:30", "outcome": "missed"}
_HELD: Final[What] = {"mail": "visits_held", "to": "it", "table": "", "key": "", "fields": ""}
_LOOKED: Final[What] = {**_LOOK, "mail": "look_unentitled", "outcome": "ok", "case": REFERENCE, "n": 1}
_PAUSE: Final[What] = {**_ABOUT, "cause": "consent_withdrawn"}

MAILS: Final[tuple[tuple[str, What], ...]] = (
    (
        "Ett steg är sent",
        {**_ABOUT, "mail": "reminder", "to": "coordinator", "step": "I4", "since": _FIRST, "level": 1},
    ),
    ("… fortfarande", {"mail": "reminder", "to": "alarm_team", "step": "A5", "since": _FIRST, "level": 2}),
    ("… trots två påminnelser", {"mail": "escalation", "to": "escalation", "step": "I10", "since": _FIRST, "level": 3}),
    (
        "Ingen har löst en paus",
        {**_PAUSE, "mail": "pause_reminder", "to": "authority", "role": "authority", "since": _FIRST, "level": 1},
    ),
    (
        "… trots två påminnelser",
        {**_PAUSE, "mail": "pause_reminder", "to": "escalation", "role": "authority", "since": _FIRST, "level": 3},
    ),
    ("Tillsynen pausas", {**_PAUSE, "mail": "night_paused", "to": "night", "paused": True}),
    ("… och Phoniro svarar inte", {**_PAUSE, "mail": "night_paused", "to": "night", "paused": False}),
    ("Pausen är slut", {**_PAUSE, "mail": "night_resumed", "to": "night"}),
    (
        "E-tillsynen börjar",
        {**_ABOUT, "mail": "night_started", "to": "night", "times": _TIMES, "first_look": "2026-11-03T02:15"},
    ),
    ("Pausen syns inte i Phoniro efter tio minuter", {**_ABOUT, **_BY_HAND, "mail": "by_hand", "to": "night"}),
    ("Nu syns pausen", {**_ABOUT, **_BY_HAND, "mail": "by_hand_done", "to": "night", "done": True}),
    ("En tillsyn är inte gjord", {**_ABOUT, **_LOOK, "mail": "look_missed", "to": "night", "may_look": True}),
    ("… och tillsynen har pausats", {**_ABOUT, **_LOOK, "mail": "look_missed", "to": "night", "may_look": False}),
    ("Den var gjord", {**_ABOUT, **_LOOK, "mail": "look_done", "to": "night", "outcome": "ok"}),
    ("Någon har tittat utan rätt", {**_LOOKED, "to": "authority"}),
    ("Någon har tittat utan rätt", {**_LOOKED, "to": "it"}),
    ("Ingen följer tillsynerna", {"mail": "looks_unfollowed", "to": "night", "since": "2026-11-02T22:30"}),
    ("Ingen följer tillsynerna", {"mail": "looks_unfollowed", "to": "it", "since": "2026-11-02T22:30"}),
    (
        "När det går att läsa igen",
        {"mail": "looks_late", "to": "night", "looks": json.dumps([["2026-11-02T22:30", "TK-7F3K2M"]])},
    ),
    ("Tillsyner utan ärende", {"mail": "looks_unowned", "to": "it", "count": 2, "schedule": "5e0b9d6c"}),
    ("Tillsyner kan inte skrivas till Lifecare", {**_HELD, "table": "reported_visits", "key": "service_type"}),
    ("… för att nattpersonalen inte är känd", {**_HELD, "table": "reported_visits.personnel"}),
    ("… för att Lifecare inte tar emot dem", {**_HELD, "fields": "StartTime"}),
    ("Kameran är kvar efter ett dödsfall", {**_ABOUT, "mail": "camera_left", "to": "escalation", "since": _FIRST}),
    (
        "Ett samtycke som ska gås igenom",
        {**_ABOUT, "mail": "consent_review", "to": "coordinator", "since": _FIRST, "signed": _FIRST, "level": 1},
    ),
    ("Genomförandeplanen ska följas upp", {**_ABOUT, "mail": "plan_follow_up", "to": "coordinator", "when": _LAST}),
    (
        "Tiderna står inte i någon genomförandeplan",
        {**_ABOUT, "mail": "reminder", "to": "night", "step": "I12", "since": _FIRST, "level": 1},
    ),
    ("En frånvaro utan slut", {**_ABOUT, "mail": "absence", "to": "coordinator", "since": _FIRST}),
    (
        "Månadens lista över beslut utan tillsyn",
        {
            "mail": "unfulfilled",
            "to": "followup",
            "as_of": "2026-12-01",
            "cases": json.dumps(
                [
                    {"case": REFERENCE, "order": "SB-100002", "unit": 7102, "kind": "not_executed", "level": "report"}
                    | {"since": "2026-08-28"},
                    {"case": "TK-3DKQ8W", "order": None, "unit": None, "kind": "interrupted", "level": "warning"}
                    | {"since": "2026-10-02"},
                ]
            ),
        },
    ),
    (
        "… när ingen saknar tillsyn",
        {"mail": "unfulfilled", "to": "followup", "as_of": "2026-12-01", "cases": "[]"},
    ),
    (
        "Det som inte kan skrivas i journalen",
        {**_ABOUT, "mail": "unwritten", "to": "alarm_team", "letter": "collect"},
    ),
    ("Ärendet behöver hjälp", {"mail": "parked", "to": "coordinator", "code": "client_not_visible"}),
    ("Något kunde inte utföras", {"mail": "parked", "to": "it", "code": "act_parked", "act": "07"}),
    ("Något att kontrollera", {"mail": "notice", "to": "coordinator", "code": "checksum"}),
    (
        "Ett steg går inte att anteckna",
        {"mail": "parked", "to": "coordinator", "code": "nowhere_to_note", "step": "A5"},
    ),
    (
        "En beställning går inte att läsa",
        {"mail": "order", "to": "coordinator", "code": "order_unread", "id": "SB-100002"},
    ),
)


def collection(texts: Texts | None = None) -> str:
    """The whole document, in Markdown."""
    return "\n".join(_lines(texts or Texts.load()))


def _lines(texts: Texts) -> Iterator[str]:
    yield from (
        "# Meddelandena, som deras läsare får dem",
        "",
        "Ett exempel för varje läge som skiljer sig. Texterna är de som skickas; de skrivs av",
        "`python -m mappings.messages.collection`. Inget meddelande nämner någon vid namn.",
        "",
        "## Anteckningar i Lifecare",
    )
    for situation, to, letter, what in LETTERS:
        reader = "genomförandeplanen" if to == "plan" else texts.say("roles", to)
        text = render_letter(letter, {"to": to, **what}, reference=REFERENCE, act="07-K4QX", texts=texts)
        yield from ("", f"### {situation}: till {reader}", "", *_quoted(text))
    yield from ("", "## Mejl")
    for situation, what in MAILS:
        about = str(what["id"]) if what["mail"] == "order" else REFERENCE
        subject, body = render_mail(what, reference=about, texts=texts)
        yield from ("", f"### {situation}: till {texts.say('roles', str(what['to']))}", "")
        yield from _quoted(f"Ämne: {subject}\n\n{body.strip()}")
    yield ""


def _quoted(text: str) -> Iterator[str]:
    yield from (f"> {line}".rstrip() for line in text.split("\n"))


if __name__ == "__main__":
    sys.stdout.write(collection())
