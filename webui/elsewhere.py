"""Backends put together: what makes pictures besides the engines, decides where each request goes, and what is left to do here."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from webui.backends.job import Tools
from webui.backends.keys import KeyStore
from webui.backends.place import Placing
from webui.backends.pool import BackendPool, Places
from webui.backends.resolve import Chain, Here
from webui.backends.service import Backends, registered
from webui.core.finish import FinishStep, MatchColorsStep
from webui.core.request import GenerationRequest, ResolvedRequest
from webui.errors import RequestError
from webui.gallery.service import Gallery
from webui.jobs.dispatch import Dispatch
from webui.jobs.engine_pool import EnginePool
from webui.jobs.queue import JobQueue
from webui.jobs.quotas import Quotas
from webui.jobs.remote_parts import RemoteParts
from webui.jobs.state import JobState
from webui.plugins.manager import Extensions
from webui.preferences import SettingsStore
from webui.resolve import ResolveContext, chain_for_elsewhere


@dataclass(frozen=True)
class Elsewhere:
    """What makes pictures besides the engines, and decides where each request goes."""

    backends: Backends
    pool: BackendPool
    placing: Placing
    gallery: Gallery

    @classmethod
    def open(
        cls, settings: SettingsStore, extensions: Extensions, dispatch: Dispatch, gallery: Gallery, context: ResolveContext
    ) -> "Elsewhere":
        """Nothing is asked of any backend yet."""
        keys = KeyStore(settings.current().data_dir / "data")
        backends = Backends(registered(extensions), settings.current, keys, os.environ)
        parts = RemoteParts(dispatch.state.store.database)

        def picture(image_id: str) -> bytes:
            return gallery.path_by_id(image_id).read_bytes()

        def keep(data: bytes, owner: str) -> str:
            return gallery.keep(data, owner).id

        pool = BackendPool(Tools(backends, dispatch, parts, settings.current, picture, keep))
        here = Here(picture, chain_of(dispatch.state, context), settings.current)
        placing = Placing(backends, context.library, parts, settings.current, here, context.words)
        return cls(backends, pool, placing, gallery)

    def queue(
        self, state: JobState, engines: EnginePool, quotas: Quotas, resolve_here: Callable[[GenerationRequest], ResolvedRequest]
    ) -> JobQueue:
        """The users' side of the queue, in front of engines and backends."""

        def resolve_there(request: GenerationRequest) -> ResolvedRequest:
            return resolve_and_keep(request, lambda wanted: self.placing.resolve(wanted, resolve_here), self.gallery)

        def check(owner: str, request: ResolvedRequest) -> None:
            quotas.check(owner, request)
            self.placing.check_budget(owner, request)

        places = Places(engines, self.pool)
        state.stop_work = lambda job_id: places.cancel(job_id, "stop")
        return JobQueue(state, resolve_there, places, check, self.placing.remarks)


def chain_of(state: JobState, context: ResolveContext) -> Chain:
    """How the finish chain of a request that goes elsewhere is checked: an engine here will do it."""

    def finish(request: GenerationRequest, size: tuple[int, int]) -> tuple[FinishStep, ...]:
        engines = state.engines.values()
        if engines and all(engine.state == "off" for engine in engines):
            why = next((engine.message for engine in engines if engine.message), "it is off")
            raise RequestError("finish", f"The finish chain is done here, and there is no engine for it: {why.rstrip('.')}. Take it out.")
        return chain_for_elsewhere(request, size, context)

    return finish


def resolve_and_keep(
    request: GenerationRequest, resolve: Callable[[GenerationRequest], ResolvedRequest], gallery: Gallery
) -> ResolvedRequest:
    """Return the request with nothing left to choose, its source images kept as uploads. Raises `RequestError`."""
    resolved = resolve(request)
    colours = [step.image for step in resolved.finish if isinstance(step, MatchColorsStep)]
    areas = [area.mask for area in resolved.regions.areas] if resolved.regions is not None else []
    for image_id in (resolved.init, resolved.mask, *colours, *areas, *resolved.inputs):
        if image_id is not None:
            gallery.keep_as_upload(image_id)
    return resolved
