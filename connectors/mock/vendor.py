"""What both simulated vendors have in common: an API under a fault plan, a log, and paths that are no vendor's.

The paths are for demonstrations. Over sockets the simulators listen on the loopback address.

==========================  ============================================================================================
``GET /admin/acts``         the acts that there are, with their parameters
``POST /admin/acts/NAME``   does one: ``{"person_id": "19900101TF03", "service": "camera"}`` to Lifecare's ``order``;
                            answers ``{"result": …}``, or 400 with the reason. Dates are ISO texts
``GET /admin/faults``       the rules of the fault plan and what they hit
==========================  ============================================================================================

A vendor adds views of its own, as ``GET /admin/notes``.
"""

import inspect
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import httpx
from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from connectors.mock.faults import FaultPlan
from connectors.mock.routing import Clock, Received, Router, json_answer, refuse

LOG_LENGTH: Final = 100_000
View = Callable[[], Any]


class SimulatedVendor:
    """The base of a vendor, which gives it ``answer`` (its API), ``acts`` (names of its methods) and ``views``.
    ``faults`` stands before the API, never before ``/admin/``."""

    acts: ClassVar[tuple[str, ...]] = ()

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.faults = FaultPlan(clock)
        self.received_calls: deque[Received] = deque(maxlen=LOG_LENGTH)
        self._acts: dict[str, Callable[..., Any]] = {
            **{name: getattr(self, name) for name in self.acts},
            "reset": self.reset,
            "add_fault": self.faults.add,
            "remove_fault": self.faults.remove,
            "clear_faults": self.faults.clear,
        }
        views = {"acts": self._signatures, "faults": self.faults.shown, **self.views()}
        self._admin = Router(
            {
                "/admin/acts/{name}": {"POST": self._act},
                **{f"/admin/{name}": {"GET": _shown(view)} for name, view in views.items()},
            }
        )
        self.reset()

    def reset(self) -> None:
        """Forget everything, faults and log too."""
        self.faults.reset()
        self.received_calls.clear()

    def views(self) -> Mapping[str, View]:
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

    def _signatures(self) -> dict[str, str]:
        return {name: str(inspect.signature(act)) for name, act in self._acts.items()}

    def _act(self, request: httpx.Request, name: str) -> httpx.Response:
        """Call an act. pydantic checks the arguments by its signature."""
        act: Any = self._acts.get(name)
        if act is None:
            raise refuse(404, "Not Found", f"There is no act {name}; GET /admin/acts lists what there is.")
        try:
            result = TypeAdapter(act).validate_json(request.content or b"{}")
        except (ValueError, KeyError) as wrong:
            raise refuse(400, "Bad Request", str(wrong)) from None
        return json_answer({"result": to_jsonable_python(result)})


def _shown(view: View) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: json_answer(to_jsonable_python(view()))
