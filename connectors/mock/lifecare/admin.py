"""The simulator's own paths, for tests in other processes and the demo. Never part of the vendor's API.

==========================  ============================================================================================
``GET /admin/acts``         the acts that there are, with their parameters
``POST /admin/acts/NAME``   does one: ``{"person_id": "19900101TF03", "service": "camera"}`` to ``order``; answers
                            ``{"result": …}``, or 400 with the reason. Dates are ISO texts
``GET /admin/received``     every request that arrived, without the key
``GET /admin/notes``        every note that came in through the API
``GET /admin/settings``     the settings; ``POST`` changes those that are given
``POST /admin/reset``       forgets everything
==========================  ============================================================================================
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError, validate_call
from pydantic_core import to_jsonable_python

from connectors.mock.lifecare.quirks import Settings
from connectors.mock.wire import Answer, Request, json_answer

if TYPE_CHECKING:
    from connectors.mock.lifecare.gateway import SimulatedLifecare

_PREFIX: Final = "/admin/"
ACTS: Final = (
    "seed_person",
    "protect",
    "decease",
    "deregister",
    "order",
    "accept",
    "will_not_be_executed",
    "start_execution",
    "end_execution",
    "decision_end",
    "absence",
    "note_as",
    "error_mark",
    "replace_note",
    "delete_note",
    "change",
    "delete",
    "vanish",
    "shift_rows",
)


def handle(lifecare: SimulatedLifecare, request: Request) -> Answer:
    """Answer a request to the simulator's own paths."""
    name = request.path.removeprefix(_PREFIX)
    match request.method, name:
        case "GET", "acts":
            return _shown({act: str(inspect.signature(getattr(lifecare, act))) for act in ACTS})
        case "GET", "received":
            return _shown(lifecare.received())
        case "GET", "notes":
            return _shown(lifecare.notes_written())
        case "GET", "settings":
            return _shown(lifecare.settings)
        case "POST", "reset":
            lifecare.reset()
            return _shown({})
        case "POST", _:
            return _changed(lifecare, name, request)
    return json_answer({"error": f"there is no {request.method} {request.path}"}, 404)


def _changed(lifecare: SimulatedLifecare, name: str, request: Request) -> Answer:
    act = name.removeprefix("acts/")
    if name != "settings" and (act == name or act not in ACTS):
        return json_answer({"error": f"there is no {request.path}; GET /admin/acts lists what there is"}, 404)
    try:
        given = request.json() if request.body else {}
        if name == "settings":
            _set(lifecare.settings, given)
            return _shown(lifecare.settings)
        return _shown({"result": validate_call(getattr(lifecare, act))(**given)})
    except (ValidationError, ValueError, KeyError, TypeError) as wrong:
        return json_answer({"error": str(wrong)}, 400)


def _set(settings: Settings, given: dict[str, Any]) -> None:
    known = to_jsonable_python(settings)
    if unknown := given.keys() - known.keys():
        raise ValueError(f"there is no setting {sorted(unknown)[0]}; there are {', '.join(known)}")
    checked = TypeAdapter(Settings).validate_python({**known, **given})
    for name in given:
        setattr(settings, name, getattr(checked, name))


def _shown(value: Any) -> Answer:
    return json_answer(to_jsonable_python(value))
