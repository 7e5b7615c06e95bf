"""The table in docs/security.md has each requirement of OWASP ASVS 4.0.3 up to level 2, and the things that it names
exist."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEVEL_2 = """
1.1 1-7, 1.2 1-4, 1.4 1 4 5, 1.5 1-4, 1.6 1-4, 1.7 1-2, 1.8 1-2, 1.9 1-2, 1.10 1, 1.11 1-2, 1.12 2, 1.14 1-6,
2.1 1-12, 2.2 1-3, 2.3 1-3, 2.4 1-6, 2.5 1-7, 2.6 1-3, 2.7 1-6, 2.8 1-7, 2.9 1-3, 2.10 1-4,
3.1 1, 3.2 1-4, 3.3 1-4, 3.4 1-5, 3.5 1-3, 3.7 1,
4.1 1 2 3 5, 4.2 1-2, 4.3 1-3,
5.1 1-5, 5.2 1-8, 5.3 1-10, 5.4 1-3, 5.5 1-4,
6.1 1-3, 6.2 1-6, 6.3 1-2, 6.4 1-2,
7.1 1-4, 7.2 1-2, 7.3 1 3 4, 7.4 1-3,
8.1 1-4, 8.2 1-3, 8.3 1-8,
9.1 1-3, 9.2 1-4,
10.2 1-2, 10.3 1-3,
11.1 1-8,
12.1 1-3, 12.2 1, 12.3 1-6, 12.4 1-2, 12.5 1-2, 12.6 1,
13.1 1 3 4 5, 13.2 1 2 3 5 6, 13.3 1-2, 13.4 1-2,
14.1 1-4, 14.2 1-6, 14.3 2-3, 14.4 1-7, 14.5 1-4
"""
"""By section, without requirements of level 3 only, and without those that were removed from the standard."""


def numbers(spans: str) -> Iterator[int]:
    for span in spans.split():
        first, _, last = span.partition("-")
        yield from range(int(first), int(last or first) + 1)


def required() -> set[str]:
    sections = (section.split(maxsplit=1) for section in LEVEL_2.replace("\n", " ").split(","))
    return {f"{section}.{number}" for section, spans in sections for number in numbers(spans)}


def named(cell: str) -> Iterator[str]:
    """``1.1.1, 2.1.1-2.1.12`` one by one."""
    for span in cell.split(", "):
        first, _, last = span.partition("-")
        section, _, number = first.rpartition(".")
        for n in range(int(number), int((last or first).rpartition(".")[2]) + 1):
            yield f"{section}.{n}"


def test_each_requirement_stands_in_one_row_and_what_it_points_to_is_there() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").partition("## OWASP ASVS")[2]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if re.match(r"\| \d", line)]
    seen = Counter(name for row in rows for name in named(row[0]))
    assert seen.keys() == required()
    assert {name for name, times in seen.items() if times > 1} == set()
    assert {row[1] for row in rows} >= {"met", "partly", "not met", "does not apply"}
    files = re.findall(r"`((?:adapter|connectors|deploy|docs|tests|requirements)/[\w/.]+)`", text)
    assert len(files) > 20
    assert [name for name in files if not (ROOT / name).exists()] == []
