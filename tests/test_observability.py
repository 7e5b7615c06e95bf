"""The log: it never shows anything personal or secret, whoever writes to it, and every event is in the catalogue
(P8)."""

import ast
import io
import json
import logging
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from logging import ERROR
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from adapter.log_events import COMMON, EVENTS, log, log_context
from adapter.observability import (
    MUTED,
    OURS,
    PLAIN,
    REFUSED,
    Redaction,
    Repeats,
    configure_logging,
    describe_error,
    is_personal,
    log_crashes,
    render_error,
    without_urls,
)
from adapter.store.sealing import Sealing
from connectors.errors import Refused
from connectors.redact import REDACTED, redact

ROOT = Path(__file__).parents[1]
SECRET = "k+Z/not-a-real-key=="
TF = "19900101TF03"
NAME = "Testa Testsson"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    named = [logging.getLogger(name) for name in (*OURS, *MUTED)]
    before = root.handlers, root.level, [(logger, logger.level) for logger in named]
    yield
    root.handlers = before[0]
    root.setLevel(before[1])
    for logger, level in before[2]:
        logger.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def configured(*, as_json: bool = True, level: str = "DEBUG") -> io.StringIO:
    out = io.StringIO()
    # An earlier test captured warnings, and pytest restored them without telling ``logging``.
    logging.captureWarnings(capture=False)
    configure_logging(level, json=as_json, stream=out, secrets=[SECRET])
    return out


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


# A person's number in every form in which it occurs (L13). The last four are letters, or outside any real series.
_days = st.dates(date(1900, 1, 1), date(2026, 12, 31))
_last4 = st.sampled_from(["TF03", "TF99", "0000", "00TF"])


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """A number as people and systems write it."""
    day, last4 = draw(_days), draw(_last4)
    dash = draw(st.sampled_from(["", "-", "+", "–"]))
    long = f"{day:%Y%m%d}{dash}{last4}"
    return draw(st.sampled_from([long, long[2:]])) if last4.isdigit() or dash else long


_wrappings = st.sampled_from(
    [str, quote, lambda n: quote(quote(n)), lambda n: f"PersonId%3D%27{quote(n)}%27", lambda n: f"q=PersonId='{n}'"]
)


def tell(number: str) -> None:
    """Log the number in every way that somebody could."""
    log("fact_problem", code=number, resource=f"clients of {number}", params={number: [number, {"of": (number,)}]})
    log("case_opened", order={number}, person=number)
    log("job_failed", error=ValueError(f"no unit for {number}"))
    if number.isdigit() and not number.startswith("0"):
        log("act_done", attempts=int(number))
    with log_context(case=number, correlation=f"https://lifecare.example/clients/{number}?q={number}"):
        logging.getLogger("somelibrary").warning("GET /clients?q=%s failed for %s", number, {"id": number})
    try:
        try:
            raise KeyError(number)
        except KeyError as inner:
            raise ExceptionGroup(f"two of {number}", [RuntimeError(f"https://x.example/{number}"), inner]) from inner
    except ExceptionGroup as error:
        logging.getLogger("somelibrary").exception("could not %s", number)
        log("case_poisoned", error=error)


@settings(deadline=None)
@given(numbers(), _wrappings, st.booleans())
def test_no_personal_number_survives_in_any_shape(number: str, wrap: Callable[[str], str], as_json: bool) -> None:
    out = configured(as_json=as_json)
    tell(wrap(number))
    written = out.getvalue()
    assert written.count("\n") >= 6
    for shape in (number, quote(number), quote(quote(number)), number.replace("–", "-"), number[-7:]):
        assert shape not in written


@settings(deadline=None)
@given(st.text(alphabet="abcåäö \n\"'{}[]%&?=:/", max_size=20), st.text(alphabet="abcåäö \n\"'{}[]%&?=:/", max_size=20))
def test_no_configured_secret_survives_in_any_form(before: str, after: str) -> None:
    redaction = Redaction([SECRET])
    for form in (SECRET, quote(SECRET, safe=""), quote(SECRET, safe="").lower()):
        written = redaction(None, "", {"event": before + form + after, before + form: 1})
        assert form not in str(written)


@given(st.from_regex(PLAIN, fullmatch=True))
def test_in_plain_words_there_is_nothing_to_redact_but_a_configured_secret(word: str) -> None:
    assert redact(without_urls(word)) == word
    assert Redaction([word * 4])(None, "", {"event": word * 4}) == {"event": REDACTED}


def test_values_under_personal_and_secret_names_are_refused_at_any_depth() -> None:
    out = configured()
    log(
        "case_decided",
        phase={"client": {"FirstName": NAME, "phone": "070"}},
        person_id=NAME,
        attention=[{"text": NAME}],
    )
    (line,) = lines(out)
    assert line["phase"] == {"client": {"FirstName": REFUSED, "phone": REFUSED}}
    assert (line["person_id"], line["attention"]) == (REFUSED, [{"text": REFUSED}])


