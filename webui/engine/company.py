"""The jobs that an engine runs side by side: who may join, and how each is run among the others."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from webui.core.events import Emit
from webui.core.foreign import is_same
from webui.core.job import Plan
from webui.core.protocol import RunJob
from webui.core.request import GenerationRequest
from webui.core.together import company_key
from webui.devices.plan import fits_together
from webui.engine.conditioning import prompts_of
from webui.engine.files import files_of
from webui.engine.run import run
from webui.engine.seat import Seat
from webui.engine.tools import Tools
from webui.engine.wishes import PreviewWish
from webui.engine.workshop import facts_of_checkpoint, held, make_plan
from webui.errors import Apart, OutOfMemory, RequestError
from webui.images.store import ImageStore
from webui.library import View
from webui.pipelines.embeddings import is_named
from webui.pipelines.place import Place
from webui.settings import Settings


@dataclass(frozen=True)
class Member:
    """A job that runs here: its plan, the tools it works with, and which files it is made with."""

    request: GenerationRequest
    plan: Plan
    tools: Tools
    files: tuple[object, ...]


class Company:
    """Who runs here now. `admit` and `leave` are called by the conductor alone, `meet` by a job before it comes in."""

    def __init__(self, tools: Tools, device: str, settings: Settings) -> None:
        self.tools, self._device, self._settings = tools, device, settings
        self._members: dict[str, Member] = {}

    def meet(self, task: RunJob) -> None:
        """See what web had seen of the model files when it handed the job out, and whether the embeddings named are as they were."""
        library, text = self.tools.library, prompts_of(task.request)
        library.meet(task.library)
        named = [file for file in library.models("embedding") if is_named(file.short_name, text)]
        if not all(is_same(file.path, file.identity) for file in named):
            library.scan()

    def admit(self, task: RunJob, is_closed: bool = False) -> Plan:
        """Take a job in and give its plan. Raises `Apart` for one that cannot run beside the others, or what `make_plan` raises."""
        settings, tools = self._settings_of(task), self._tools_of(task)
        files = files_of(task.request, tools.library)
        if self._members:
            self._check_neighbours(task, files, is_closed)
        try:
            plan = make_plan(task, tools, self._device, settings)
        except (RequestError, OutOfMemory):
            if self._members:
                raise Apart("there is not enough memory beside the running jobs") from None
            raise
        if self._members:
            self._check_plan(task, plan, tools)
        self._members[task.job_id] = Member(task.request, plan, tools, files)
        return plan

    def leave(self, job_id: str) -> None:
        """A job has ended, or never came in."""
        self._members.pop(job_id, None)

    def run(self, task: RunJob, seat: Seat, previews: Callable[[], PreviewWish], emit: Emit) -> None:
        """The story of one member, in turn with the others."""
        tools = replace(self._members[task.job_id].tools, turns=seat, previews=previews)
        run(task, tools, emit, lambda: seat.seconds)

    def _settings_of(self, task: RunJob) -> Settings:
        """The settings that came with the job, or those that the engine was started with."""
        return Settings.model_validate(task.settings) if task.settings else self._settings

    def _tools_of(self, task: RunJob) -> Tools:
        """The job's own look at the library, and its file names and file type."""
        tools = replace(self.tools, library=View(self.tools.library))
        if not task.settings:
            return tools
        settings = self._settings_of(task)
        images = ImageStore(settings.data_dir, settings.outputs_pattern, settings.picture_format, settings.picture_quality)
        return replace(tools, images=images)

    def _check_neighbours(self, task: RunJob, files: tuple[object, ...], is_closed: bool) -> None:
        if is_closed:
            raise Apart("a running job needs the engine for itself")
        key = company_key(task.request)
        if not key or any(company_key(member.request) != key for member in self._members.values()):
            raise Apart("the running jobs use another model, size or adapters")
        if any(member.files != files for member in self._members.values()):
            raise Apart("a model file that the running jobs use has been replaced")

    def _check_plan(self, task: RunJob, plan: Plan, tools: Tools) -> None:
        plans = [member.plan for member in self._members.values()]
        if any(Place.of(plan) != Place.of(other) or plan.offload != other.offload for other in plans):
            raise Apart("the running jobs compute with another precision")
        requests = [task.request, *(member.request for member in self._members.values())]
        held_now = held(self._device) if self.tools.pipelines.loaded else 0
        if not fits_together(requests, plan, facts_of_checkpoint(task, tools), held_now):
            raise Apart("there is not enough memory beside the running jobs")
