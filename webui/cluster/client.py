"""The client of one engine on a node: what it needs is sent before its job, what it makes is saved here."""

import contextlib
import hashlib
import secrets
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol

from webui import __version__
from webui.cluster.files import JobFiles, NodeFile
from webui.core.events import Cancelled, Done, Failed, ImageSaved, StepDone
from webui.core.job import JobError
from webui.core.pictures import with_prompts
from webui.core.protocol import (
    Cancel,
    FromEngine,
    FromEngineAdapter,
    Heartbeat,
    JobEventMessage,
    RunJob,
    Start,
    StartFailed,
    ToEngine,
    fingerprint,
)
from webui.core.request import ResolvedRequest
from webui.db.retry import retry_on_storage_error
from webui.errors import EngineLost, WebUIError
from webui.images.store import ImageStore
from webui.jobs.engine_client import Receive
from webui.settings import Settings

CHUNK = 8 * 2**20
POLL_S = 2.0
_ENDS = (Done, Failed, Cancelled)


class Host(Protocol):
    """An `EngineHost`, wherever it is."""

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method and return what it returns. Raises `EngineLost` where the node, or the process there, is gone."""

    def begun(self, seconds: float) -> bool:
        """Wait until it runs, so long at most; returns whether it does. Raises `EngineLost`."""

    def kill(self) -> None:
        """End it and its engine at once."""


@dataclass(frozen=True)
class ClusterTools:
    """What every client of a cluster works with. `host` starts an engine's host somewhere; `device` is what engines compute with there."""

    host: Callable[[], Host]
    files: JobFiles
    settings: Callable[[], Settings]
    device: str = "auto"


