"""How the texts of the corpus are read: night by night, or refused with the reason."""

import json

import pytest

from tests.domain.test_nights_docs import ACCEPTED, REFUSED
from tests.domain.times.corpus import Case, corpus, reading

CORPUS = corpus()


def _in_order(wanted: str) -> list[str]:
    return sorted(wanted.split("; "))


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: json.dumps(case.text, ensure_ascii=True)[:60])
def test_a_text_is_read_as_the_corpus_says(case: Case) -> None:
    got = reading(case.note, changed=case.changed, granted=case.granted)
    assert _in_order(got) == _in_order(case.wanted), f"\ntext:   {case.text}\nwanted: {case.wanted}\ngot:    {got}"


def test_the_corpus_is_large_and_holds_the_texts_of_the_page() -> None:
    texts = [case.text for case in CORPUS]
    assert len(texts) >= 600
    assert {*ACCEPTED, *REFUSED} <= set(texts)
