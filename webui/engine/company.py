"""The jobs that an engine runs side by side: who may join, and how each is run among the others."""

from collections.abc import Callable
from dataclasses import replace

from webui.core.events import Emit
from webui.core.job import Plan
from webui.core.protocol import RunJob
from webui.core.request import GenerationRequest
from webui.core.together import company_key
from webui.devices.plan import fits_together
from webui.engine.run import run
from webui.engine.seat import Seat
from webui.engine.tools import Tools
from webui.engine.wishes import PreviewWish
from webui.engine.workshop import facts_of_checkpoint, held, make_plan
from webui.errors import Apart, OutOfMemory, RequestError
from webui.pipelines.place import Place
from webui.settings import Settings


class Company:
    """Who runs here now. `admit` and `leave` are called by the conductor alone."""

    def __init__(self, tools: Tools, device: str, settings: Settings) -> None:
        self.tools, self._device, self._settings = tools, device, settings
        self._members: dict[str, tuple[GenerationRequest, Plan]] = {}

    def admit(self, task: RunJob, is_closed: bool = False) -> Plan:
        """Take a job in and give its plan. Raises `Apart` for one that cannot run beside the others, or what `make_plan` raises."""
        if self._members:
            self._check_neighbours(task, is_closed)
        try:
            plan = make_plan(task, self.tools, self._device, self._settings)
        except (RequestError, OutOfMemory):
            if self._members:
                raise Apart("there is not enough memory beside the running jobs") from None
            raise
        if self._members:
            self._check_plan(task, plan)
        self._members[task.job_id] = (task.request, plan)
        return plan

    def leave(self, job_id: str) -> None:
        """A job has ended, or never came in."""
        self._members.pop(job_id, None)

    def run(self, task: RunJob, seat: Seat, previews: Callable[[], PreviewWish], emit: Emit) -> None:
        """The story of one member, in turn with the others."""
        tools = replace(self.tools, turns=seat, previews=previews)
        run(task, tools, emit, lambda: seat.seconds)

    def _check_neighbours(self, task: RunJob, is_closed: bool) -> None:
        if is_closed:
            raise Apart("a running job needs the engine for itself")
        key = company_key(task.request)
        if not key or any(company_key(request) != key for request, _ in self._members.values()):
            raise Apart("the running jobs use another model, size or adapters")

    def _check_plan(self, task: RunJob, plan: Plan) -> None:
        if any(Place.of(plan) != Place.of(other) or plan.offload != other.offload for _, other in self._members.values()):
            raise Apart("the running jobs compute with another precision")
        requests = [task.request, *(request for request, _ in self._members.values())]
        held_now = held(self._device) if self.tools.pipelines.loaded else 0
        if not fits_together(requests, plan, facts_of_checkpoint(task, self.tools), held_now):
            raise Apart("there is not enough memory beside the running jobs")
