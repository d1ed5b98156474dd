"""The composition root: the one module that imports every package. `build` assembles the app; `webui.serving` runs it."""

import contextlib
import os
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webui.core.foreign import FileError, read_foreign
from webui.core.job import Job
from webui.core.protocol import Capabilities, ExtensionFailed, ExtensionState, OptionInfo
from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest
from webui.core.sentences import in_words
from webui.db import Database, DataLock, open_database
from webui.db.retry import retry_on_storage_error
from webui.errors import NotFound, StorageError
from webui.images import decode, gallery, metadata, pixels
from webui.images.store import ImageStore
from webui.jobs.engine_client import COMMAND, InprocClient, SubprocessClient
from webui.jobs.engine_supervisor import EnginePool, MakeClient
from webui.jobs.image_index import ImageIndex
from webui.jobs.monitor import ResourceMonitor
from webui.jobs.queue import JobQueue
from webui.jobs.quotas import Quotas
from webui.jobs.reconcile import reconcile
from webui.jobs.store import JobStore
from webui.library import KINDS, Library
from webui.plugins.discovery import extension_folders
from webui.plugins.manager import Extensions
from webui.preferences import change_settings
from webui.resolve import ResolveContext, resolve
from webui.samplers.catalog import BUILTIN_SAMPLERS, BUILTIN_SCHEDULES
from webui.settings import PROJECT, Settings
from webui.ui import mount
from webui.ui.panels import collect
from webui.ui.quick_import import import_gradio
from webui.ui.services import Dependencies

if TYPE_CHECKING:
    from fastapi import FastAPI

UPLOAD_SUFFIX = {
    "PNG": ".png",
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "WEBP": ".webp",
    "BMP": ".bmp",
    "GIF": ".gif",
    "TIFF": ".tif",
    "AVIF": ".avif",
}


