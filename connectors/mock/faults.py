"""What can go wrong between a client and a simulated vendor, by plan: lost answers, late effects, garbage, refusals.

Rules are added by code (:meth:`FaultPlan.add`) or as the vendor's act ``add_fault`` (``vendor.py``).
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from itertools import count
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field

from connectors.mock.routing import Clock, Cut, Handler, json_answer, problem


class Kind(StrEnum):
    """What a rule does to a request. "After" means that the vendor has done what was asked."""

    STATUS_BEFORE = "status_before"
    STATUS_AFTER = "status_after"
    CUT_BEFORE = "cut_before"
    CUT_AFTER = "cut_after"
    GARBAGE = "garbage"
    WRONG_SCHEMA = "wrong_schema"
    EMPTY = "empty"
    LATE_EFFECT = "late_effect"
    DUPLICATE = "duplicate"
    DELAY = "delay"
    """It is done at once and answered later, so requests that came after it may be answered before."""


class Rule(BaseModel):
    """One fault. Of the rules that match and are not used up, the first one acts. It lets its first ``skip`` matches
    through."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    method: str = Field(default="*", description="HTTP method in capitals; * is any.")
    path: str = Field(default="", description="What the path begins with.")
    pattern: re.Pattern[str] | None = Field(default=None, description="Regular expression, sought in path?raw_query.")
    times: int | None = Field(default=1, ge=1, description="How many requests it hits; null: until it is removed.")
    skip: int = Field(default=0, ge=0, description="How many matching requests are let through first.")
    status: int = Field(default=503, ge=200, le=599, description="For status_before and status_after.")
    body: str = Field(default="", description="For status_before and status_after.")
    content_type: str = "application/json"
    retry_after: int | str | None = Field(
        default=None, description="Retry-After, sent with a status: seconds, or any text as it is (PA2)."
    )
    retry_after_as_date: bool = Field(default=False, description="Send so many seconds as an HTTP date.")
    seconds: float = Field(default=0.0, ge=0, description="For late_effect: when the vendor does what was asked.")
    cut: bool = Field(default=False, description="For late_effect: cut the connection instead of answering 504.")
    delay: float = Field(default=0.0, ge=0, description="Seconds by which the answer (or the cut) is given later.")

    def matches(self, request: httpx.Request) -> bool:
        """Whether the rule is about this request."""
        if self.method not in ("*", request.method) or not request.url.path.startswith(self.path):
            return False
        asked = f"{request.url.path}?{request.url.query.decode()}"
        return self.pattern is None or self.pattern.search(asked) is not None


@dataclass(slots=True)
class _Planned:
    rule: Rule
    seen: int = 0
    hits: int = 0

    def takes(self, request: httpx.Request) -> bool:
        """Whether this rule hits this request; counts it."""
        if (self.rule.times is not None and self.hits >= self.rule.times) or not self.rule.matches(request):
            return False
        self.seen += 1
        if self.seen <= self.rule.skip:
            return False
        self.hits += 1
        return True


@dataclass(frozen=True, slots=True)
class Hit:
    """A request that a rule hit, and when by the plan's clock (UTC)."""

    at: datetime
    rule_id: int
    kind: Kind
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class _Late:
    due: datetime
    request: httpx.Request
    handler: Handler


class FaultPlan:
    """The faults of one simulated vendor; ``hits`` is the log of what they did."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._planned: dict[int, _Planned] = {}
        self._late: list[_Late] = []
        self._numbers = count(1)
        self.hits: list[Hit] = []

    def add(self, rule: Rule) -> int:
        """Add a rule after the others; returns its id."""
        number = next(self._numbers)
        self._planned[number] = _Planned(rule)
        return number

    def remove(self, rule_id: int) -> bool:
        """Remove a rule; False if there is none with that id."""
        return self._planned.pop(rule_id, None) is not None

    def clear(self) -> None:
        """Remove all rules. Late effects that are planned still happen."""
        self._planned.clear()

    def reset(self) -> None:
        """Remove all rules, the planned late effects and the log."""
        self.clear()
        self._late.clear()
        self.hits.clear()

    def tick(self) -> int:
        """Carry out the late effects that are due, oldest first; returns how many."""
        if not self._late:
            return 0
        now = self._clock()
        due = sorted((late for late in self._late if late.due <= now), key=lambda late: late.due)
        self._late = [late for late in self._late if late.due > now]
        for late in due:
            _effect(late.handler, late.request)
        return len(due)

    def apply(self, request: httpx.Request, handler: Handler) -> httpx.Response:
        """The handler's answer, or what the first rule that hits makes of it. Raises ``Cut``."""
        self.tick()
        for rule_id, each in self._planned.items():
            if each.takes(request):
                self.hits.append(Hit(self._clock(), rule_id, each.rule.kind, request.method, request.url.path))
                return self._spoil(each.rule, request, handler)
        return handler(request)

    def _spoil(self, rule: Rule, request: httpx.Request, handler: Handler) -> httpx.Response:
        match rule.kind:
            case Kind.STATUS_BEFORE:
                return self._status(rule)
            case Kind.CUT_BEFORE:
                raise Cut(rule.delay)
            case Kind.LATE_EFFECT:
                self._late.append(_Late(self._clock() + timedelta(seconds=rule.seconds), request, handler))
                if rule.cut:
                    raise Cut(rule.delay)
                return _delayed(problem(504, "Gateway Timeout"), rule)
            case Kind.DUPLICATE:
                _effect(handler, request)
        answer = handler(request)
        match rule.kind:
            case Kind.CUT_AFTER:
                raise Cut(rule.delay)
            case Kind.STATUS_AFTER:
                return self._status(rule)
            case Kind.GARBAGE:
                answer = httpx.Response(200, html=GARBAGE_PAGE)
            case Kind.WRONG_SCHEMA:
                answer = json_answer({"unexpected": [{"shape": True}, 42]})
            case Kind.EMPTY:
                answer = httpx.Response(200, headers=[h for h in answer.headers.items() if h[0] != "content-length"])
        return _delayed(answer, rule)

    def _status(self, rule: Rule) -> httpx.Response:
        now = self._clock()
        headers = {"content-type": rule.content_type, "date": format_datetime(now, usegmt=True)}
        if rule.retry_after_as_date and isinstance(rule.retry_after, int):
            headers["retry-after"] = format_datetime(now + timedelta(seconds=rule.retry_after), usegmt=True)
        elif rule.retry_after is not None:
            headers["retry-after"] = str(rule.retry_after)
        return _delayed(httpx.Response(rule.status, headers=headers, content=rule.body.encode()), rule)

    def shown(self) -> dict[str, Any]:
        """The rules with what they have hit, for ``/admin/faults``."""
        rules = [
            {"id": rule_id, "seen": planned.seen, "hits": planned.hits, **planned.rule.model_dump(mode="json")}
            for rule_id, planned in self._planned.items()
        ]
        return {"rules": rules, "hits": len(self.hits), "lateEffects": len(self._late)}


GARBAGE_PAGE = "<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Please wait</h1></body></html>"


def _delayed(answer: httpx.Response, rule: Rule) -> httpx.Response:
    answer.extensions["delay"] = rule.delay
    return answer


def _effect(handler: Handler, request: httpx.Request) -> None:
    """Let the vendor do what was asked, and lose its answer."""
    with suppress(Cut):
        handler(request)
