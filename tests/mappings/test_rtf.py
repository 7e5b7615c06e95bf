"""RTF around a note is taken off, and nothing that isn't a word of the note gets in."""

from __future__ import annotations

import pytest

from connectors.mock.lifecare.rendering import rtf
from mappings.rtf import is_rtf, plain_text

WORD = (
    r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss Arial 12;}}{\colortbl ;\red0\green0\blue0;}"
    r"{\*\generator Riched20 10.0;}\viewkind4\uc1\pard\f0\fs20 M\'e5n-fre 22:30\par" + "\r\n" + r"L\u246?r 01:15\par}"
)


def test_a_note_from_a_word_processor_keeps_its_words_and_lines() -> None:
    assert plain_text(WORD) == "Mån-fre 22:30\nLör 01:15"


@pytest.mark.parametrize(
    "text", ["Varje natt 22:30, 02:15 och 05:00", "mån-fre 23:00\nlör 01:15", r"klamrar {22} och \ snett", "😀 é å ä ö"]
)
def test_what_the_simulated_lifecare_wraps_comes_out_again(text: str) -> None:
    assert is_rtf(rtf(text))
    assert plain_text(rtf(text)) == text


@pytest.mark.parametrize("text", [r"{\rtf1", r"{\rtf1 \'z}", r"}}{\rtf1 a}}}", r"{\rtf1 \u99999999?\uc9 x}", ""])
def test_a_broken_document_never_fails(text: str) -> None:
    assert isinstance(plain_text(text), str)


def test_plain_text_is_no_rtf() -> None:
    assert not is_rtf("22:30 {inte rtf}")
