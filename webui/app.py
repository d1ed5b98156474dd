"""The composition root: the one module that imports every package. `build` assembles the app; `webui.serving` runs it."""

import contextlib
import os
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webui import sharing
from webui.capabilities import CapabilityService
from webui.cluster.files import JobFiles
from webui.cluster.service import Cluster
from webui.collection.converting import Conversions
from webui.collection.notes import NoteStore
from webui.collection.service import Collection
from webui.core.job import LOCAL_OWNER
from webui.core.sentences import in_words
from webui.db import Database, DataLock, open_database
from webui.db.retry import retry_on_storage_error
from webui.detection import builtins as detection_builtins
from webui.detection.service import Detectors
from webui.downloads.service import Downloads
from webui.downloads.staging import Download
from webui.elsewhere import Elsewhere
from webui.errors import StorageError
from webui.gallery.service import Gallery
from webui.grids.service import Grids
from webui.grids.store import GridStore
from webui.images import finishers
from webui.images.store import ImageStore
from webui.jobs.dispatch import Dispatch
from webui.jobs.engine_client import COMMAND, InprocClient, SubprocessClient
from webui.jobs.engine_pool import EnginePool
from webui.jobs.engine_supervisor import EngineSetup, MakeClient, Timeouts
from webui.jobs.events import Message
from webui.jobs.monitor import ResourceMonitor
from webui.jobs.queue import JobQueue
from webui.jobs.quotas import Quotas
from webui.jobs.relay import Relay
from webui.jobs.state import JobState
from webui.jobs.store import JobStore
from webui.library import Library
from webui.library import builtins as library_builtins
from webui.library.families import register_all
from webui.people.audit import Audit
from webui.people.keys import ApiKeys
from webui.plugins.contributions import collect
from webui.plugins.discovery import extension_folders
from webui.plugins.manager import Extensions
from webui.preferences import SettingsStore
from webui.resolve import ResolveContext, resolve
from webui.services import Services
from webui.settings import PROJECT, Settings
from webui.ui import mount
from webui.ui.quick_import import import_gradio
from webui.words.presets import PresetStore
from webui.words.service import words_of

if TYPE_CHECKING:
    from fastapi import FastAPI


TIMEOUTS = {False: Timeouts(), True: Timeouts(ready=3600)}
"""With a cluster a node may have to be bought first."""


@dataclass(frozen=True)
class App:
    """The web process as one value: what is open, and the services over it."""

    services: Services
    dispatch: Dispatch
    database: Database
    lock: DataLock
    stopping: threading.Event
    cluster: Cluster | None = None
    relay: Relay | None = None
    when_leading: list[Callable[[], None]] = field(default_factory=list)
    """What else is to be started by who gives jobs out."""

    def start(self) -> None:
        """Reconcile files and rows, queue what was running, start engines. What fails of this is reported, and the rest is done.

        Of several processes in front of one queue one does so; the others do when it is gone.
        """
        if self.relay is None:
            self.lead()
        else:
            sharing.start_relay(self.relay, self.services, self.lead)
        self._attempt("Memory and load are not measured", self.services.monitor.start)
        self._attempt("The model folders are not watched", self.services.collection.start)

    def lead(self) -> None:
        """Begin to give jobs out."""
        gallery, store = self.services.gallery, self.services.queue.store
        age = sharing.HALF_WRITTEN_S if self.relay else 0.0
        self._attempt("What the last run left half-written could not be removed", lambda: gallery.sweep(age))
        self._attempt("The pictures on disk could not be compared with the gallery", lambda: self._retry(lambda: gallery.reconcile(store)))
        self._attempt("The jobs that were running could not be queued again", lambda: self._retry(self.dispatch.recover))
        self._attempt("The engines could not be started", self.services.engines.start)
        self._attempt("Jobs are not sent to backends", self.services.backend_pool.start)
        self._attempt("Downloads do not go on", self.services.downloads.start)
        self._attempt("Grids do not go on", self.services.grids.runner.start)
        for begin in self.when_leading:
            self._attempt("Something else did not start", begin)

    def _retry(self, act: Callable[[], object]) -> None:
        retry_on_storage_error(act, self.stopping.is_set, lambda why: print(why, file=sys.stderr))

    def _attempt(self, failed: str, act: Callable[[], object]) -> None:
        """A step of the start. Nobody waits for its thread, so that what goes wrong is kept for the page and `/health`."""
        try:
            act()
        except Exception as error:
            traceback.print_exc()
            why = f"{failed}{in_words(error)}. The terminal that Darkroom was started in says more."
            self.services.queue.report_trouble(why)

    def stop(self) -> None:
        """End the engines, put the running job back, close the database."""
        self.stopping.set()
        self.services.monitor.stop()
        self.services.grids.runner.stop()
        self.services.downloads.stop()
        self.services.conversions.stop()
        self.services.collection.stop()
        self.services.backend_pool.stop()
        self.services.engines.stop()
        if self.cluster is not None:
            self.cluster.close()
        self.services.backends.close()
        if self.relay is not None:
            self.relay.stop()
        self.database.close()
        self.lock.release()


