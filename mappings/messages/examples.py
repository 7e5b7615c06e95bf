"""An example of every message and mail, in each situation that differs. They stand in ``examples.sv.toml``;
``docs/messages.md`` and the guides are made of them."""

import tomllib
from functools import cache
from importlib import resources

from adapter.domain.ledger import What


@cache
def examples(kind: str) -> tuple[What, ...]:
    """The contents of the example acts, with the ``situation`` of each. ``kind`` is ``letters`` or ``mails``."""
    file = resources.files("mappings.messages") / "examples.sv.toml"
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    shared = document["shared"]
    return tuple({key: shared.get(value, value) for key, value in example.items()} for example in document[kind])