@pytest.mark.parametrize(
    "key", ["person_id", "PersonId", "name", "FirstName", "address", "phone", "text", "PlainText", "key", "api_key",
            "X-API-Key", "password", "client_secret", "token", "access_token", "Authorization", "personExternalId"]
)  # fmt: skip
def test_names_that_hold_personal_data_or_secrets_are_known(key: str) -> None:
    assert is_personal(key)


def test_no_declared_field_has_a_name_that_is_refused() -> None:
    """Except the person, who is a pseudonym."""
    assert not [f for e in EVENTS.values() for f in e.fields if is_personal(f) and f != "person"]


def test_an_exception_tells_where_and_why_and_nothing_that_it_held() -> None:
    class Model(BaseModel):
        age: int

    def fail(secret_local: str) -> None:
        try:
            Model.model_validate({"age": secret_local})
        except ValidationError as cause:
            raise Refused(
                f"heading 88 is not there for {TF}", vendor="lifecare", call="POST notes", status=400
            ) from cause

    out = configured()
    try:
        fail(NAME)
    except Refused as error:
        log("case_poisoned", error=error)
    (line,) = lines(out)
    told = str(line["exception"])
    assert told.startswith("Refused: lifecare POST notes answered 400: heading 88 is not there for [redacted]")
    assert "caused by ValidationError" in told
    assert "tests/test_observability.py" in told
    assert "<locals>.fail\n" in told
    assert NAME not in out.getvalue()
    assert "secret_local" not in out.getvalue()


@pytest.mark.parametrize(
    "error",
    [
        KeyError(NAME),
        ValueError(f"invalid literal for int() with base 10: {NAME!r}"),
        RuntimeError(f"[SQL: INSERT INTO t VALUES (?)]\n[parameters: ({NAME},)]"),
        RuntimeError(f"Key (details)=({NAME}) already exists"),
        RuntimeError(f"input_value={{'FirstName': '{NAME}"),
    ],
    ids=lambda error: str(error)[:20],
)
def test_of_a_library_s_message_what_it_quotes_is_left_out(error: Exception) -> None:
    assert NAME not in describe_error(error)


def test_of_a_url_only_the_host_is_left() -> None:
    out = configured()
    url = f"https://user:pass@lifecare.example/WE.EC/api/clients/{TF}?domain=d&key=abc"
    log("vendor_call", vendor="lifecare", call=f"GET {url}", outcome="/api?q=PersonId")
    logging.getLogger("a.library").warning("HTTP Request: GET %s", url)
    first, second = lines(out)
    assert first["call"] == "GET https://lifecare.example/[redacted]"
    assert first["outcome"] == "/api?[redacted]"
    assert second["event"] == "HTTP Request: GET https://lifecare.example/[redacted]"


def test_an_object_is_named_by_its_type_never_by_its_repr() -> None:
    class Person:
        def __repr__(self) -> str:
            return NAME

    out = configured()
    log("case_decided", phase=Person(), wanted=[Person()], attention=NAME.encode())
    (line,) = lines(out)
    assert (line["phase"], line["wanted"], line["attention"]) == ("<Person>", ["<Person>"], "<bytes>")


def unwritten(error: str) -> list[str]:
    return [f"a log line of {of} could not be written ({error})" for of in ("service_stopping", "somelibrary")]


def test_a_line_that_can_not_be_written_is_told_of_by_its_name_and_not_by_its_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = configured()
    with monkeypatch.context() as broken:
        broken.setattr(Redaction, "__call__", None)
        log("service_stopping", reason=NAME)
    logging.getLogger("somelibrary").warning("%d persons", NAME)
    assert out.getvalue().splitlines() == unwritten("TypeError")
    assert NAME not in capsys.readouterr().err