def open_app(settings: Settings, make_client: MakeClient | None = None, place: sharing.Place | None = None) -> App:
    """Open the data directory and build all services. Raises `StorageError`, also when another Darkroom uses the directory."""
    place = place or sharing.take_folder(settings)
    store = SettingsStore(settings)
    database = open_database(settings.data_dir, settings.database_url, settings.durability)
    gallery = Gallery(ImageStore(settings.data_dir), database, settings.cache / "thumbs", lambda owner, size: quotas.uploading(owner, size))
    extensions = load_extensions(settings)
    library = Library(settings.all_models_dirs, settings.cache / "library.json", register_all(extensions))
    contributions = collect(extensions)
    detectors = Detectors(contributions.detectors, library, extensions)
    state = JobState(JobStore(database))
    relay = sharing.open_relay(database, state, place)
    dispatch = Dispatch(state, gallery)
    capabilities = CapabilityService(state.capabilities, extensions, contributions, library, store)
    keys = ApiKeys(state.store)
    quotas = Quotas(state.store, store.current, role_of=keys.role_of, usage=gallery.usage)
    engines, cluster = open_engines(store, dispatch, library, gallery, capabilities, make_client)
    words = words_of(store.current)
    context = ResolveContext(
        library, gallery.path_by_id, capabilities.current, contributions.models, contributions.steps, words, detectors.named
    )
    places = Elsewhere.open(store, extensions, dispatch, gallery, context)
    queue = places.queue(state, engines, quotas, lambda request: resolve(request, context))
    grids = Grids(GridStore(database), queue, gallery, queue.resolve, lambda: store.current().batch_jobs * max(len(queue.engines()), 1))
    services = Services(
        settings=store,
        library=library,
        words=words,
        presets=PresetStore(database),
        collection=collection_of(library, database, queue, store),
        conversions=Conversions(store.current, library.scan),
        downloads=Downloads(library, store.current, lambda download: queue.events.publish(download_message(download))),
        extensions=extensions,
        contributions=contributions,
        detectors=detectors,
        capabilities=capabilities,
        gallery=gallery,
        queue=queue,
        engines=engines,
        grids=grids,
        backends=places.backends,
        backend_pool=places.pool,
        quotas=quotas,
        keys=keys,
        audit=Audit(database),
        monitor=ResourceMonitor(queue),
    )
    return App(services, dispatch, database, place.lock, threading.Event(), cluster, relay)


def load_extensions(settings: Settings) -> Extensions:
    """The built-in ones, and those in the folders that are not switched off."""
    extensions = Extensions("web")
    extensions.add_builtin("darkroom", library_builtins)
    extensions.add_builtin("darkroom's finishers", finishers)
    extensions.add_builtin("darkroom's detectors", detection_builtins)
    extensions.load(extension_folders(settings), settings.extensions_off)
    return extensions


def open_engines(
    store: SettingsStore,
    dispatch: Dispatch,
    library: Library,
    gallery: Gallery,
    capabilities: CapabilityService,
    make_client: MakeClient | None,
) -> tuple[EnginePool, Cluster | None]:
    """The engines: of this machine, or of the cluster that the settings name. None is started. Raises `SettingsError`."""
    settings = store.current()
    cluster = Cluster.open(settings, store.current, JobFiles(library, lambda: settings.all_models_dirs, gallery.path_by_id))
    client = make_client or (cluster.make_client if cluster else client_maker(settings))
    setup = EngineSetup(store.current, client, lambda: library_version(library), capabilities.extension_failed, TIMEOUTS[bool(cluster)])
    return EnginePool(dispatch, setup, cluster.scaling if cluster else None), cluster


