"""Logging, set up once: one line per event, nothing personal and no secret in any of them (P8).

All lines go through the standard library's ``logging``: ours (``adapter.log_events.log``) by way of structlog, and
those of libraries as they are. One formatter writes both. In it ``Redaction`` refuses values under personal and secret
names, and redacts every other value and name.
"""

import logging
import re
import sys
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import Enum
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO
from urllib.parse import quote
from uuid import UUID

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from connectors.redact import REDACTED, redact

REFUSED: Final = "[refused]"
OURS: Final = ("adapter", "connectors", "mappings")
MUTED: Final = ("httpx", "httpcore", "aiohttp", "sqlalchemy.engine", "uvicorn", "uvicorn.access")
"""They log URLs, queries with their values, or a line per request, at INFO (encode/httpx#2760)."""

_PERSONAL = re.compile(
    r"address|authorization|body|cookie|email|input|key|mail|names?|password|person|personnummer|phone|secret|signature"
    r"|ssn|text|token"
)
_JOINED = re.compile(r"personid|personnumber|identitynumber|externalid|plaintext")
_PSEUDONYM = re.compile(r"p-[0-9a-f]{10}")
_WORDS = re.compile(r"[A-Z]?[a-zåäö]+|[A-ZÅÄÖ]+(?![a-zåäö])")
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*)://(?:[^\s/@\"'<>]*@)?([^\s/?#\"'<>]*)[^\s\"'<>]*", re.IGNORECASE)
_ENCODED_DASH = re.compile(r"%(?:25)?E2%(?:25)?(?:80%(?:25)?9[0-5]|88%(?:25)?92)", re.IGNORECASE)
_QUERY = re.compile(r"\?[^\s\"'<>?]*=[^\s\"'<>]*")
# What a library's message quotes are values: KeyError's key, pydantic's input_value, an INSERT's parameters.
_QUOTED = re.compile(r"(?<!\w)(?:'(?:[^'\\]|\\.)*(?:'|$)|\"(?:[^\"\\]|\\.)*(?:\"|$))|=\([^)]*(?:\)|$)", re.DOTALL)
PLAIN: Final = re.compile(r"[A-Za-z_.-]{1,100}")
"""Plain words, as most values are. They can hold no address, identity number or token, so they are not searched."""
_PARAMETERS = re.compile(r"\[(?:parameters|SQL): .*", re.DOTALL)
_DEPTH: Final = 6
_LONGEST_NUMBER: Final = 9
_LONGEST_TEXT: Final = 8000
_FRAMES: Final = 30
SAME_SHOWN: Final = 10
SAME_SECONDS: Final = 60.0
_SAME_REMEMBERED: Final = 500


