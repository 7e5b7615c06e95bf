"""From an act's content to the text of a message or mail, with the mark by which a note is found again (LA4)."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateError, TemplateNotFound, select_autoescape

from adapter.domain.ledger import What
from adapter.domain.nights import NightTimes
from adapter.domain.routine import STEPS
from mappings.content import WrongContent
from mappings.messages import swedish
from mappings.texts import Texts

LONGEST: Final = 4_000
"""Characters of a message, its mark included."""

_SECOND_COPY: Final = (
    "Det här meddelandet kan vara en kopia: det gick inte att se om det redan hade kommit fram. Har du redan tagit "
    "hand om det behöver du inte göra något mer."
)
_WRITTEN_BY: Final = (
    "Den här anteckningen skrivs automatiskt av kopplingen mellan Lifecare och Phoniro. Frågor: {contact}."
)
DEADLOCK: Final = "nowhere_to_note"
"""The only cause of parking that is a question about a step. It has a template of its own."""
_MANY_LINES = re.compile(r"\n{3,}")

_DAYS = ("first_day", "last_day", "old_first_day", "old_last_day", "when", "signed", "night", "as_of", "by")
_MOMENTS = ("first_look", "last_look", "next_done", "due")
_CODES = ("asks", "gates")
_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    **dict.fromkeys(_DAYS, date.fromisoformat),
    **dict.fromkeys(_MOMENTS, datetime.fromisoformat),
    **dict.fromkeys(_CODES, lambda text: text.split(",")),
    "since": lambda text: (datetime if "T" in text else date).fromisoformat(text),
    "times": lambda text: swedish.times_text(NightTimes.from_text(text)),
    "looks": lambda text: [(datetime.fromisoformat(at), about) for at, about in json.loads(text)],
    "cases": lambda text: [{**row, "since": date.fromisoformat(row["since"])} for row in json.loads(text)],
    "params": json.loads,
}
"""How a value of the act's content is read, by its name; other values reach the template as they are. Days are ISO
dates, moments local ISO dates and times, lists are JSON, and codes have commas between them."""
_LEFT_OUT: Final[Mapping[str, Any]] = {
    **dict.fromkeys((*_DAYS, *_MOMENTS, "granted", "rests", "order", "unit")),
    **dict.fromkeys(("running", "installed", "over", "collected", "scheduled", "assigned"), False),
    **dict.fromkeys(_CODES, ()),
    "params": {},
}
"""Values that may be left out of an act's content, or that earlier versions left out."""


def mark(reference: str, act: str) -> str:
    """``[TK-7F3K2M/07-K4QX]``, by an act's own ``mark``. It shows whether the act's note was written (LA4)."""
    return f"[{reference}/{act}]"


def render_letter(
    letter: str, what: What, *, reference: str, act: str, second_copy: bool = False, texts: Texts | None = None
) -> str:
    """The note of an act; ``letter`` is a ``Letter``. Its first line says what it is about, its last is the mark, made
    of the act's own (``act``). The letter's template tells which keys of the content are needed. Raises
    ``WrongContent``."""
    texts = texts or Texts.load()
    text = _rendered(letter, what, texts, {"reference": reference})
    contact = texts.say("contacts", "it") if texts.has("contacts", "it") else "IT-funktionen"
    last = [_WRITTEN_BY.format(contact=contact), mark(reference, act)]
    ending = "\n\n" + "\n\n".join([_SECOND_COPY] * second_copy + last)
    room = LONGEST - len(ending)
    return (text if len(text) <= room else text[: room - 1].rstrip() + "…") + ending


def render_mail(what: What, *, reference: str, texts: Texts | None = None) -> tuple[str, str]:
    """Subject and body of a mail act: ``mail`` names its template, ``to`` its reader. Raises ``WrongContent``."""
    texts = texts or Texts.load()
    template = "mail_deadlock" if what.get("code") == DEADLOCK else f"mail_{what.get('mail')}"
    subject, _, body = _rendered(template, what, texts, {"reference": reference, **_about(what, texts)}).partition("\n")
    return subject, body.strip()[:LONGEST] + "\n"


def _about(what: What, texts: Texts) -> dict[str, str]:
    """What a mail says beside the act's content: the unit's name, whom to ask, who was reminded, and a step's name and
    task."""
    unit, role, step = str(what.get("unit")), str(what.get("role")), str(what.get("step"))
    about = {
        "unit_name": texts.say("units", unit) if texts.has("units", unit) else "",
        "contact": texts.say("contacts", "it") if texts.has("contacts", "it") else "",
        "role": role,
        "who": texts.say("roles", role) if texts.has("roles", role) else "",
    }
    if step not in STEPS:
        return about
    name = texts.say("step_names", step) if texts.has("step_names", step) else texts.say("steps", step)
    # Named by its meaning, so that a mail that is sent again keeps its words, whatever is learnt meanwhile.
    noted = f"rubriken för {texts.say('signals', 'times_agreed')}"
    ask = texts.say("step_asks", step, heading=noted) if texts.has("step_asks", step) else ""
    return {**about, "step": texts.say("steps", step), "name": name, "ask": ask}


def _heading(texts: Texts, signal: str) -> str:
    """The heading for a signal, by its name in the case system if that is known."""
    name = texts.say("headings", signal) if texts.has("headings", signal) else None
    return f"rubriken ”{name}”" if name else f"rubriken för {texts.say('signals', signal)}"


def _page(texts: Texts, reference: str, kind: str) -> str:
    """The address of a document of the case, behind the sign-in. Empty if people can't reach the status page."""
    return f"{texts.say('pages', 'url')}/cases/{reference}/{kind}" if texts.has("pages", "url") else ""


def _rendered(template: str, what: What, texts: Texts, more: Mapping[str, str]) -> str:
    known: dict[str, Any] = {"say": texts.say, "has": texts.has, "forms": texts.sections.get("forms", {}), "what": what}
    known["heading"] = lambda signal: _heading(texts, signal)
    known["page"] = lambda kind: _page(texts, more["reference"], kind)
    values = {**_LEFT_OUT, **{key: _value(template, key, value) for key, value in what.items()}, **more}
    try:
        text = _environment(texts.language).get_template(f"{template}.j2").render({**values, **known})
    except TemplateNotFound:
        raise WrongContent(f"{template}: there is no such template") from None
    except (TemplateError, AttributeError, LookupError, TypeError) as error:
        # Only the error for a missing key is sure to hold no value.
        told = error.message if isinstance(error, TemplateError) else "its content doesn't suit it"
        raise WrongContent(f"{template}: {told}") from None
    return _MANY_LINES.sub("\n\n", "\n".join(line.strip() for line in text.splitlines())).strip()


def _value(template: str, key: str, value: str | int | bool | None) -> Any:
    if value is None:
        return _LEFT_OUT.get(key)
    try:
        return _READ[key](value) if key in _READ else value  # type: ignore[arg-type]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise WrongContent(f"{template}: {key} can't be read") from None


def _printed(value: object) -> object:
    """Refuses a missing value: "None" is never written."""
    if value is None:
        raise TypeError
    return value


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("mappings.messages", language),
        undefined=StrictUndefined,
        finalize=_printed,
        autoescape=select_autoescape(enabled_extensions=(), default_for_string=False),  # plain text, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # part of the package
    )
    environment.filters["lower_first"] = lambda text: text[:1].lower() + text[1:]
    for helper in (swedish.day, swedish.moment, swedish.period, swedish.looks):
        environment.globals[helper.__name__] = helper
    return environment