class App:
    """Everything that web holds while it runs: settings, library, database, queue, engines, extensions."""

    def __init__(self, settings: Settings, make_client: MakeClient | None = None) -> None:
        self._settings = settings
        self.lock = DataLock(settings.data_dir)
        self.lock.acquire()
        self.database: Database = open_database(settings.data_dir, settings.database_url, settings.durability)
        self.library = Library(settings.all_models_dirs, settings.cache / "library.json")
        self.images = ImageStore(settings.data_dir)
        self.image_index = ImageIndex(self.database)
        self.store = JobStore(self.database)
        self.extensions = Extensions("web")
        self.extensions.load(extension_folders(settings), settings.extensions_off)
        self.contributions = collect(self.extensions)
        self._engine_failures: dict[str, ExtensionState] = {}
        self._stopping = threading.Event()
        self.resolve_context = ResolveContext(self.library, self.picture_path, self.capabilities, self.contributions.models)
        self.queue = JobQueue(self.store, self.resolve)
        self.queue.find_files = lambda since: gallery.reconcile(settings.data_dir, set(self.image_index.paths().values()), since)
        self.queue.check_storage = self.images.check_writable
        self.quotas = Quotas(self.store, self.settings)
        self.queue.check_quotas = self.quotas.check
        self.engines = EnginePool(self.queue, self.settings, make_client or client_maker(settings), library=self.library_version)
        self.monitor = ResourceMonitor(self.queue)
        for supervisor in self.engines.supervisors:
            supervisor.on_extension_failed = self._extension_failed

    def start(self) -> None:
        """Files and rows agree, what was running waits again, engines start. What fails of this is said, and the rest is done."""
        self._attempt("What the last run left half-written could not be removed", self.images.sweep)
        self._attempt("The pictures on disk could not be compared with the gallery", lambda: self._retry(self._reconcile))
        self._attempt("The jobs that were running could not be queued again", lambda: self._retry(self.queue.recover))
        self._attempt("The engines could not be started", self.engines.start)
        self._attempt("Memory and load are not measured", self.monitor.start)

    def _retry(self, act: Callable[[], object]) -> None:
        retry_on_storage_error(act, self._stopping.is_set, lambda why: print(why, file=sys.stderr))

    def _attempt(self, failed: str, act: Callable[[], object]) -> None:
        """A step of the start. Nobody waits for its thread, so that what goes wrong is kept for the page and `/health`."""
        try:
            act()
        except Exception as error:
            traceback.print_exc()
            self.queue.report_trouble(f"{failed}{in_words(error)}. The terminal that Darkroom was started in says more.")

    def _reconcile(self) -> None:
        reconcile(self._settings.data_dir, self.store, self.image_index, gallery.reconcile, _request_inside)

    def stop(self) -> None:
        """End the engines, put the running job back, close the database."""
        self._stopping.set()
        self.monitor.stop()
        self.engines.stop()
        self.database.close()
        self.lock.release()

    def settings(self) -> Settings:
        """The settings as they are now."""
        return self._settings

    def change_settings(self, changes: Mapping[str, Any]) -> Settings:
        """Change and keep settings."""
        self._settings = change_settings(self._settings, changes)
        return self._settings

    def resolve(self, request: GenerationRequest) -> GenerationRequest:
        """Nothing left to choose, and the pictures it starts from kept as uploads."""
        resolved = resolve(request, self.resolve_context)
        for field in ("init", "mask"):
            if (picture := getattr(resolved, field)) is not None:
                self._keep_as_upload(picture)
        return resolved

    def library_version(self) -> str:
        """The version of the list of model files, after a look for files that have come or gone."""
        self.library.look()
        return self.library.version

    def submit(self, request: GenerationRequest, owner: str) -> Job:
        """Queue a job (what the page and the API call)."""
        return self.queue.submit(request, owner)

    def upload(self, data: bytes, owner: str) -> ImageRecord:
        """Check and keep an uploaded picture. Raises `RequestError` when it is none."""
        decode.read_picture(data, "file")  # to its end: a picture that is cut off is refused now, not when it is used
        seen = decode.look(data, "file")
        record = self.images.add_upload(data, seen.size, UPLOAD_SUFFIX.get(seen.format, ".png"), owner)
        self.image_index.add_upload(record)
        return record

    def picture_path(self, picture_id: str) -> Path:
        """The file of an upload or a result. Raises `NotFound`."""
        try:
            return self.images.upload_path(picture_id)
        except NotFound:
            return self.images.path(self.image_index.get(picture_id).record)

    def capabilities(self) -> Capabilities:
        """What engines said they can do; before the first one, what is built in."""
        known = self.queue.capabilities() or builtin_capabilities()
        states = {state.id: state for state in known.extensions}
        merged = tuple(_merged(state, states.get(state.id), self._engine_failures.get(state.id)) for state in self.extensions.states)
        return known.model_copy(update={"extensions": merged})

    def switch_extension(self, extension: str, on: bool) -> None:
        """Switch an extension; engines take it between jobs, what it adds to the page at the next start of the app."""
        off = set(self._settings.extensions_off)
        self.change_settings({"extensions_off": tuple(sorted(off - {extension} if on else off | {extension}))})
        self._engine_failures.pop(extension, None)
        self.extensions.set_enabled(extension, on)
        self.engines.restart()

    def trash(self, record: ImageRecord) -> None:
        """Delete a picture so that it can come back."""
        self.images.trash(record)
        self.image_index.set_trashed(record.id, True)

    def restore(self, record: ImageRecord) -> None:
        """Bring it back."""
        self.images.restore(record)
        self.image_index.set_trashed(record.id, False)

    def thumbnail(self, record: ImageRecord, size: int) -> Path:
        """A small WebP of a picture, made once."""
        path = self._settings.cache / "thumbs" / record.id[:2] / f"{record.id}-{size}.webp"
        if not path.is_file():
            pixels.write_thumbnail(self.images.path(record), path, size)
        return path

    def parameters(self, record: ImageRecord) -> str:
        """The parameters text inside a picture's file."""
        reading = metadata.read_metadata(self.images.path(record))
        return reading.text if reading is not None else ""

    def described(self) -> dict[str, Any]:
        """`GET /api/v1/capabilities`."""
        known = self.capabilities()
        models = {
            kind: [model.model_dump(mode="json", exclude={"path", "identity"}) for model in self.library.models(kind)] for kind in KINDS
        }
        schemas = {name: model.model_json_schema() for name, model in self.contributions.models().items()}
        extensions = [{**state.model_dump(exclude={"path"}), "schema": schemas.get(state.id)} for state in known.extensions]
        return {
            **known.model_dump(mode="json", exclude={"extensions", "type"}),
            "checkpoints": models["checkpoint"],
            "models": models,
            "extensions": extensions,
        }

    def _keep_as_upload(self, picture_id: str) -> None:
        try:
            self.images.upload_path(picture_id)
        except NotFound:
            record = self.image_index.get(picture_id).record
            data = self.images.path(record).read_bytes()
            self.images.add_upload(data, (record.width, record.height), Path(record.path).suffix, record.owner)

    def _extension_failed(self, failure: ExtensionFailed) -> None:
        state = next((state for state in self.extensions.states if state.id == failure.extension), None)
        if state is not None:
            self._engine_failures[failure.extension] = state.model_copy(update={"error": failure.traceback, "enabled": False})


