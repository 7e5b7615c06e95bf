"""The words that people read outside messages. One table per language, ``texts.<language>.toml``."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from string import Formatter
from typing import Self


class MissingText(KeyError):
    """There is no text for this code, or a parameter is missing. Raised only if ``strict``."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Sentences by section and code. A missing one becomes something readable, as a night must not depend on a text; if
    ``strict`` (tests) it is an error."""

    language: str
    sections: Mapping[str, Mapping[str, str]]
    strict: bool = False

    @classmethod
    @cache
    def load(cls, language: str = "sv", *, strict: bool = False) -> Self:
        """The table of a language, read once. Raises ``FileNotFoundError`` if there is none."""
        file = resources.files("mappings") / f"texts.{language}.toml"
        return cls(language, tomllib.loads(file.read_text(encoding="utf-8")), strict)

    def plus(self, **sections: Mapping[str, str]) -> Self:
        """The same, with a municipality's own sections added."""
        return replace(self, sections={**self.sections, **sections})

    def has(self, section: str, code: str) -> bool:
        return code in self.sections.get(section, {})

    def params_of(self, section: str, code: str) -> frozenset[str]:
        """The parameters that the text needs. Raises ``KeyError`` where there is no such text."""
        return frozenset(name for _, name, _, _ in Formatter().parse(self.sections[section][code]) if name)

    def say(self, section: str, code: str, /, **params: object) -> str:
        """The text with its parameters filled in. Parameters that it doesn't use are ignored."""
        params = {name: self._named(name, value) for name, value in params.items()}
        text = self.sections.get(section, {}).get(code)
        if text is not None and self.params_of(section, code) <= params.keys():
            return text.format_map(params)
        if self.strict:
            raise MissingText(f"texts.{self.language}.toml has no [{section}] {code} for {sorted(params)}")
        told = ", ".join(f"{name}: {value}" for name, value in sorted(params.items()))
        return f"{code.replace('_', ' ')} ({told})" if told else code.replace("_", " ")

    def _named(self, name: str, value: object) -> object:
        """The words for a parameter named ``resource`` or ``resources``, which holds codes of the section
        ``resources``."""
        known = self.sections.get("resources", {})
        if name not in ("resource", "resources") or not isinstance(value, str):
            return value
        return ", ".join(known.get(part, part) for part in value.split(", "))
