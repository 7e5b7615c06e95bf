"""Redaction: what must go, what must stay."""

import uuid
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.redact import REDACTED, redact

BIRTHDAYS = st.dates(datetime(1890, 1, 1, tzinfo=UTC).date(), datetime(2039, 12, 31, tzinfo=UTC).date())
LAST_FOUR = st.one_of(st.from_regex(r"TF[0-9]{2}", fullmatch=True), st.from_regex(r"[A-Z][0-9]{3}", fullmatch=True))
AROUND = st.sampled_from(
    ["", " ", "'", '"', ",", "(", "/", "=", "PersonId='", "%27", "%3D", "%253D%2527", "\n", "å", "_"]
)


@st.composite
def identity_numbers(draw: st.DrawFn) -> str:
    born, last = draw(BIRTHDAYS), draw(LAST_FOUR)
    dash = draw(st.sampled_from(["-", "+", "%2D", "%2d", "%252D", "–"]))
    return draw(
        st.sampled_from(
            [
                f"{born:%Y%m%d}{last}",
                f"{born:%Y%m%d}{dash}{last}",
                f"{born:%Y%m%d} {last}",
                f"{born:%y%m%d}{dash}{last}",
            ]
        )
    )


@given(AROUND, identity_numbers(), st.sampled_from(["", " ", "'", "%27", ",", ".", "&", "/", "_", "\n"]))
def test_an_identity_number_of_any_shape_goes(before: str, number: str, after: str) -> None:
    """L13"""
    text = f"{before}{number}{after}"
    assert redact(text) == f"{before}{REDACTED}{after}"


@pytest.mark.parametrize("number", ["190001010000", "19000101-0000", "000101-0000", "0001010000", "19000161-0000"])
def test_digits_only_go_as_well(number: str) -> None:
    """L13: digits, and a coordination number's day plus 60."""
    assert redact(f"x {number}, y") == f"x {REDACTED}, y"


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001 - the zone is drawn below
    st.sampled_from([None, UTC, timezone(timedelta(hours=1)), timezone(timedelta(hours=-5))]),
    st.sampled_from(["auto", "minutes", "seconds", "microseconds"]),
    st.sampled_from(["T", " "]),
)
def test_a_timestamp_stays(moment: datetime, zone: timezone | None, precision: str, between: str) -> None:
    stamp = moment.replace(tzinfo=zone).isoformat(between, timespec=precision)
    for text in (stamp, stamp.replace("+00:00", "Z"), stamp.replace("+01:00", "+0100").replace("-05:00", "-0500")):
        assert redact(f"at {text}: x") == f"at {text}: x"
    assert redact(f"gt={quote(stamp)}&x") == f"gt={quote(stamp)}&x"
    assert redact(f"{moment:%Y-%m-%d}") == f"{moment:%Y-%m-%d}"


@given(st.uuids())
def test_a_uuid_stays(value: uuid.UUID) -> None:
    assert redact(f"schedule {value}.") == f"schedule {value}."


def test_a_uuid_that_looks_like_an_identity_number_stays() -> None:
    text = "19900101-0000-4000-8000-190001010000"
    assert redact(text) == text


@given(st.from_regex(r"TK-[0-9A-Z]{6}(/[0-9]{2})?", fullmatch=True), st.integers(-(10**9) + 1, 10**9 - 1))
def test_case_references_and_ordinary_integers_stay(reference: str, number: int) -> None:
    text = f"[{reference}] id {number}; {number}, {reference}-2"
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET /x?domain=d&key=aU%2beJ%2fa%3d&q=1", "aU%2beJ"),
        ("key=aU+eJ/a=", "aU+eJ"),
        ("url=%3Fkey%3DaUeJ%2Fa", "aUeJ"),
        ("Authorization: Bearer eyJ.abc-_~+/=", "eyJ"),
        ("authorization=bearer%20eyJabc", "eyJabc"),
        ('{"access_token": "eyJabc"}', "eyJabc"),
        ("client_secret=hush&x", "hush"),
        ("X-API-Key: aUeJ", "aUeJ"),
        ("password: isrequired", "isrequired"),
    ],
)
def test_secrets_go(text: str, secret: str) -> None:
    """L3"""
    assert secret not in redact(text)
    assert REDACTED in redact(text)


def test_what_is_said_about_keys_stays() -> None:
    """L1"""
    text = "Invalid argument: key. Ambiguous API key, ... client_secret: is required; password: must be one line"
    assert redact(text) == text


SCRAPS = st.sampled_from(
    [
        "key=",
        "Bearer ",
        "19900101TF03",
        "900101-TF03",
        "%27",
        "%2D",
        "-",
        "+",
        " ",
        "=",
        "&",
        "'",
        "[",
        "]",
        "199",
        "0101",
        "TK-7F3K2M",
        "2026-01-31T02:15:00",
        ".010203",
        "-0500",
        "19900101-0000-4000-8000-190001010000",
        "a",
        "T",
        "token:",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(SCRAPS, max_size=12).map("".join)))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


def test_a_token_right_behind_a_number_goes_with_it() -> None:
    assert redact("190001010000BEARER eyJabc") == f"{REDACTED}BEARER {REDACTED}"