class HostClient:
    """An `EngineClient` for an engine on a node. Messages wait in line until the node is there; the files of a job go before it."""

    def __init__(self, tools: ClusterTools, receive: Receive, ended: Callable[[], None]) -> None:
        self._tools, self._receive, self._ended = tools, receive, ended
        self._host: Host | None = None
        self._line: SimpleQueue[ToEngine | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._unwanted: set[str] = set()
        self._requests: dict[str, ResolvedRequest] = {}
        self._there: set[tuple[str, str]] = set()
        self._is_shared = True
        self._cause = ""
        threading.Thread(target=self._guarded, args=(self._serve,), name="node-sender", daemon=True).start()

    # EngineClient -------------------------------------------------------------------------------------------------------

    def send(self, message: ToEngine) -> bool:
        """Send a message as soon as what was sent before is there."""
        if isinstance(message, RunJob):
            self._unwanted.discard(message.job_id)
        elif isinstance(message, Cancel) and message.how == "stop":
            self._unwanted.add(message.job_id)
        self._line.put(message)
        return self.alive()

    def alive(self) -> bool:
        """Whether it still runs."""
        return not self._cause and not self._closed.is_set()

    def close(self, wait: float) -> None:
        """End it: the engine, then its host."""
        self._closed.set()
        self._line.put(None)
        if self._host is not None:
            if wait and not self._cause:
                with contextlib.suppress(WebUIError):
                    self._host.call("close", wait)
            self._host.kill()

    def cause(self) -> str:
        """Return a sentence that says why it ended."""
        return self._cause or "it was ended"

    # Threads ------------------------------------------------------------------------------------------------------------

    def _guarded(self, act: Callable[[], None]) -> None:
        """Run a thread; what goes wrong there is the engine's end."""
        try:
            act()
        except WebUIError as error:
            self._lose(str(error).rstrip("."))
        except Exception as error:
            traceback.print_exc()
            self._lose(f"a fault in Darkroom: {type(error).__name__}")

    def _lose(self, cause: str) -> None:
        with self._lock:
            if self._cause:
                return
            self._cause = cause
        if not self._closed.is_set():
            self._ended()

    def _serve(self) -> None:
        self._host = host = self._tools.host()
        while not host.begun(1.0):
            if self._closed.is_set():
                host.kill()
                return
            self._receive(Heartbeat(), b"")  # the cluster has no room yet: it is waited for
        if not self._has_opened(host):
            return
        threading.Thread(target=self._guarded, args=(self._listen,), name="node-reader", daemon=True).start()
        while (message := self._line.get()) is not None:
            self._pass_on(message, host)

    def _has_opened(self, host: Host) -> bool:
        about, ours = host.call("about"), f"{__version__} ({fingerprint()})"
        if about["version"] != ours:
            said = f"The node {about['node']} has Darkroom {about['version']}, and this machine {ours}. Install the same one on both."
            self._receive(StartFailed(message=said), b"")
            self._lose(said.rstrip("."))
            return False
        settings = self._tools.settings()
        marker, token = settings.cache / "cluster-marker", secrets.token_hex(16)
        marker = marker.with_name(f"{marker.name}-{token[:8]}")
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text(token, encoding="utf-8")
        try:
            self._is_shared = bool(host.call("open", str(marker), token, not settings.cluster_dir))
        finally:
            marker.unlink(missing_ok=True)
        if not self._is_shared and settings.measured.is_file():
            host.call("choose", settings.measured.read_text(encoding="utf-8"))
        return True

    def _listen(self) -> None:
        host = self._host
        assert host is not None
        lives = True
        while lives and not self._closed.is_set():
            frames, lives = host.call("poll", POLL_S)
            for body, blob in frames:
                if not self._closed.is_set():
                    self._take(FromEngineAdapter.validate_json(body), blob)
        if not self._closed.is_set():
            self._lose(str(host.call("cause")))

    # Messages -----------------------------------------------------------------------------------------------------------

    def _pass_on(self, message: ToEngine, host: Host) -> None:
        if isinstance(message, Start):
            message = message.model_copy(update={"device": self._tools.device})
        if isinstance(message, RunJob):
            self._requests[message.job_id] = message.request
            if not self._is_shared and not self._has_files(message, host):
                return
        if not host.call("send", message.model_dump_json().encode(), self._tools.files.folders):
            self._lose(str(host.call("cause")))

    def _take(self, message: FromEngine, blob: bytes) -> None:
        if isinstance(message, JobEventMessage):
            event = message.event
            if isinstance(event, ImageSaved) and not self._is_shared:
                saved = self._saved(event, blob)
                if saved is None:
                    return
                message, blob = JobEventMessage(event=saved), b""
            elif isinstance(event, _ENDS):
                self._forget(event.job_id)
        self._receive(message, blob)

    def _forget(self, job_id: str) -> None:
        self._requests.pop(job_id, None)
        self._unwanted.discard(job_id)

    def _saved(self, event: ImageSaved, data: bytes) -> ImageSaved | None:
        """A picture that came from the node, as a file of this machine; None where this ends first."""
        record, request = event.record, self._requests.get(event.job_id)
        if hashlib.sha256(data).hexdigest() != record.id or request is None:
            raise EngineLost("a picture came from its node with other bytes than it was sent with")
        settings = self._tools.settings()
        store = ImageStore(settings.data_dir, settings.outputs_pattern)
        kept = retry_on_storage_error(
            lambda: store.take_in(record, with_prompts(request, record.index), data), self._closed.is_set, lambda why: None
        )
        return None if kept is None else event.model_copy(update={"record": kept})

    # Files --------------------------------------------------------------------------------------------------------------

    def _has_files(self, task: RunJob, host: Host) -> bool:
        """Send what the node lacks; False where the job ends before that, which is reported as its engine would."""
        try:
            for file in self._tools.files.of(task.request):
                if not self._brought(file, task.job_id, host):
                    self._end(Cancelled(job_id=task.job_id))
                    return False
        except EngineLost:
            raise
        except (WebUIError, OSError) as error:
            said = JobError(kind="CheckpointError", message=f"A file that this needs could not be sent to its node: {error}")
            self._end(Failed(job_id=task.job_id, error=said))
            return False
        return True

    def _end(self, event: Cancelled | Failed) -> None:
        self._forget(event.job_id)
        self._receive(JobEventMessage(event=event), b"")

    def _brought(self, file: NodeFile, job_id: str, host: Host) -> bool:
        """Bring one file to the node, once for all of its engines; False where nobody wants it any more."""
        if (file.place, file.sha256) in self._there:
            return True
        while (wanted := host.call("offer", file.place, file.sha256)) == "wait":
            if self._is_unwanted(job_id):
                return False
            time.sleep(0.2)
        if wanted == "have":
            self._there.add((file.place, file.sha256))
            return True
        sent = 0
        with file.path.open("rb") as source:
            while chunk := source.read(CHUNK):
                if self._is_unwanted(job_id):
                    host.call("drop", file.sha256)
                    return False
                host.call("put", file.sha256, chunk)
                sent += len(chunk)
                detail = f"{file.path.name} goes to its node: {100 * sent // max(file.size, 1)} %"
                self._receive(JobEventMessage(event=StepDone(job_id=job_id, phase="loading", detail=detail)), b"")
        if why := host.call("finish", file.place, file.sha256):
            raise EngineLost(why)
        self._there.add((file.place, file.sha256))
        return True

    def _is_unwanted(self, job_id: str) -> bool:
        return job_id in self._unwanted or self._closed.is_set()
