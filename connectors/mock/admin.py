"""The simulators' own paths, for tests in other processes and demonstrations. Never part of a vendor's API.

==========================  ============================================================================================
``GET /admin/acts``         the acts that there are, with their parameters
``POST /admin/acts/NAME``   does one: ``{"person_id": "19900101TF03", "service": "camera"}`` to Lifecare's ``order``;
                            answers ``{"result": …}``, or 400 with the reason. Dates are ISO texts
``POST /admin/reset``       forgets everything
``/admin/faults``           the fault plan's (``faults.py``)
==========================  ============================================================================================

A vendor adds views of its own, as ``GET /admin/notes``. Over sockets the simulators listen on the loopback address.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import httpx
from pydantic import BaseModel, ConfigDict, create_model
from pydantic_core import to_jsonable_python

from connectors.mock.routing import Router, json_answer, refuse

Views = Mapping[str, Callable[..., Any]]


class Admin:
    """Answers these paths for one simulator. ``acts`` are names of its methods; a view is called with the request and
    the parameters of its path."""

    def __init__(self, simulator: object, acts: tuple[str, ...], views: Views, reset: Callable[[], None]) -> None:
        self._acts: dict[str, Callable[..., Any]] = {name: getattr(simulator, name) for name in acts}
        signatures = {name: str(inspect.signature(act)) for name, act in self._acts.items()}
        self._reset = reset
        self._paths = Router(
            {
                "/admin/acts": {"GET": lambda _: json_answer(signatures)},
                "/admin/acts/{name}": {"POST": self._act},
                "/admin/reset": {"POST": self._forget},
                **{f"/admin/{path}": {"GET": _shown(view)} for path, view in views.items()},
            }
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        return self._paths(request)

    def _act(self, request: httpx.Request, name: str) -> httpx.Response:
        if name not in self._acts:
            raise refuse(404, "Not Found", f"There is no act {name}; GET /admin/acts lists what there is.")
        try:
            given = _parameters(self._acts[name]).model_validate_json(request.content or b"{}")
            result = self._acts[name](**dict(given))
        except (ValueError, KeyError) as wrong:
            raise refuse(400, "Bad Request", str(wrong)) from None
        return json_answer({"result": to_jsonable_python(result)})

    def _forget(self, _request: httpx.Request) -> httpx.Response:
        self._reset()
        return json_answer({})


def _parameters(act: Callable[..., Any]) -> type[BaseModel]:
    """The parameters of an act as a model. An act that takes any keyword gets the others as they come."""
    hints, parameters = get_type_hints(act), inspect.signature(act).parameters.values()
    named = [each for each in parameters if each.kind is not inspect.Parameter.VAR_KEYWORD]
    fields: dict[str, Any] = {each.name: (hints[each.name], _default(each)) for each in named}
    config = ConfigDict(extra="forbid" if len(named) == len(parameters) else "allow")
    return create_model("Parameters", __config__=config, **fields)


def _default(parameter: inspect.Parameter) -> Any:
    return ... if parameter.default is inspect.Parameter.empty else parameter.default


def _shown(view: Callable[..., Any]) -> Callable[..., httpx.Response]:
    return lambda request, **named: json_answer(to_jsonable_python(view(request, **named)))
