"""What happened to a case and what is under way, in one list: the ledger's acts and the audit's other events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from adapter.domain.ledger import Act, ActState
from adapter.presentation.words import SIGNS, Words
from adapter.store.events import Event

_FOLDED = {f"act.{what}" for what in ("wanted", "done", "found", "retry", "given_back", "parked", "dropped")}
"""Events of an act that are left out, because the act has a line of its own."""
_TONES = {ActState.DONE: "ok", ActState.PARKED: "bad", ActState.UNKNOWN: "warn", ActState.DROPPED: "soft"}
_FINISHED = (ActState.DONE, ActState.DROPPED)
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list. Only an act has a number, a state and an error."""

    when: str
    text: str
    number: str = ""
    state: str = ""
    tone: str = ""
    error: str = ""


def history(acts: Sequence[Act], events: Iterable[Event], words: Words) -> tuple[Entry, ...]:
    """Acts that aren't done yet come first, then the newest events."""
    found: list[tuple[datetime, bool, int, Entry]] = []
    names = {act.key: words.act(act.kind, act.what) for act in acts}
    for act in acts:
        at = act.done_at or act.created_at
        state = f"{SIGNS[act.state]} {words.act_state(act)}"
        if act.attempts > 1:
            state += f" {words.say('status', 'history_tries', count=act.attempts)}"
        error = act.error or "" if act.state is not ActState.DONE else ""
        entry = Entry(words.when(at), names[act.key], f"{act.n:02d}", state, _TONES.get(act.state, ""), error)
        found.append((at if act.state in _FINISHED else _LAST, True, act.n, entry))
    others = (event for event in events if event.name not in _FOLDED)
    found += ((e.at, False, e.id, Entry(words.when(e.at), _text(e, words, names))) for e in others)
    return tuple(entry for *_, entry in sorted(found, key=lambda each: each[:3], reverse=True))


def _text(event: Event, words: Words, names: dict[str, str]) -> str:
    data = {key: value for key, value in event.data.items() if value is not None}
    key = str(data.get("key", ""))
    params: dict[str, object] = {"what": names.get(key, key), **data}
    for name in ("from", "to"):
        if event.name == "case.phase" and name in params:
            params[name] = words.say("phases", str(params[name]))
    return words.say("events", event.name.replace(".", "_"), **params)
