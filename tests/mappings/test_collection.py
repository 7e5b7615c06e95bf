"""``docs/messages.md`` shows every message and mail, as it is sent."""

from pathlib import Path

from adapter.domain.routine import Letter
from mappings.messages.collection import collection, examples
from mappings.texts import Texts

DOCUMENT = Path(__file__).parents[2] / "docs" / "messages.md"


def test_the_document_is_what_is_sent() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == collection(Texts.load(strict=True)), (
        "write it anew: python -m mappings.messages.collection > docs/messages.md"
    )


def test_no_message_and_no_mail_is_left_out() -> None:
    assert {what["letter"] for what in examples("letters")} == set(Letter)
    assert {what["mail"] for what in examples("mails")} == Texts.load().sections["mails"].keys()