def collection_of(library: Library, database: Database, queue: JobQueue, settings: SettingsStore) -> Collection:
    """The library as web serves it: what changes in it is told on the queue's event bus, and jobs go before hashing."""

    def publish(kind: str, body: dict[str, Any]) -> None:
        queue.events.publish(Message(kind, body))

    return Collection(library, NoteStore(database), publish, lambda: bool(queue.store.running()), lambda: settings.current().hash_models)


def download_message(download: Download) -> Message:
    """A download as the event bus carries it: to who runs this Darkroom alone."""
    body = download.model_dump(mode="json", exclude={"offer"})
    return Message("download", {**body, "title": download.offer.title}, LOCAL_OWNER)


def library_version(library: Library) -> str:
    """Return the version of the list of model files, after a look for files that have come or gone."""
    library.look()
    return library.version


def client_maker(settings: Settings) -> MakeClient:
    """How engines are reached: as processes, or in this one (`--engine inline`)."""
    if settings.engine == "inline":
        return InprocClient
    return lambda receive, ended: SubprocessClient(receive, ended, COMMAND, PROJECT)


def prepare_gradio(temporary: Path) -> None:
    """Before Gradio is imported: no calls home, its temporary files in a folder of ours. Raises `StorageError` when that cannot be made."""
    try:
        temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StorageError(
            f"{temporary} cannot be made: {error.strerror}. Give yourself that right, or choose another folder with --data-dir."
        ) from None
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)  # of a monitor that is closed here; it costs pandas
    os.environ["GRADIO_TEMP_DIR"] = str(temporary)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "50")
    import_gradio()  # before any extension does it the slow way


def build(settings: Settings, make_client: MakeClient | None = None, access_key: str = "", admin_key: str = "") -> "tuple[FastAPI, App]":
    """Assemble the app. Nothing runs yet: the app's lifespan starts and stops it.

    With an `access_key` everybody must bring it; who brings the `admin_key` may change everything.
    """
    place = sharing.take_folder(settings)
    temporary_folder = settings.cache / place.name("gradio")
    prepare_gradio(temporary_folder)
    from fastapi import FastAPI

    from webui import __version__
    from webui.api import routes
    from webui.api.temporary import TemporaryFiles

    darkroom = open_app(settings, make_client, place)
    temporary = TemporaryFiles(temporary_folder, settings.upload_limit_mb * 2**20)
    temporary.empty()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if darkroom.relay is not None:
            darkroom.when_leading.append(app.state.webhooks.start)
        threading.Thread(target=darkroom.start, name="app-start", daemon=True).start()
        temporary.start()
        if darkroom.relay is None:
            app.state.webhooks.start()
        app.state.departures.start()
        yield
        app.state.departures.stop()
        app.state.webhooks.stop()
        temporary.stop()
        darkroom.stop()

    app = FastAPI(
        title="Darkroom", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json"
    )
    app.state.temporary = temporary
    app.state.is_shared = bool(access_key)
    routes.install(app, darkroom.services)
    mount(app, darkroom.services)
    put_guard_before(app, darkroom.services, access_key, admin_key)
    return app, darkroom


def put_guard_before(app: "FastAPI", services: Services, access_key: str, admin_key: str) -> None:
    """Let nothing reach the app but through the guard."""
    from starlette.middleware.cors import CORSMiddleware
    from starlette.middleware.gzip import GZipMiddleware

    from webui.api.caller import Proxies
    from webui.api.guard import Guard
    from webui.api.keys import Keys

    settings = services.settings.current()
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(CORSMiddleware, allow_origins=[])
    app.add_middleware(
        Guard,
        keys=Keys(access_key, admin_key),
        proxies=Proxies(settings.trusted_proxy),
        root_path=settings.root_path,
        upload_limit=settings.upload_limit_mb * 2**20,
        temporary=app.state.temporary,
        services=services,
    )
