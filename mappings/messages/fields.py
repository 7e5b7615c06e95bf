"""What each message and mail is told: the keys of an act's content, and what each holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from adapter.domain.facts import OPTIONAL
from adapter.domain.ledger import What
from adapter.domain.nights import NightTimes
from adapter.domain.routine import Letter
from mappings.messages.swedish import times_text
from mappings.texts import Texts


class MessageError(Exception):
    """An act's content doesn't suit its template: the message names the letter and the key, never a value."""


@dataclass(frozen=True, slots=True)
class Field:
    """A key of ``what``. ``kind`` says what it holds, and what the template gets:

    ``day``: ISO date; ``moment``: ISO local date and time; ``text``: str; ``count``: int; ``flag``: bool; ``choice``:
    one of ``choices``; ``times``: ``NightTimes.to_json()`` as JSON text; ``code``: a code of the text table's section
    ``section`` (the template gets its words, and the code itself as ``<key>_code``); ``codes``: such codes with commas
    between; ``problem``: a code of ``section``, whose parameters are JSON text under ``params``; ``notice``: one whose
    parameters stand beside it; ``looks``: JSON text of a list of local moments, each with an outcome or a case;
    ``cases``: JSON text of a list of objects with ``case``, ``order``, ``unit``, ``kind``, ``level`` and ``since``.
    ``optional`` lets it be null or left out.
    """

    kind: str
    section: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False


_DAY = Field("day")
_DAY_OR_NONE = Field("day", optional=True)
_MOMENT_OR_NONE = Field("moment", optional=True)
_FLAG = Field("flag")
_TIMES = Field("times")
_KEYS = Field("choice", choices=("needed", "other_services", "alarm"))
_CAUSE = Field("code", section="causes")
_REASON = Field("code", section="reasons")
_STEP = Field("code", section="steps")
_LOOKS = Field("looks")
_LOOK: Final = {"due": Field("moment"), "outcome": Field("code", section="look_outcomes")}
_DATES: Final = {"first_day": _DAY_OR_NONE, "last_day": _DAY_OR_NONE}

_OUT: Final = {"reason": _REASON, "last_day": _DAY_OR_NONE, "keys_back": _FLAG, "deceased": _FLAG}
_OP = Field("choice", choices=("pause", "end", "change"))
_BY_HAND: Final = {"op": _OP, "n": Field("count"), "last_day": _DAY_OR_NONE}

TO: Final = Field("choice", choices=("coordinator", "alarm_team", "authority", "plan"))
"""Every letter is told ``to``; ``letter`` names it, ``unit`` (coordinator's unit id or null) and ``execution`` (id or
null) say where it is written."""

LETTER_FIELDS: Final[Mapping[Letter, Mapping[str, Field]]] = MappingProxyType(
    {
        Letter.RECEIVED: {
            **_DATES,
            "granted": Field("count", optional=True),
            "keys": _KEYS,
            "asks": Field("codes", section="asks", optional=True),
            "executed": _FLAG,
        },
        Letter.RENEWED: {**_DATES, "granted": Field("count", optional=True), "executed": _FLAG, "installed": _FLAG},
        Letter.MOVED: {"last_day": _DAY_OR_NONE, "times": Field("times", optional=True), "running": _FLAG},
        Letter.INSTALL: {**_DATES, "keys": _KEYS, "gates": Field("codes", section="gate_asks", optional=True)},
        Letter.KEYS: {"keys": _KEYS, "running": Field("flag", optional=True)},
        Letter.RENUMBERED: {},
        Letter.DECLARED: {"signal": Field("code", section="signals"), "when": _DAY, "who": Field("text")},
        Letter.ON_HOLD: {},
        Letter.HOLD_OVER: {},
        Letter.FEWER_GRANTED: {"granted": Field("count"), "found": Field("count"), "when": _DAY},
        Letter.ORDER_FOR_DECEASED: {},
        Letter.STARTED: {"times": _TIMES, "first_look": _MOMENT_OR_NONE},
        Letter.TIMES: {"times": _TIMES},
        Letter.CROWDED: {"times": _TIMES, "at": Field("text"), "count": Field("count"), "limit": Field("count")},
        Letter.TIMES_CHANGED: {"times": _TIMES, "installed": Field("flag", optional=True)},
        Letter.DATES_CHANGED: {**_DATES, "old_first_day": _DAY_OR_NONE, "old_last_day": _DAY_OR_NONE},
        Letter.PLAN: {
            "times": _TIMES,
            "first_look": _MOMENT_OR_NONE,
            "last_look": _MOMENT_OR_NONE,
            "rests": Field("code", section="causes", optional=True),
        },
        Letter.PLAN_VOID: {"reason": _REASON},
        Letter.TIMES_REFUSED: {"code": Field("problem", section="times"), "running": _FLAG},
        Letter.NOT_EXECUTED: {"signal": Field("code", section="signals")},
        Letter.INSTALLED_SOON: {"when": _DAY},
        Letter.NO_CONSENT: {"missing": Field("choice", choices=("consent", "liability", "both", *sorted(OPTIONAL)))},
        Letter.CONTRADICTION: {"signal": Field("code", section="signals")},
        Letter.END_HEARD: {"deceased": _FLAG},
        Letter.CONSENT_WITHDRAWN: {"scheduled": _FLAG, "paused": _FLAG},
        Letter.DECEASED: {"scheduled": _FLAG, "paused": _FLAG},
        Letter.DEATH_CORRECTED: {"scheduled": _FLAG, "over": Field("flag", optional=True)},
        Letter.DEREGISTERED: {"reason": Field("choice", choices=("emigrated", "other", "inactive"))},
        Letter.PAUSED: {"cause": _CAUSE, "paused": _FLAG},
        Letter.PAUSE_AHEAD: {"cause": _CAUSE, "when": _DAY},
        Letter.BY_HAND: {**_BY_HAND, "since": Field("moment"), "refused": _FLAG, "open": _FLAG},
        Letter.BY_HAND_DONE: {**_BY_HAND, "done": _FLAG},
        Letter.RESUMED: {"cause": _CAUSE},
        Letter.STAY: {**_DATES, "keys": _KEYS},
        Letter.COLLECT: _OUT,
        Letter.CANCEL_OR_FETCH: _OUT,
        Letter.CANCEL: {**_OUT, "collected": Field("flag", optional=True)},
        Letter.LOOKS_MISSED: {"night": _DAY, "looks": _LOOKS, "next_done": _MOMENT_OR_NONE},
        Letter.LOOKS_CORRECTED: {"night": _DAY, "looks": _LOOKS},
        Letter.CAMERA_OFFLINE: {"since": Field("moment")},
        Letter.CAMERA_ONLINE: {"since": Field("moment")},
        Letter.READY_TO_CLOSE: {
            "reason": _REASON,
            "last_day": _DAY_OR_NONE,
            "executed": _FLAG,
            "scheduled": Field("flag", optional=True),
            "assigned": Field("flag", optional=True),
        },
    }
)
"""Keys that stand in no row are let be. ``per_night`` of times is counted from the times themselves."""

MAIL_TO: Final = Field(
    "choice",
    choices=("assessor", "coordinator", "alarm_team", "authority", "plan", "night", "escalation", "followup", "it"),
)
"""Every mail is told ``to``, which with ``unit`` (id or null) names the mailbox; ``mail`` names what it is."""

MAIL_FIELDS: Final[Mapping[str, Mapping[str, Field]]] = MappingProxyType(
    {
        "reminder": {"step": _STEP, "since": _DAY, "level": Field("count")},
        "escalation": {"step": _STEP, "since": _DAY, "level": Field("count")},
        "pause_reminder": {"cause": _CAUSE, "since": _DAY, "level": Field("count")},
        "camera_left": {"since": _DAY},
        "absence": {"since": _DAY},
        "plan_follow_up": {"when": _DAY},
        "consent_review": {"signed": _DAY, "level": Field("count")},
        "night_paused": {"cause": _CAUSE, "paused": _FLAG},
        "night_started": {"times": _TIMES, "first_look": _MOMENT_OR_NONE},
        "night_resumed": {"cause": _CAUSE},
        "by_hand": {**_BY_HAND, "since": Field("moment"), "refused": _FLAG, "open": _FLAG},
        "by_hand_done": {**_BY_HAND, "done": _FLAG},
        "look_missed": {**_LOOK, "may_look": _FLAG},
        "look_done": _LOOK,
        "look_unentitled": {**_LOOK, "case": Field("text"), "n": Field("count")},
        "looks_unfollowed": {"since": Field("moment")},
        "looks_late": {"looks": _LOOKS},
        "looks_unowned": {"count": Field("count"), "schedule": Field("text")},
        "visits_held": {"table": Field("text"), "key": Field("text"), "fields": Field("text")},
        "unfulfilled": {"as_of": _DAY, "cases": Field("cases")},
        "unwritten": {"letter": Field("code", section="letters")},
        "parked": {"code": Field("notice", section="attention")},
        "notice": {"code": Field("notice", section="attention")},
        "order": {"code": Field("notice", section="attention")},
    }
)
"""The parameters of a ``parked``, ``notice`` or ``order`` mail's sentence stand flat beside its ``code``."""

