"""Hands waiting jobs to backends, each to a thread of its own, as many at once as a backend takes; and asks engines and backends alike."""

import contextlib
import sys
import threading
import traceback

from webui.backends.job import RemoteJob, Tools
from webui.core.sentences import in_words
from webui.errors import RequestError, StorageError
from webui.jobs.engine_pool import EnginePool
from webui.jobs.events import Message

UNKNOWN = 2
"""Jobs at once for a backend that is not there any more: each only ends with a sentence."""


class BackendPool:
    """The running remote jobs, and the thread that starts them."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._change = threading.Condition()
        self._jobs: dict[str, RemoteJob] = {}
        self._stopping = False
        self._woken = False
        self._taking = False
        self._thread = threading.Thread(target=self._run, name="backends", daemon=True)
        tools.dispatch.state.events.listen(self._on_message)

    def _on_message(self, message: Message) -> None:
        if message.kind == "queued":
            self.wake()

    def start(self) -> None:
        """Begin to hand out jobs."""
        self._thread.start()

    def wake(self) -> None:
        """Look for work now."""
        with self._change:
            self._woken = True
            self._change.notify_all()

    def stop(self) -> None:
        """Let go of all jobs; they wait for the next start, which takes them up where they are. Returns within a few seconds."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        if self._thread.is_alive():
            self._thread.join(5)  # whatever it has begun to hand out is known then
        with self._change:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.stop()
        for job in jobs:
            job.join(2)
        for job_id in list(self._jobs):
            with contextlib.suppress(StorageError):  # the next start finds it running and does the same
                self._tools.dispatch.put_back(job_id, "Darkroom was stopped")

    def cancel(self, job_id: str, how: str) -> bool:
        """Pass a stop on; False when no backend makes the job."""
        with self._change:
            self._change.wait_for(lambda: not self._taking, 5)
            job = self._jobs.get(job_id)
        if job is None:
            return False
        job.ask(how)
        return True

    def running(self) -> dict[str, int]:
        """Return how many jobs each backend has."""
        counts: dict[str, int] = {}
        with self._change:
            for job in self._jobs.values():
                counts[job.job.request.where] = counts.get(job.job.request.where, 0) + 1
        return counts

    def _run(self) -> None:
        try:
            while not self._stopping:
                started = self._start_some()
                with self._change:
                    self._change.wait_for(lambda: self._stopping or self._woken, None if started is None else 1.0)
                    self._woken = False
        except Exception as error:
            traceback.print_exc()
            why = f"Jobs are not sent to backends any more after a fault in Darkroom{in_words(error)}. Start Darkroom again."
            self._tools.dispatch.state.report_trouble(why)

    def _start_some(self) -> str | None:
        """Start what can be started; gives why that is not possible now, None when it is."""
        for name in self._tools.dispatch.state.backends_waiting():
            while self.running().get(name, 0) < self._most(name):
                with self._change:
                    self._taking = True
                try:
                    job = None if self._stopping else self._tools.dispatch.take_for(name)
                    if job is None:
                        break
                    thread = RemoteJob(job, self._tools, self._ended)
                    with self._change:
                        self._jobs[job.id] = thread
                        thread.start()
                except StorageError as error:
                    print(error, file=sys.stderr)
                    return str(error)
                finally:
                    with self._change:
                        self._taking = False
                        self._change.notify_all()
                if how := self._tools.dispatch.state.cancels.get(job.id):
                    thread.ask(how)
        return None

    def _most(self, name: str) -> int:
        try:
            return self._tools.backends.spec(name).parallel
        except RequestError:
            return UNKNOWN

    def _ended(self, job: RemoteJob) -> None:
        with self._change:
            self._jobs.pop(job.job.id, None)
        self.wake()


class Places:
    """Engines and backends as one, for what users ask of running jobs."""

    def __init__(self, engines: EnginePool, backends: BackendPool) -> None:
        self._engines, self._backends = engines, backends

    def wake(self) -> None:
        """Look for work now."""
        self._engines.wake()
        self._backends.wake()

    def cancel(self, job_id: str, how: str) -> bool:
        """Pass a cancel request on; returns False when nobody makes the job."""
        return any(ask(job_id, how) for ask in (self._engines.cancel, self._backends.cancel))

    def free_memory(self) -> None:
        """Unload models as soon as nothing runs."""
        self._engines.free_memory()

    def preview_changed(self) -> None:
        """Send engines the preview settings of their jobs again."""
        self._engines.preview_changed()