def configure_logging(level: str, *, json: bool, stream: TextIO | None = None, secrets: Iterable[str] = ()) -> None:
    """Send all logging of the process to ``stream`` (standard error by default); may be called again.

    ``level`` is for our own events; libraries are heard from WARNING on. ``secrets`` are the configured ones
    (``Settings.secrets``), left out wherever they turn up.
    """
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    handler = _Handler(out)
    handler.addFilter(Repeats())
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*shared, _without_values],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                _render_exception,
                Redaction(secrets),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                renderer,
            ],
        )
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    for name in MUTED:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def log_crashes(log_crash: Callable[[BaseException], None]) -> None:
    """Let ``log_crash`` tell of what ends the process or a thread, instead of a traceback with everything in it."""

    def of_process(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
        log_crash(error)

    def of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            log_crash(args.exc_value)

    sys.excepthook = of_process
    threading.excepthook = of_thread


class _Handler(logging.StreamHandler[TextIO]):
    """A line that can't be written stops nothing, and only the name of its event is told. The standard handler would
    print the line's values (P8)."""

    def handleError(self, record: logging.LogRecord) -> None:
        failure = sys.exc_info()[0]
        what = record.msg.get("event") if isinstance(record.msg, dict) else record.name
        told = f"a log line of {what} could not be written ({failure.__name__ if failure else 'unknown'})\n"
        for stream in (self.stream, sys.stderr):
            try:
                stream.write(told)
                stream.flush()
            except (OSError, ValueError, AttributeError):  # the stream is full, closed, or None
                continue
            return


class Repeats(logging.Filter):
    """At most ``SAME_SHOWN`` lines a minute of the same warning or error are written. The next one says how many were
    left out (``repeated``). So nobody can fill the disk by making the adapter log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: OrderedDict[str, list[float]] = OrderedDict()
        """By line: since when, shown, and left out."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        line, now = f"{record.name} {record.levelno} {record.msg}", self._clock()
        since, shown, left_out = self._seen.pop(line, (now, 0, 0))
        if now - since >= SAME_SECONDS:
            since, shown = now, 0
        if shown >= SAME_SHOWN:
            self._keep(line, [since, shown, left_out + 1])
            return False
        self._keep(line, [since, shown + 1, 0])
        if left_out and isinstance(record.msg, dict):
            record.msg = {**record.msg, "repeated": int(left_out)}
        elif left_out:
            record.msg = f"{record.msg} (and {left_out:.0f} times more since)"
        return True

    def _keep(self, line: str, counts: list[float]) -> None:
        self._seen[line] = counts
        if len(self._seen) > _SAME_REMEMBERED:
            self._seen.popitem(last=False)


class Redaction:
    """A processor that makes every value plain, and redacts it and its name. What comes after it adds only the time."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for s in secrets if len(s) >= 4 for q in [quote(s, safe="")] for form in (s, q, q.lower())}
        longest_first = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, _: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
        return self._fields(event_dict, _DEPTH)

    def text(self, text: str) -> str:
        """The text without configured secrets, URLs' paths and queries, identity numbers and tokens."""
        if self._secrets is not None:
            text = self._secrets.sub(REDACTED, text)
        if PLAIN.fullmatch(text):
            return text
        text = _ENCODED_DASH.sub("-", without_urls(text))
        return redact(text)[:_LONGEST_TEXT]  # cut last: half a number would not be known for one

    def _fields(self, fields: Mapping[Any, object], depth: int) -> dict[str, object]:
        return {
            self.text(str(name)): REFUSED if _is_refused(str(name), value) else self._plain(value, depth)
            for name, value in fields.items()
        }

    def _plain(self, value: object, depth: int) -> object:
        match value:
            case Enum():
                return self._plain(value.value, depth)
            case None | bool():
                return value
            case int() | float():
                return value if abs(value) < 10**_LONGEST_NUMBER else self.text(repr(value))
            case str() | UUID() | Path():
                return self.text(str(value))
            case date():
                return value.isoformat()
            case BaseException():
                return self.text(describe_error(value))
            case Mapping() if depth:
                return self._fields(value, depth - 1)
            case list() | tuple() | set() | frozenset() if depth:
                return [self._plain(each, depth - 1) for each in value]
            case _:
                return f"<{type(value).__name__}>"  # its repr could hold anything


def _is_refused(name: str, value: object) -> bool:
    return value is not None and is_personal(name) and not (isinstance(value, str) and _PSEUDONYM.fullmatch(value))


@lru_cache(maxsize=512)  # names of fields, which are few
def is_personal(name: str) -> bool:
    """Whether a field of this name can hold personal data or a secret: ``PersonId``, ``client_secret``."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return bool(words and (_PERSONAL.fullmatch(words[-1]) or _JOINED.search("".join(words))))


def without_urls(text: str) -> str:
    """Of each URL only scheme and host, and of each query string nothing (L3)."""
    return _QUERY.sub(f"?{REDACTED}", _URL.sub(rf"\1://\2/{REDACTED}", text))


def _without_values(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    """A library's message without what it quotes: asyncio, for one, gives the ``repr`` of an exception."""
    return {**event_dict, "event": _QUOTED.sub(REDACTED, str(event_dict["event"]))}


def _render_exception(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    """``exc_info`` as text. It is an exception (ours), or a tuple or True (a library's)."""
    told = event_dict.pop("exc_info", None)
    event_dict.pop("stack_info", None)
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        event_dict["exception"] = render_error(error)
    return event_dict


def describe_error(error: BaseException) -> str:
    """Type and message. Our own messages are fit for a log line; of others' what they quote is left out."""
    kind = type(error).__qualname__
    try:
        message = str(error)
    except Exception as failure:  # noqa: BLE001 - a message that can't be made must not cost the line
        message = f"(no message: {type(failure).__name__})"
    if type(error).__module__.split(".", 1)[0] not in OURS:
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
