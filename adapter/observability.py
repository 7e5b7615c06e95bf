"""Logging, set up once: one line per event, nothing personal and no secret in any of them (P8).

What we log (``adapter.log_events.log``) and what libraries log through ``logging`` ends the same way: the last steps
before a line is written refuse values under personal and secret names, and redact every other value and name. Ours does
not go through ``logging``, which would be half of what a line costs.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime
from enum import Enum
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO
from urllib.parse import quote
from uuid import UUID

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from connectors.redact import REDACTED, redact

REFUSED: Final = "[refused]"
OURS: Final = ("adapter", "connectors", "mappings")
# They log URLs, queries with their values, or a line per request, at INFO (encode/httpx#2760).
MUTED: Final = ("httpx", "httpcore", "aiohttp", "sqlalchemy.engine", "uvicorn", "uvicorn.access")

_PERSONAL: Final = frozenset(
    {
        "address",
        "authorization",
        "body",
        "cookie",
        "email",
        "input",
        "key",
        "mail",
        "name",
        "names",
        "password",
        "person",
        "personnummer",
        "phone",
        "secret",
        "signature",
        "ssn",
        "text",
        "token",
    }
)
_JOINED: Final = frozenset({"personid", "personnumber", "identitynumber", "externalid", "plaintext"})
_PSEUDONYM = re.compile(r"p-[0-9a-f]{10}")
_WORDS = re.compile(r"[A-Z]?[a-zåäö]+|[A-ZÅÄÖ]+(?![a-zåäö])")
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*)://(?:[^\s/@\"'<>]*@)?([^\s/?#\"'<>]*)[^\s\"'<>]*", re.IGNORECASE)
_ENCODED_DASH = re.compile(r"%(?:25)?E2%(?:25)?(?:80%(?:25)?9[0-5]|88%(?:25)?92)", re.IGNORECASE)
_QUERY = re.compile(r"\?[^\s\"'<>?]*=[^\s\"'<>]*")
# What a library's message quotes are values: KeyError's key, pydantic's input_value, an INSERT's parameters.
_QUOTED = re.compile(r"(?<!\w)(?:'(?:[^'\\]|\\.)*(?:'|$)|\"(?:[^\"\\]|\\.)*(?:\"|$))|=\([^)]*(?:\)|$)", re.DOTALL)
PLAIN: Final = re.compile(r"[A-Za-z_.-]{1,100}")
"""Words, as most values are: no address, identity number or token can be in one, so it is looked for in none."""
_PARAMETERS = re.compile(r"\[(?:parameters|SQL): .*", re.DOTALL)
_DEPTH: Final = 6
_LONGEST_INT: Final = 9
_LONGEST_TEXT: Final = 8000
_REMEMBERED: Final = 1024
_REMEMBERED_UP_TO: Final = 64
_FRAMES: Final = 30


def configure_logging(level: str, *, json: bool, stream: TextIO | None = None, secrets: Iterable[str] = ()) -> None:
    """Send all logging of the process to ``stream`` (standard error by default); may be called again.

    ``level`` is for our own events; libraries are heard from WARNING on. ``secrets`` are the configured ones
    (``Settings.secrets``), left out wherever they turn up.
    """
    out = stream or sys.stderr
    shared: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    last: list[Processor] = [
        _render_exception,
        refuse_personal,
        Redaction(secrets),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        renderer,
    ]
    handler = _Handler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, _without_values],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    for name in MUTED:
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.setLevel(max(logger.level, logging.WARNING))
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=_Ours,
        logger_factory=lambda *_: handler,
        cache_logger_on_first_use=False,
    )


def log_crashes(log_crash: Callable[[BaseException], None]) -> None:
    """Let ``log_crash`` tell of what ends the process or a thread, instead of a traceback with everything in it."""

    def of_process(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
        log_crash(error)

    def of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            log_crash(args.exc_value)

    sys.excepthook = of_process
    threading.excepthook = of_thread


def _without_values(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    """A library's message without what it quotes: asyncio, for one, gives the ``repr`` of an exception."""
    return {**event_dict, "event": _QUOTED.sub(REDACTED, str(event_dict["event"]))}


