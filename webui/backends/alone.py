"""One job at a backend without a running Darkroom: what `generate --where` does. Its queue lies in a folder that goes away at the end."""

import os
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from webui.backends.job import Pace, Tools
from webui.backends.keys import KeyStore
from webui.backends.pool import BackendPool
from webui.backends.resolve import Chain, Here, remarks, resolve_elsewhere
from webui.backends.service import Backends, registered
from webui.core.events import Event, EventAdapter
from webui.core.job import Said
from webui.core.request import GenerationRequest, ResolvedRequest
from webui.db import open_database
from webui.errors import RequestError
from webui.gallery.service import Gallery
from webui.images.decode import look, read_image
from webui.images.store import ImageStore
from webui.jobs.dispatch import Dispatch
from webui.jobs.events import Message
from webui.jobs.remote_parts import RemoteParts
from webui.jobs.state import JobState
from webui.jobs.store import JobStore
from webui.plugins.discovery import extension_folders
from webui.plugins.manager import Extensions
from webui.settings import Settings
from webui.words.service import words_of

Take = Callable[[Event], None]
ENDED = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Made:
    """Files in order; or what is left to an engine, the finish chain of what has come."""

    files: list[Path]
    left: ResolvedRequest | None


class AloneElsewhere:
    """A queue with one backend in front and no engine. Naming the backend on the command line is its owner's word that it may be used."""

    def __init__(self, settings: Settings, where: str, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """Raises `RequestError` for a place that there is not."""
        extensions = Extensions("web")
        extensions.load(extension_folders(settings), settings.extensions_off, ("register_backends",))
        named = where.partition("=")[0] if "=" in where.partition("://")[0] else where
        changes = {"boxes": (*settings.boxes, where)} if "://" in where else {"backends": (where,), "backends_accepted": (where,)}
        self._settings = settings.model_copy(update={**changes, "data_dir": folder, "outputs_pattern": "{index:05}"})
        environment = os.environ if environment is None else environment
        keys = KeyStore(settings.data_dir / "data", environment)
        self._folder, self._words = folder, words_of(lambda: settings)
        self.backends = Backends(registered(extensions), lambda: self._settings, keys, environment)
        if "://" in where:
            self.backends.box(where)  # what is wrong with it is said
        self.spec = self.backends.spec(named)
        if "://" not in where:
            own = {"backends": (self.spec.name,), "backends_accepted": (self.spec.name,)}
            self._settings = self._settings.model_copy(update=own)
        self._images = ImageStore(folder, uploads=settings.data_dir)

    def keep(self, path: Path) -> str:
        """Take a picture file in; gives the id that `init` and `mask` take. Raises `RequestError` when it is none."""
        if path.exists() and not path.is_file():
            raise RequestError("init", "This is not a file.")
        data = path.read_bytes()
        read_image(data)
        return self._images.add_upload(data, look(data).size, path.suffix or ".png", "local").id

    def _picture(self, image_id: str) -> bytes:
        return self._images.upload_path(image_id).read_bytes()

    def run(self, request: GenerationRequest, take: Take, chain: Chain) -> "Made":
        """Make the request's pictures. What goes wrong is told as `Failed`. `chain` checks a finish chain. Raises `RequestError`."""
        images = self._images
        resolved = resolve_elsewhere(request, self.spec, self.backends, Here(self._picture, chain, lambda: self._settings), self._words)
        database = open_database(self._folder)
        store = JobStore(database)
        state = JobState(store)
        dispatch = Dispatch(state, Gallery(images, database, self._folder / "thumbs"))
        tools = Tools(
            self.backends,
            dispatch,
            RemoteParts(database),
            lambda: self._settings,
            self._picture,
            lambda data, owner: images.add_upload(data, look(data).size, ".png", owner).id,
            Pace(),
        )
        pool, ended = BackendPool(tools), threading.Event()

        def follow(message: Message) -> None:
            if message.kind in ("step", "image", *ENDED):
                take(EventAdapter.validate_python(message.body))
            if message.kind in ENDED or (message.kind == "queued" and store.get(message.job_id).made):
                ended.set()

        state.events.listen(follow)
        notes = remarks(request, self.spec, self.backends.known_model(self.spec.name, resolved.checkpoint))
        job, _, waiting = store.add(resolved, "local", 0, None, "", Said(notes=tuple(notes)))
        if waiting is not None:
            state.fair_queues.add(waiting)
        try:
            pool.start()
            pool.wake()
            ended.wait()
            job = store.get(job.id)
            left = job.work if job.made and job.state == "queued" else None
            return Made([self._folder / record.path for record in job.images], left)
        except KeyboardInterrupt:
            pool.cancel(job.id, "stop")
            ended.wait(20)
            raise
        finally:
            pool.stop()
            database.close()

    def close(self) -> None:
        """Remove the folder."""
        self.backends.close()
        shutil.rmtree(self._folder, ignore_errors=True)
