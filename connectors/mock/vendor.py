"""What both simulated vendors have in common: an API under a fault plan, a log, and paths that are no vendor's.

The paths are for tests in other processes and for demonstrations. Over sockets the simulators
listen on the loopback address.

==========================  ============================================================================================
``GET /admin/acts``         the acts that there are, with their parameters
``POST /admin/acts/NAME``   does one: ``{"person_id": "19900101TF03", "service": "camera"}`` to Lifecare's ``order``;
                            answers ``{"result": …}``, or 400 with the reason. Dates are ISO texts
``POST /admin/reset``       forgets everything
``/admin/faults``           the fault plan's (``faults.py``)
==========================  ============================================================================================

A vendor adds views of its own, as ``GET /admin/notes``.
"""

import inspect
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, get_type_hints

import httpx
from pydantic import BaseModel, ConfigDict, create_model
from pydantic_core import to_jsonable_python

from connectors.mock.faults import FaultPlan
from connectors.mock.routing import Clock, Received, Router, json_answer, refuse

LOG_LENGTH: Final = 100_000
Views = Mapping[str, Callable[..., Any]]
"""By path below ``/admin/``; called with the request and the parameters of the path."""


class SimulatedVendor:
    """The base of a vendor, which gives it ``answer`` (its API), ``acts`` (names of its methods) and ``views``.
    ``faults`` stands before the API, never before ``/admin/``."""

    acts: ClassVar[tuple[str, ...]] = ()

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.faults = FaultPlan(clock)
        self.received_calls: deque[Received] = deque(maxlen=LOG_LENGTH)
        signatures = {name: str(inspect.signature(getattr(self, name))) for name in self.acts}
        self._admin = Router(
            {
                "/admin/acts": {"GET": lambda _: json_answer(signatures)},
                "/admin/acts/{name}": {"POST": self._act},
                "/admin/reset": {"POST": self._forget},
                "/admin/faults": {"GET": self.faults.listed, "POST": self.faults.added, "DELETE": self.faults.removed},
                **{f"/admin/{path}": {"GET": _shown(view)} for path, view in self.views().items()},
            }
        )
        self.reset()

    def reset(self) -> None:
        """Forget everything, faults and log too."""
        self.faults.reset()
        self.received_calls.clear()

    def views(self) -> Views:
        """What can be looked at below ``/admin/``."""
        return {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The API's answer."""
        raise NotImplementedError

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, as the faults leave it. Raises ``Cut``."""
        if request.url.path.startswith("/admin/"):
            return self._admin(request)
        return self.faults.apply(request, self._receive)

    def received(self) -> list[Received]:
        """The last ``LOG_LENGTH`` requests that reached the API, oldest first, refused ones too, without the key."""
        return list(self.received_calls)

    def _receive(self, request: httpx.Request) -> httpx.Response:
        at, answer, url = self.clock(), self.answer(request), request.url
        query = {name: value for name, value in url.params.items() if name not in ("domain", "key")}
        self.received_calls.append(Received(at, request.method, url.path, query, request.content, answer.status_code))
        return answer

    def _act(self, request: httpx.Request, name: str) -> httpx.Response:
        if name not in self.acts:
            raise refuse(404, "Not Found", f"There is no act {name}; GET /admin/acts lists what there is.")
        act = getattr(self, name)
        try:
            result = act(**dict(_parameters(act).model_validate_json(request.content or b"{}")))
        except (ValueError, KeyError) as wrong:
            raise refuse(400, "Bad Request", str(wrong)) from None
        return json_answer({"result": to_jsonable_python(result)})

    def _forget(self, _request: httpx.Request) -> httpx.Response:
        self.reset()
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
    def show(request: httpx.Request, **named: str) -> httpx.Response:
        try:
            return json_answer(to_jsonable_python(view(request, **named)))
        except KeyError as unknown:
            raise refuse(404, "Not Found", f"There is no {unknown}.") from None

    return show