def refuse_personal(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    """Replace what stands under a personal or secret name, at any depth."""
    return {key: _refused(key, value) for key, value in event_dict.items()}


def _refused(key: object, value: object, depth: int = _DEPTH) -> object:
    if value is not None and is_personal(str(key)) and not (isinstance(value, str) and _PSEUDONYM.fullmatch(value)):
        return REFUSED
    if isinstance(value, str):
        return value
    if not depth:
        return f"<{type(value).__name__}>" if isinstance(value, Mapping | list | tuple) else value
    if isinstance(value, Mapping):
        return {k: _refused(k, v, depth - 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_refused("", v, depth - 1) for v in value]
    return value


@lru_cache(maxsize=512)  # names of fields, which are few
def is_personal(key: str) -> bool:
    """Whether a field of this name can hold personal data or a secret: ``PersonId``, ``client_secret``."""
    words = [word.lower() for word in _WORDS.findall(key)]
    return bool(words) and (words[-1] in _PERSONAL or any(j in "".join(words) for j in _JOINED))


class Redaction:
    """Makes every value plain, and redacts it and its name; what comes after it adds only the time."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for s in secrets if len(s) >= 4 for q in [quote(s, safe="")] for form in (s, q, q.lower())}
        longest_first = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if forms else None
        self._clean: set[str] = set()

    def __call__(self, _: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
        return {self._remembered(key): self._plain(value, _DEPTH) for key, value in event_dict.items()}

    def _remembered(self, text: str) -> str:
        """The names of fields, and most values, are words of ours that come again: short ones with nothing to redact
        are remembered, and nothing else is."""
        if text in self._clean:
            return text
        told = self.text(text)
        if told == text and len(text) <= _REMEMBERED_UP_TO:
            if len(self._clean) >= _REMEMBERED:
                self._clean.clear()
            self._clean.add(text)
        return told

    def text(self, text: str) -> str:
        """The text without configured secrets, URLs' paths and queries, identity numbers and tokens."""
        if self._secrets is not None:
            text = self._secrets.sub(REDACTED, text)
        if PLAIN.fullmatch(text):
            return text
        text = _ENCODED_DASH.sub("-", without_urls(text))
        return redact(text)[:_LONGEST_TEXT]  # cut last: half a number would not be known for one

    def _plain(self, value: object, depth: int) -> object:
        if type(value) is str:  # as nearly all are
            return self._remembered(value)
        if value is None or isinstance(value, bool | float):
            return value if not isinstance(value, float) or abs(value) < 10**_LONGEST_INT else self.text(repr(value))
        if isinstance(value, Enum):
            return self._plain(value.value, depth)
        if isinstance(value, int):
            return value if len(str(abs(value))) <= _LONGEST_INT else self.text(str(value))
        if isinstance(value, str | UUID | Path):
            return self.text(str(value))
        if isinstance(value, date | datetime):
            return value.isoformat()
        if isinstance(value, BaseException):
            return self.text(describe_error(value))
        if depth and isinstance(value, Mapping):
            return {self.text(str(k)): self._plain(v, depth - 1) for k, v in value.items()}
        if depth and isinstance(value, list | tuple | set | frozenset):
            return [self._plain(v, depth - 1) for v in value]
        return f"<{type(value).__name__}>"  # its repr could hold anything


def without_urls(text: str) -> str:
    """Of each URL only scheme and host, and of each query string nothing (L3)."""
    return _QUERY.sub(f"?{REDACTED}", _URL.sub(rf"\1://\2/{REDACTED}", text))


def describe_error(error: BaseException) -> str:
    """Type and message. Our own messages are fit for a log line; of others' what they quote is left out."""
    module = type(error).__module__
    kind = type(error).__qualname__
    try:
        message = str(error)
    except Exception as failure:  # noqa: BLE001 - a message that can't be made must not cost the line
        message = f"(no message: {type(failure).__name__})"
    if module.split(".", 1)[0] not in OURS:
        message = _QUOTED.sub(REDACTED, _PARAMETERS.sub("", message))
    message = message.strip()
    return f"{kind}: {message}" if message else kind


def render_error(error: BaseException) -> str:
    """The error, what caused it, and where: files, lines and functions, without source text or local variables."""
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        lines.append(("caused by " if lines else "") + describe_error(current))
        frames = list(traceback.walk_tb(current.__traceback__))[-_FRAMES:]
        lines += [f"  {_short(f.f_code.co_filename)}:{line} in {f.f_code.co_qualname}" for f, line in frames]
        if isinstance(current, BaseExceptionGroup):
            for inner in current.exceptions[:5]:
                lines += ["  | " + line for line in render_error(inner).splitlines()]
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n".join(lines)


def _short(filename: str) -> str:
    """The file's path from the package on, which says as much and nothing of the machine."""
    parts = Path(filename).parts
    for mark in ("site-packages", *OURS, "tests"):
        if mark in parts:
            at = len(parts) - 1 - parts[::-1].index(mark)
            return "/".join(parts[at + 1 if mark == "site-packages" else at :])
    return parts[-1] if parts else filename


def _render_exception(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    given: ExcInfo | BaseException | bool | None = event_dict.pop("exc_info", None)
    event_dict.pop("stack_info", None)
    if given is True:
        given = sys.exc_info()[1]
    elif isinstance(given, tuple):
        given = given[1]
    if isinstance(given, BaseException):
        event_dict["exception"] = render_error(given)
    return event_dict


class _Handler(logging.Handler):
    """Writes lines, one at a time: those of libraries, which come as records, and ours, which come whole. One that
    can't be written is told of without its values, which the standard handler would print, and stops nothing."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.put(self.format(record))
        except Exception as failure:  # noqa: BLE001  # P6
            self.unwritten(record.name, failure)

    def put(self, line: str) -> None:
        self.acquire()
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        finally:
            self.release()

    def unwritten(self, what: str, failure: Exception) -> None:
        told = f"a log line of {what} could not be written ({type(failure).__name__})"
        try:
            self.put(told)
        except Exception:  # noqa: BLE001  # the stream is full, or closed
            with suppress(Exception):  # and so may be this one
                sys.stderr.write(told + "\n")


class _Ours(structlog.BoundLoggerBase):
    """What ``adapter.log_events.log`` logs with; the level was asked for there."""

    _logger: _Handler

    def log(self, level: int, event: str, **fields: object) -> None:
        try:
            (line,), _ = self._process_event(logging.getLevelName(level).lower(), event, fields)
            self._logger.put(line)
        except Exception as failure:  # noqa: BLE001  # P6
            self._logger.unwritten(event, failure)
