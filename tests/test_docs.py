"""Everything that the documents name exists: links, headings, files, settings, and commands with their options."""

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapter.cli.app import Commands

ROOT = Path(__file__).parents[1]
DOCS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = ("adapter/", "connectors/", "mappings/", "tests/", "docs/", "deploy/", "config/", "requirements/")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
COMMANDS = Commands(name="adapter")
each_document = pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)


def spans(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def headings(text: str) -> set[str]:
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@each_document
def test_every_link_leads_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for file, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", text):
        target = path.parent / file if file else path
        assert target.exists(), file
        assert not anchor or anchor in headings(target.read_text(encoding="utf-8")), f"{file}#{anchor}"


@each_document
def test_every_file_and_setting_that_is_named_is_there(path: Path) -> None:
    for span in spans(path.read_text(encoding="utf-8")):
        if span.startswith(ROOMS) and re.fullmatch(r"[\w./-]+", span):
            assert (ROOT / span).exists(), span
        section, _, name = span.partition(".")
        if section in ("engine", "ops", "store", "logs", "mail", "lifecare", "phoniro") and name.isidentifier():
            assert f"`{name}`" in SETTINGS or name in ("md", "toml"), span


def test_the_table_of_the_rooms_names_every_module_in_its_room_and_nothing_else() -> None:
    named: dict[str, list[str]] = {}
    room = ""
    for first, parts in re.findall(
        r"^\|(.*?)\|(.*?)\| [\d,]+ \|", (ROOT / "docs/architecture.md").read_text("utf-8"), re.M
    ):
        room = spans(first)[0] if spans(first) else room
        named.setdefault(room, []).extend(spans(parts))
    for room, parts in named.items():
        modules = {path.stem for path in (ROOT / room).glob("[!_]*.py")}
        packages = {path.name for path in (ROOT / room).iterdir() if list(path.glob("*.py"))}
        there = {name for name in modules | packages if f"{room}/{name}" not in named}
        found = [name for part in parts for name in fnmatch.filter(there, part)]
        assert sorted(found) == sorted(there), room
        assert all(fnmatch.filter(there, part) for part in parts), room


@each_document
def test_every_command_is_one_and_has_the_options_that_it_is_given(path: Path) -> None:
    for line in commands(path.read_text(encoding="utf-8")):
        words = re.split(r" [#|<>] ", line)[0].split()[1:]
        command: Any = COMMANDS
        while words and hasattr(command, "get_command") and not words[0].startswith("-"):
            name = words.pop(0)
            command = command.get_command(None, name)
            assert command is not None, f"{line}: {name}"
        options = {option for param in command.params for option in param.opts} | {"--help", "--version"}
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= options, line


def commands(text: str) -> Iterator[str]:
    """Every ``adapter …`` between backticks or in a block of a terminal."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    typed = "\n".join(blocks).replace("\\\n", " ")
    yield from re.findall(r"^\$ (adapter .*)$", typed, re.MULTILINE)
    yield from (span for span in spans(text) if re.match(r"adapter [a-z]", span) and "`" not in span)