def _merged(web: ExtensionState, engine: ExtensionState | None, failed: ExtensionState | None) -> ExtensionState:
    """An extension as both processes see it: broken where it is broken."""
    for state in (failed, engine):
        if state is not None and state.error and state.file_hash == web.file_hash and not web.error:
            return state
    return web


def _request_inside(path: Path) -> GenerationRequest | None:
    """The request that a picture carries, if it tells it whole."""

    def read(path: Path) -> GenerationRequest | None:
        reading = metadata.read_metadata(path)
        return None if reading is None else reading.request()

    request = read_foreign(path, read)
    return None if isinstance(request, FileError) else request


def builtin_capabilities() -> Capabilities:
    """What is there without any extension."""
    samplers = tuple(
        OptionInfo(name=entry.name, aliases=entry.aliases, default_schedule=entry.default_schedule) for entry in BUILTIN_SAMPLERS
    )
    schedules = tuple(OptionInfo(name=entry.name, aliases=entry.aliases) for entry in BUILTIN_SCHEDULES)
    return Capabilities(samplers=samplers, schedules=schedules)


def client_maker(settings: Settings) -> MakeClient:
    """How engines are reached: as processes, or in this one (`--engine inline`)."""
    if settings.engine == "inline":
        return InprocClient
    return lambda receive, ended: SubprocessClient(receive, ended, COMMAND, PROJECT)


def services_of(app: App) -> Dependencies:
    """What the page needs."""
    from webui.api.identity import viewer_of
    from webui.prompts import clip_l_tokenizer, count_tokens

    def count(text: str) -> tuple[int, int]:
        counted = count_tokens(text, clip_l_tokenizer())
        return counted.tokens, counted.limit

    return Dependencies(
        submit=app.submit,
        capabilities=app.capabilities,
        library=app.library,
        extensions=app.extensions,
        parts=app.contributions,
        settings=app.settings,
        change_settings=app.change_settings,
        switch_extension=app.switch_extension,
        count_tokens=count,
        owner_of=lambda connection: viewer_of(connection).name,
        must_be_admin=lambda connection, what: viewer_of(connection).must_be_admin(what),
    )


def prepare_gradio(settings: Settings) -> None:
    """Before Gradio is imported: no calls home, its temporary files in a folder of ours. Raises `StorageError` when that cannot be made."""
    temporary = settings.cache / "gradio"
    try:
        temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StorageError(
            f"{temporary} cannot be made: {error.strerror}. Give yourself that right, or choose another folder with --data-dir."
        ) from None
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(temporary)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "50")
    import_gradio()  # before any extension does it the slow way


def build(settings: Settings, make_client: MakeClient | None = None, access_key: str = "", admin_key: str = "") -> "tuple[FastAPI, App]":
    """Assemble the app. Nothing runs yet: the app's lifespan starts and stops it.

    With an `access_key` everybody must bring it; who brings the `admin_key` may change everything.
    """
    prepare_gradio(settings)
    from fastapi import FastAPI
    from starlette.middleware.cors import CORSMiddleware
    from starlette.middleware.gzip import GZipMiddleware

    from webui import __version__
    from webui.api import errors, health, native
    from webui.api.caller import Proxies
    from webui.api.guard import Guard
    from webui.api.keys import Keys
    from webui.api.temporary import TemporaryFiles

    darkroom = App(settings, make_client)
    temporary = TemporaryFiles(settings.cache / "gradio", settings.upload_limit_mb * 2**20)
    temporary.empty()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=darkroom.start, name="app-start", daemon=True).start()
        temporary.start()
        yield
        temporary.stop()
        darkroom.stop()

    app = FastAPI(
        title="Darkroom", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json"
    )
    app.state.api = native.Api(
        queue=darkroom.queue,
        pictures=darkroom.image_index,
        path_of=darkroom.images.path,
        upload=darkroom.upload,
        thumbnail=darkroom.thumbnail,
        parameters=darkroom.parameters,
        to_bin=darkroom.trash,
        from_bin=darkroom.restore,
        capabilities=darkroom.described,
        system=darkroom.monitor.body,
        upload_limit=lambda: darkroom.settings().upload_limit_mb * 2**20,
        limits=darkroom.quotas.of,
    )
    app.state.temporary = temporary
    errors.install(app)
    app.include_router(native.router)
    app.include_router(health.router)
    mount(app, services_of(darkroom))
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(CORSMiddleware, allow_origins=[])
    app.add_middleware(
        Guard,
        keys=Keys(access_key, admin_key),
        proxies=Proxies(settings.trusted_proxy),
        root_path=settings.root_path,
        upload_limit=settings.upload_limit_mb * 2**20,
        temporary=temporary,
    )
    return app, darkroom
