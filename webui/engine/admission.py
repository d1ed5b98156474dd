"""Admission: which jobs may run in the engine's current batch."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from webui.core.batch_key import batch_key
from webui.core.events import Emit
from webui.core.foreign import is_same
from webui.core.job import Plan
from webui.core.protocol import RunJob
from webui.core.request import ResolvedRequest
from webui.devices.plan import fits_together
from webui.engine.bootstrap import facts_of_checkpoint, make_plan, resident_bytes
from webui.engine.slot import JobSlot
from webui.errors import AdmissionRefused, OutOfMemory, RequestError
from webui.generation.conditioning import prompts_of
from webui.generation.context import EngineContext
from webui.generation.files import files_of
from webui.generation.preview import PreviewSettings
from webui.generation.run import run_job
from webui.images.store import ImageStore
from webui.library import View
from webui.models.embeddings import is_named
from webui.models.placement import Placement
from webui.settings import Settings


@dataclass(frozen=True)
class AdmittedJob:
    """An admitted job: its plan, its context and the model files it uses."""

    request: ResolvedRequest
    plan: Plan
    context: EngineContext
    files: tuple[object, ...]


class AdmissionController:
    """The jobs running in this engine.

    `admit` and `release` are called in turn with the scheduler, `knows_library` and `refresh_library` by a job before it is admitted.
    """

    def __init__(self, context: EngineContext, device: str, settings: Settings) -> None:
        self.context, self._device, self._settings = context, device, settings
        self._admitted: dict[str, AdmittedJob] = {}

    def knows_library(self, task: RunJob) -> bool:
        """Whether `refresh_library` has nothing to do."""
        return self.context.library.knows(task.library) and self._knows_embeddings(task)

    def refresh_library(self, task: RunJob) -> None:
        """Rescan the model files if web's list is newer, or if an embedding that the prompts name has changed."""
        self.context.library.meet(task.library)
        if not self._knows_embeddings(task):
            self.context.library.scan()

    def _knows_embeddings(self, task: RunJob) -> bool:
        """Whether the embeddings that the prompts name are as they are listed."""
        text = prompts_of(task.request)
        named = [file for file in self.context.library.models("embedding") if is_named(file.short_name, text)]
        return all(is_same(file.path, file.identity) for file in named)

    def admit(self, task: RunJob, draining: bool = False) -> Plan:
        """Admit a job and return its plan.

        Raises `AdmissionRefused` for one that cannot run beside the others, or what `make_plan` raises.
        """
        settings, context = self._settings_of(task), self._context_of(task)
        files = files_of(task.request, context.library)
        if self._admitted:
            self._check_compatible(task, files, draining)
        try:
            plan = make_plan(task, context, self._device, settings)
        except (RequestError, OutOfMemory):
            if self._admitted:
                raise AdmissionRefused("there is not enough memory beside the running jobs") from None
            raise
        if self._admitted:
            self._check_fits(task, plan, context)
        self._admitted[task.job_id] = AdmittedJob(task.request, plan, context, files)
        return plan

    def release(self, job_id: str) -> None:
        """Forget a job that has ended or was not admitted."""
        self._admitted.pop(job_id, None)

    def run(self, task: RunJob, slot: JobSlot, previews: Callable[[], PreviewSettings], emit: Emit) -> None:
        """Run one admitted job."""
        context = replace(self._admitted[task.job_id].context, device=slot, preview_settings=previews)
        run_job(task, context, emit, lambda: slot.seconds)

    def _settings_of(self, task: RunJob) -> Settings:
        """The settings that came with the job, or those that the engine was started with."""
        return Settings.model_validate(task.settings) if task.settings else self._settings

    def _context_of(self, task: RunJob) -> EngineContext:
        """The job's context: its own view of the library and its image store."""
        context = replace(self.context, library=View(self.context.library))
        if not task.settings:
            return context
        settings = self._settings_of(task)
        images = ImageStore(settings.data_dir, settings.outputs_pattern, settings.picture_format, settings.picture_quality)
        return replace(context, images=images)

    def _check_compatible(self, task: RunJob, files: tuple[object, ...], draining: bool) -> None:
        if draining:
            raise AdmissionRefused("a running job needs the engine for itself")
        key = batch_key(task.request)
        if not key or any(batch_key(member.request) != key for member in self._admitted.values()):
            raise AdmissionRefused("the running jobs use another model, size or adapters")
        if any(member.files != files for member in self._admitted.values()):
            raise AdmissionRefused("a model file that the running jobs use has been replaced")

    def _check_fits(self, task: RunJob, plan: Plan, context: EngineContext) -> None:
        plans = [member.plan for member in self._admitted.values()]
        if any(Placement.of(plan) != Placement.of(other) or plan.offload != other.offload for other in plans):
            raise AdmissionRefused("the running jobs compute with another precision")
        requests = [task.request, *(member.request for member in self._admitted.values())]
        held_now = resident_bytes(self._device) if self.context.models.loaded else 0
        if not fits_together(requests, plan, facts_of_checkpoint(task, context), held_now):
            raise AdmissionRefused("there is not enough memory beside the running jobs")
