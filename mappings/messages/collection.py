"""Every message and mail as its reader gets it, in each situation that differs: ``docs/messages.md``.

Print it with ``python -m mappings.messages.collection``. The examples are in ``examples.sv.toml``.
"""

import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Final

from adapter.domain.ledger import What
from mappings.messages.render import render_letter, render_mail
from mappings.texts import Texts

REFERENCE: Final = "TK-7F3K2M"


@cache
def examples(kind: str) -> tuple[What, ...]:
    """The contents of the example acts, with the ``situation`` of each. ``kind`` is ``letters`` or ``mails``."""
    file = resources.files("mappings.messages") / "examples.sv.toml"
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    shared = document["shared"]
    return tuple({key: shared.get(value, value) for key, value in example.items()} for example in document[kind])


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
    for what in examples("letters"):
        reader = "genomförandeplanen" if what["to"] == "plan" else texts.say("roles", str(what["to"]))
        text = render_letter(str(what["letter"]), what, reference=REFERENCE, act="07-K4QX", texts=texts)
        yield from ("", f"### {what['situation']}: till {reader}", "", *_quoted(text))
    yield from ("", "## Mejl")
    for what in examples("mails"):
        about = str(what["id"]) if what["mail"] == "order" else REFERENCE
        subject, body = render_mail(what, reference=about, texts=texts)
        yield from ("", f"### {what['situation']}: till {texts.say('roles', str(what['to']))}", "")
        yield from _quoted(f"Ämne: {subject}\n\n{body.strip()}")
    yield ""


def _quoted(text: str) -> Iterator[str]:
    yield from (f"> {line}".rstrip() for line in text.split("\n"))


if __name__ == "__main__":
    sys.stdout.write(collection())