MAIL_ABOUT: Final = {
    "to": MAIL_TO,
    "order": Field("text", optional=True),
    "unit": Field("count", optional=True),
    "by": _DAY_OR_NONE,
}
"""What every mail holds, whatever it is about."""

DEADLOCK: Final = "nowhere_to_note"
"""The one cause of parking that is a question about a step, in a template of its own."""


def readable(name: str, fields: Mapping[str, Field], what: What, texts: Texts) -> dict[str, Any]:
    """What a template gets for the content of an act. Raises ``MessageError`` for a missing key or a wrong value."""
    values: dict[str, Any] = {}
    for key, field in fields.items():
        value = what.get(key)
        if value is None and not field.optional:
            raise MessageError(f"{name}: {key} is missing from the act's content")
        try:
            values[key] = _read(field, value, what, texts)
        except (TypeError, ValueError):
            raise MessageError(f"{name}: {key} is no {field.kind}") from None
        if field.kind == "code":
            values[f"{key}_code"] = value
    return values


def _read(field: Field, value: str | int | bool | None, what: What, texts: Texts) -> Any:
    match field.kind, value:
        case "codes", _:
            return [code for code in str(value or "").split(",") if code]
        case _, None:
            return None
        case "flag", bool():
            return value
        case "count", int() if not isinstance(value, bool):
            return value
        case "problem", str():
            return texts.say(field.section, value, **json.loads(str(what.get("params") or "{}")))
        case "notice", str():
            return texts.say(field.section, value, **what)
        case "code", str():
            return texts.say(field.section, value)
        case "choice", str() if value in field.choices:
            return value
        case kind, str() if kind in _TEXTS:
            return _TEXTS[kind](value)
    raise ValueError(field.kind)


_TEXTS: Final[Mapping[str, Callable[[str], Any]]] = {
    "text": str,
    "day": date.fromisoformat,
    "moment": datetime.fromisoformat,
    "cases": lambda text: [{**row, "since": date.fromisoformat(row["since"])} for row in json.loads(text)],
    "looks": lambda text: [(datetime.fromisoformat(at), outcome) for at, outcome in json.loads(text)],
    "times": lambda text: times_text(NightTimes.from_json(json.loads(text))),
}
