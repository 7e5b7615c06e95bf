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
from collections.abc import Callable
from typing import Any, Final, Protocol

from pydantic import TypeAdapter, validate_call
from pydantic_core import to_jsonable_python

from connectors.mock.lifecare.state import Settings
from connectors.mock.routing import Answer, Request, Router, json_answer, refuse

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


class Simulator(Protocol):
    """What the side door needs of the simulator beside its acts."""

    settings: Settings

    def received(self) -> Any: ...
    def notes_written(self) -> Any: ...
    def reset(self) -> None: ...


class Admin:
    """Answers what tests and demonstrations ask and do."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._acts: dict[str, Callable[..., Any]] = {name: getattr(simulator, name) for name in ACTS}
        signatures = {name: str(inspect.signature(act)) for name, act in self._acts.items()}
        self._paths = Router(
            {
                "/admin/acts": {"GET": lambda _: _shown(signatures)},
                "/admin/acts/{name}": {"POST": self._act},
                "/admin/received": {"GET": lambda _: _shown(simulator.received())},
                "/admin/notes": {"GET": lambda _: _shown(simulator.notes_written())},
                "/admin/settings": {"GET": lambda _: _shown(simulator.settings), "POST": self._set},
                "/admin/reset": {"POST": self._reset},
            }
        )

    def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        return self._paths(request)

    def _reset(self, _request: Request) -> Answer:
        self._simulator.reset()
        return _shown({})

    def _act(self, request: Request, name: str) -> Answer:
        if name not in self._acts:
            raise refuse(404, "Not Found", f"There is no act {name}; GET /admin/acts lists what there is.")
        try:
            return _shown({"result": validate_call(self._acts[name])(**request.json())})
        except (ValueError, KeyError, TypeError) as wrong:
            raise refuse(400, "Bad Request", str(wrong)) from None

    def _set(self, request: Request) -> Answer:
        settings, given = self._simulator.settings, request.json()
        known = to_jsonable_python(settings)
        try:
            if unknown := given.keys() - known.keys():
                raise ValueError(f"there is no setting {sorted(unknown)[0]}; there are {', '.join(known)}")
            checked = TypeAdapter(Settings).validate_python({**known, **given})
        except ValueError as wrong:
            raise refuse(400, "Bad Request", str(wrong)) from None
        for name in given:
            setattr(settings, name, getattr(checked, name))
        return _shown(settings)


def _shown(value: Any) -> Answer:
    return json_answer(to_jsonable_python(value))
