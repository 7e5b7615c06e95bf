"""From an act's content to the text that is read, with the mark that it is found again by (LA4)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from adapter.domain.ledger import What
from adapter.domain.routine import STEPS, Letter
from mappings.messages import swedish
from mappings.messages.fields import DEADLOCK, LETTER_FIELDS, MAIL_FIELDS, MAIL_TO, TO, MessageError, readable
from mappings.texts import Texts

LONGEST: Final = 4_000
"""Characters of a message, its mark included."""

_SECOND_COPY: Final = (
    "Det här meddelandet kan vara en kopia: det gick inte att se om det redan hade kommit fram. Har du redan tagit "
    "hand om det behöver du inte göra något mer."
)
_MANY_LINES = re.compile(r"\n{3,}")


def mark(reference: str, n: int) -> str:
    """``[TK-7F3K2M/07]``: unique to an act, sought to find out whether its note was written (LA4)."""
    return f"[{reference}/{n:02d}]"


def render_letter(
    letter: Letter, what: What, *, reference: str, n: int, second_copy: bool = False, texts: Texts | None = None
) -> str:
    """The note of an act, whose keys are those of ``LETTER_FIELDS`` and ``to``. Its first line says what it is about,
    its last is the mark. Raises ``MessageError``."""
    texts = texts or Texts.load()
    values = readable(letter.value, {"to": TO, **LETTER_FIELDS[letter]}, what, texts)
    text = _rendered(f"{letter.value}.j2", texts, values)
    ending = "\n\n" + "\n\n".join([_SECOND_COPY] * second_copy + [mark(reference, n)])
    room = LONGEST - len(ending)
    return (text if len(text) <= room else text[: room - 1].rstrip() + "…") + ending


def render_mail(what: What, *, reference: str, texts: Texts | None = None) -> tuple[str, str]:
    """Subject and body of a mail act, whose keys are those of ``MAIL_FIELDS``, ``mail`` and ``to``. Raises
    ``MessageError``."""
    texts = texts or Texts.load()
    name = str(what.get("mail"))
    if name not in MAIL_FIELDS:
        raise MessageError(f"mail: there is no such mail; known are {', '.join(MAIL_FIELDS)}")
    values = readable(f"mail {name}", {"to": MAIL_TO, **MAIL_FIELDS[name]}, what, texts)
    values |= {"reference": reference, **_step_words(what, texts)}
    template = "deadlock" if what.get("code") == DEADLOCK else name
    subject, _, body = _rendered(f"mail_{template}.j2", texts, values).partition("\n")
    return subject, body.strip()[:LONGEST] + "\n"


def _step_words(what: What, texts: Texts) -> dict[str, str]:
    """The step's name, what is asked of whom; nothing where the mail is about no step."""
    step = what.get("step")
    if not isinstance(step, str) or step not in STEPS:
        return {}
    ask = texts.say("step_asks", step) if texts.has("step_asks", step) else ""
    name = texts.say("step_names", step) if texts.has("step_names", step) else texts.say("steps", step)
    return {
        "step": texts.say("steps", step),
        "name": name,
        "ask": ask,
        "who": texts.say("roles", STEPS[step].role.value),
    }


def _rendered(template: str, texts: Texts, values: dict[str, Any]) -> str:
    text = _environment(texts.language).get_template(template).render(say=texts.say, has=texts.has, **values)
    return _MANY_LINES.sub("\n\n", "\n".join(line.strip() for line in text.splitlines())).strip()


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("mappings.messages", language),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=(), default_for_string=False),  # plain text, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for helper in (swedish.day, swedish.moment, swedish.period, swedish.looks):
        environment.globals[helper.__name__] = helper
    return environment
