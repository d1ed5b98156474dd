"""One job in this process, without web or database: for `generate` and the benches."""

import dataclasses
import shutil
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from webui.core.events import Event, Failed, ImageSaved
from webui.core.finish import FinishStep
from webui.core.protocol import Capabilities, RunJob
from webui.core.request import GenerationRequest, ResolvedRequest
from webui.devices.environment import prepare_process
from webui.errors import RequestError, StorageError, WebUIError
from webui.images.decode import look, read_image
from webui.images.store import ImageStore
from webui.resolve import ResolveContext, chain_for_elsewhere, resolve
from webui.settings import Settings
from webui.words.service import words_of

if TYPE_CHECKING:
    from webui.generation.context import EngineContext

Take = Callable[[Event], None]
LEAST_ROOM = 100 * 2**20
"""Bytes free where pictures wait to be moved to their place."""
JOB = "alone"


class LocalRunner:
    """An engine of our own. Pictures are written into a folder that goes away at the end, unless the caller moves them.

    Pictures to start from are kept among the data directory's uploads, so that what was made of them can be made again.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = working_folder(settings)
        self._settings = settings
        self._images = ImageStore(self._folder, "{index:05}", settings.picture_format, settings.picture_quality, settings.data_dir)

    @cached_property
    def context(self) -> "EngineContext":
        """The engine's tools; torch is loaded when they are first asked for, so that a wrong request is refused at once."""
        prepare_process()
        from webui.engine.bootstrap import build_context

        return dataclasses.replace(build_context(self._settings, self._settings.extensions_off), images=self._images)

    @cached_property
    def device(self) -> str:
        """The device that computes."""
        from webui.devices.machine import choose

        return choose(self._settings.devices[0])

    @cached_property
    def capabilities(self) -> Capabilities:
        """What the engine can do, extensions included."""
        from webui.engine.bootstrap import capabilities

        return capabilities(self.context)

    @cached_property
    def _resolve_context(self) -> ResolveContext:
        words = words_of(lambda: self._settings)
        context, upload = self.context, self._images.upload_path
        return ResolveContext(context.library, upload, lambda: self.capabilities, dict, self._steps, words, context.detectors.named)

    def _steps(self) -> dict[str, type[BaseModel]]:
        return {finisher.name: finisher.model for finisher in self.context.finishers}

    def resolve(self, request: GenerationRequest) -> ResolvedRequest:
        """Nothing left to choose. Values of extensions are checked by their engine side, since there is no page here."""
        resolved = resolve(request.model_copy(update={"extras": {}}), self._resolve_context)
        return resolved.model_copy(update={"extras": request.extras})

    def chain(self, request: GenerationRequest, size: tuple[int, int]) -> tuple[FinishStep, ...]:
        """The finish chain for pictures that come from elsewhere. Raises `RequestError` where it cannot be carried out here."""
        return chain_for_elsewhere(request, size, self._resolve_context)

    def keep(self, path: Path) -> str:
        """Take a picture file in; gives the id that `init` and `mask` take. Raises `RequestError` when it is none."""
        if path.exists() and not path.is_file():
            raise RequestError("init", "This is not a file.")
        data = path.read_bytes()
        read_image(data)  # to its end: a picture that is cut off is refused before the work
        return self._images.add_upload(data, look(data).size, path.suffix or ".png", "local").id

    def run(self, request: ResolvedRequest, take: Take = lambda event: None) -> list[Path]:
        """Make a resolved request's pictures; gives their files in order. What goes wrong is told as `Failed`, as an engine does."""
        from webui.engine.bootstrap import make_plan
        from webui.engine.server import job_error_from
        from webui.generation.run import run_job

        saved: list[Path] = []

        def emit(event: Event) -> None:
            if isinstance(event, ImageSaved):
                saved.append(self._folder / event.record.path)
            take(event)

        task = RunJob(job_id=JOB, owner="local", attempt=1, request=request)
        try:
            run_job(task.model_copy(update={"plan": make_plan(task, self.context, self.device, self._settings)}), self.context, emit)
        except (WebUIError, MemoryError, RuntimeError) as error:
            take(Failed(job_id=JOB, error=job_error_from(error)))
        return saved

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


def working_folder(settings: Settings) -> Path:
    """A new folder for pictures on their way: among temporary files, or in the cache where those are full, gone or not ours.

    Raises `StorageError` when neither can be written.
    """
    reason = ""
    for where in (tempfile.gettempdir, lambda: str(settings.cache)):
        try:
            above = where()
            if above == str(settings.cache):
                settings.cache.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(above).free >= LEAST_ROOM:
                return Path(tempfile.mkdtemp(prefix="darkroom-", dir=above))
            reason = f"{above} has no room"
        except OSError as error:
            reason = error.strerror or str(error)
    raise StorageError(
        f"There is no folder for temporary files ({reason}). Make room, set TMPDIR to a folder that can be written, or use --data-dir."
    )
