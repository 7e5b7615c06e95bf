"""From an act's content to the text that is read, with the mark that it is found again by (LA4)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from adapter.domain.ledger import What
from adapter.domain.routine import STEPS, Letter
from mappings.messages import swedish
from mappings.messages.fields import DEADLOCK, LETTER_FIELDS, MAIL_ABOUT, MAIL_FIELDS, TO, MessageError, readable
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
_MANY_LINES = re.compile(r"\n{3,}")


def mark(reference: str, act: str) -> str:
    """``[TK-7F3K2M/07-K4QX]``, by an act's own ``mark``: sought to find out whether its note was written (LA4)."""
    return f"[{reference}/{act}]"


def render_letter(
    letter: Letter, what: What, *, reference: str, act: str, second_copy: bool = False, texts: Texts | None = None
) -> str:
    """The note of an act, whose keys are those of ``LETTER_FIELDS`` and ``to``. Its first line says what it is about,
    its last is the mark, by the act's own (``act``). Raises ``MessageError``."""
    texts = texts or Texts.load()
    values = readable(letter.value, {"to": TO, **LETTER_FIELDS[letter]}, what, texts)
    text = _rendered(f"{letter.value}.j2", texts, values | {"reference": reference})
    contact = texts.say("contacts", "it") if texts.has("contacts", "it") else "IT-funktionen"
    last = [_WRITTEN_BY.format(contact=contact), mark(reference, act)]
    ending = "\n\n" + "\n\n".join([_SECOND_COPY] * second_copy + last)
    room = LONGEST - len(ending)
    return (text if len(text) <= room else text[: room - 1].rstrip() + "…") + ending


def render_mail(what: What, *, reference: str, texts: Texts | None = None) -> tuple[str, str]:
    """Subject and body of a mail act, whose keys are those of ``MAIL_FIELDS``, ``mail`` and ``to``. Raises
    ``MessageError``."""
    texts = texts or Texts.load()
    name = str(what.get("mail"))
    if name not in MAIL_FIELDS:
        raise MessageError(f"mail: there is no such mail; known are {', '.join(MAIL_FIELDS)}")
    values = readable(f"mail {name}", {**MAIL_ABOUT, **MAIL_FIELDS[name]}, what, texts)
    values |= {"reference": reference, **_about(what, texts)}
    template = "deadlock" if what.get("code") == DEADLOCK else name
    subject, _, body = _rendered(f"mail_{template}.j2", texts, values).partition("\n")
    return subject, body.strip()[:LONGEST] + "\n"


def _about(what: What, texts: Texts) -> dict[str, str]:
    """The unit's name, whom to ask, who has been reminded; the step's name and what it asks for, where there is one."""
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
    # By its meaning: a mail that is sent again has the same words, whatever was learnt of the headings since.
    noted = f"rubriken för {texts.say('signals', 'times_agreed')}"
    ask = texts.say("step_asks", step, heading=noted) if texts.has("step_asks", step) else ""
    return {**about, "step": texts.say("steps", step), "name": name, "ask": ask}


def _heading(texts: Texts, signal: str) -> str:
    """The heading that a signal is noted under, by its name in the case system where that is known."""
    name = texts.say("headings", signal) if texts.has("headings", signal) else None
    return f"rubriken ”{name}”" if name else f"rubriken för {texts.say('signals', signal)}"


def _page(texts: Texts, reference: str, kind: str) -> str:
    """Where a document of the case is fetched, behind the sign-in; empty where people can't reach the status page."""
    return f"{texts.say('pages', 'url')}/cases/{reference}/{kind}" if texts.has("pages", "url") else ""


def _rendered(template: str, texts: Texts, values: dict[str, Any]) -> str:
    known: dict[str, Any] = {"say": texts.say, "has": texts.has, "forms": texts.sections.get("forms", {})}
    known["heading"] = lambda signal: _heading(texts, signal)
    known["page"] = lambda kind: _page(texts, str(values.get("reference")), kind)
    text = _environment(texts.language).get_template(template).render(**known, **values)
    return _MANY_LINES.sub("\n\n", "\n".join(line.strip() for line in text.splitlines())).strip()


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("mappings.messages", language),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=(), default_for_string=False),  # plain text, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # part of the package
    )
    environment.filters["lower_first"] = lambda text: text[:1].lower() + text[1:]
    for helper in (swedish.day, swedish.moment, swedish.period, swedish.looks):
        environment.globals[helper.__name__] = helper
    return environment