@pytest.mark.parametrize("stderr", ["there", "closed", "none"])
def test_a_log_that_is_closed_stops_nothing(
    stderr: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if stderr != "there":
        shut = io.StringIO()
        shut.close()
        monkeypatch.setattr(sys, "stderr", None if stderr == "none" else shut)
    configured().close()
    log("service_stopping", reason=NAME)
    logging.getLogger("somelibrary").warning("%s", NAME)
    assert capsys.readouterr().err.splitlines() == (unwritten("ValueError") if stderr == "there" else [])


def test_libraries_go_the_same_way_and_are_heard_from_warning_on() -> None:
    out = configured()
    for name in (
        "httpx",
        "sqlalchemy.engine.Engine",
        "apscheduler.executors.default",
        "uvicorn.access",
        "uvicorn.error",
    ):
        logging.getLogger(name).info("GET /")
    assert out.getvalue() == ""
    with log_context(tenant="exempelkommun", case="TK-7F3K2M"):
        logging.getLogger("asyncio").warning("a task was slow")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", DeprecationWarning, stacklevel=1)
    first, second = lines(out)
    assert first["event"] == "a task was slow"
    assert (first["tenant"], first["case"], first["logger"]) == ("exempelkommun", "TK-7F3K2M", "asyncio")
    assert second["logger"] == "py.warnings"


def test_a_line_has_time_level_event_and_context() -> None:
    out = configured()
    with log_context(tenant="exempelkommun", case="TK-7F3K2M", correlation="c1"):
        log("act_done", act=7, kind="pause", vendor="phoniro", attempts=1, seconds=0.2)
    (line,) = lines(out)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", str(line.pop("timestamp")))
    assert line == {
        "level": "info", "event": "act_done", "logger": "adapter", "tenant": "exempelkommun", "case": "TK-7F3K2M",
        "correlation": "c1", "act": 7, "kind": "pause", "vendor": "phoniro", "attempts": 1, "seconds": 0.2,
    }  # fmt: skip


def test_the_level_set_holds_for_our_events() -> None:
    out = configured(level="INFO")
    log("feed_read", feed="orders", items=0)
    log("feed_recovered", feed="orders")
    assert [line["event"] for line in lines(out)] == ["feed_recovered"]


def test_a_terminal_gets_readable_lines() -> None:
    out = configured(as_json=False)
    log("feed_recovered", feed="orders")
    assert "feed_recovered" in out.getvalue()
    assert not out.getvalue().startswith("{")


def test_what_ends_the_process_is_told_by_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import threading

    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    out = configured()
    log_crashes(lambda error: log("service_crashed", error=error))
    sys.excepthook(KeyError, KeyError(NAME), None)
    (line,) = lines(out)
    assert (line["event"], line["level"], line["error"]) == ("service_crashed", "error", "KeyError: [redacted]")


@settings(deadline=None)
@given(st.binary(min_size=16, max_size=32), numbers())
def test_a_pseudonym_is_stable_keyed_and_never_taken_for_a_number(key: bytes, number: str) -> None:
    name = Sealing(key).pseudonym(number)
    assert re.fullmatch(r"p-[0-9a-f]{10}", name)
    assert name == Sealing(key).pseudonym(number.replace("-", ""))
    assert name != Sealing(key + b"x").pseudonym(number)
    assert Redaction()(None, "", {"person": name}) == {"person": name}


def test_an_event_that_is_not_in_the_catalogue_is_logged_as_an_error() -> None:
    out = configured()
    log("no_such_event")
    assert lines(out)[0]["level"] == "error"


def test_an_exception_that_causes_itself_ends() -> None:
    error = ValueError("x")
    error.__cause__ = RuntimeError("y")
    error.__cause__.__cause__ = error
    assert render_error(error) == "ValueError: x\ncaused by RuntimeError: y"


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for file in sorted((ROOT / "adapter").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "log":
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def test_every_event_that_is_logged_is_in_the_catalogue_with_its_fields() -> None:
    wrong = []
    for place, call in _calls():
        name = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        event = EVENTS.get(name) if isinstance(name, str) else None
        if event is None:
            wrong.append(f"{place}: {name!r}")
            continue
        allowed = COMMON | set(event.fields) | {"error"}
        wrong += [f"{place}: {name!r} has no field {k.arg}" for k in call.keywords if k.arg and k.arg not in allowed]
    assert not wrong


def test_every_error_says_what_a_person_is_to_do() -> None:
    assert not [e.name for e in EVENTS.values() if e.level == ERROR and e.do == "Nothing."]


def test_a_thousand_of_the_same_are_ten_lines_a_minute_and_the_next_one_says_how_many_were_left_out() -> None:
    now = 0.0
    repeats = Repeats(lambda: now)

    def written(times: int, msg: object, name: str = "asyncio") -> list[object]:
        records = [logging.LogRecord(name, logging.ERROR, "", 0, msg, (n,), None) for n in range(times)]
        return [record.msg for record in records if repeats.filter(record)]

    assert written(1000, "no socket %s") == ["no socket %s"] * 10
    assert written(3, {"event": "job_failed", "case": "TK-A"}) == [{"event": "job_failed", "case": "TK-A"}] * 3
    assert len(written(1000, {"event": "job_failed", "case": "TK-B"})) == 10, "another case is another line"
    now = 60.0
    assert written(1, "no socket %s") == ["no socket %s (and 990 times more since)"]
    assert written(1, {"event": "job_failed", "case": "TK-B"})[0] == {
        "event": "job_failed",
        "case": "TK-B",
        "repeated": 990,
    }
