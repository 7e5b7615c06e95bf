"""``docs/messages.md`` and the guides show every message and mail."""

from adapter.domain.routine import Letter
from mappings.messages.examples import examples
from mappings.texts import Texts


def test_no_message_and_no_mail_is_left_out() -> None:
    assert {what["letter"] for what in examples("letters")} == set(Letter)
    assert {what["mail"] for what in examples("mails")} == Texts.load().sections["mails"].keys()
