"""RTF around a note is removed, and only words of the note are left."""

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


UNSEEN = {
    r"{\rtf1 {\strike 22:30}\strike0 23:00}": " 23:00".strip(),
    r"{\rtf1 \strike 22:30\strike0  23:00}": "23:00",
    r"{\rtf1 \striked1 22:30 \plain 23:00}": "23:00",
    r"{\rtf1 {\deleted 22:30 }23:00}": "23:00",
    r"{\rtf1 {\v 22:30 }23:00}": "23:00",
    r"{\rtf1 {\header 22:30\par}{\footerf 02:15}23:00}": "23:00",
    r"{\rtf1 23:00}{\rtf1 22:30} 05:00": "23:00",
    r"{\rtf1 23:00} 05:00": "23:00",
}


@pytest.mark.parametrize("text", UNSEEN)
def test_what_a_reader_does_not_take_for_the_notes_words_is_none_of_them(text: str) -> None:
    assert plain_text(text) == UNSEEN[text]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"{\rtf1 m\'e5n \- fre}", "mån \u00ad fre"),
        (r"{\rtf1 m\'e5n \'ad fre}", "mån \u00ad fre"),
        (r"{\rtf1 m\'e5n\_fre}", "mån\u2011fre"),
        (r"{\rtf1 \trowd a\cell b\cell\row c\cell d\cell\row}", "a\tb\t\nc\td\t"),
    ],
)
def test_no_sign_that_can_be_a_dash_vanishes_and_a_table_keeps_its_columns(text: str, wanted: str) -> None:
    assert plain_text(text) == wanted


def test_plain_text_is_no_rtf() -> None:
    assert not is_rtf("22:30 {inte rtf}")
