"""One job at a backend, in a thread of its own: send, store the id, wait, fetch, save. Whatever goes wrong ends in a sentence."""

import random
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from webui.backends.resolve import check_bounds, late_remarks
from webui.backends.results import as_file, facts_of, made_request, picture_of, save, task_of
from webui.backends.service import Backends, Connection
from webui.backends.start_pictures import start_pictures
from webui.core.backend import BackendModel, RemotePart, RemoteState, RemoteTask
from webui.core.events import Cancelled, Done, Event, Failed, ImageSaved, Preview, StepDone
from webui.core.job import Job, JobError
from webui.core.sentences import in_words
from webui.db.retry import retry_on_storage_error
from webui.errors import BackendError, JobCancelled, StorageError, WebUIError
from webui.images.store import ImageStore
from webui.jobs.dispatch import Dispatch
from webui.jobs.quotas import day_of
from webui.jobs.remote_parts import RemoteParts
from webui.settings import Settings

T = TypeVar("T")
LONGEST_ID = 500


@dataclass(frozen=True)
class Pace:
    """Seconds: between two looks at first and at most, the longest pause of our own between two tries."""

    look: float = 0.5
    slowest: float = 4.0
    backoff: float = 60.0


@dataclass(frozen=True)
class Tools:
    """What every remote job works with. `picture` gives an upload's bytes; `keep` keeps a file of an owner as one, and gives its id."""

    backends: Backends
    dispatch: Dispatch
    parts: RemoteParts
    settings: Callable[[], Settings]
    picture: Callable[[str], bytes]
    keep: Callable[[bytes, str], str]
    pace: Pace = Pace()


class Stopping(Exception):
    """The program ends: the job waits until its next start."""


class RemoteJob(threading.Thread):
    """A running job. `wanted` is what was asked of it meanwhile: "", "stop", "skip", "after"."""

    def __init__(self, job: Job, tools: Tools, ended: Callable[["RemoteJob"], None]) -> None:
        super().__init__(name=f"remote-{job.id}", daemon=True)
        self.job, self._tools, self._ended = job, tools, ended
        self._change = threading.Condition()
        self._wanted = ""
        self._stopping = False
        self._notes: list[str] = list(job.notes)
        self._hidden: Callable[[str], str] = str
        """Takes the key out of a text, should the backend have sent it back."""

    # From other threads -------------------------------------------------------------------------------------------------

    def ask(self, how: str) -> None:
        """Stop, skip, or end after the pictures being made."""
        with self._change:
            self._wanted = how
            self._change.notify_all()

    def stop(self) -> None:
        """Let go: what was sent goes on there, and the next start looks for it."""
        with self._change:
            self._stopping = True
            self._change.notify_all()

    # The thread ---------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Make the job's pictures and report its end."""
        began = time.monotonic()
        try:
            model = self._make()
            new = tuple(note for note in self._notes if note not in self.job.notes)
            if self.job.resolved.finish and not model.finishes:
                self._hand_over(new)
            else:
                self._end(Done(job_id=self.job.id, notes=new, engine_seconds=0.0), began)
        except Stopping:
            self._keep(partial(self._tools.dispatch.put_back, self.job.id, "Darkroom was stopped"))
        except JobCancelled:
            self._end(Cancelled(job_id=self.job.id), began)
        except WebUIError as error:
            message = self._hidden(str(error))
            said = JobError(kind=type(error).__name__, message=message, field=getattr(error, "field", None))
            self._end(Failed(job_id=self.job.id, error=said), began)
        except Exception as error:
            print(self._hidden(traceback.format_exc()), file=sys.stderr)
            message = self._hidden(f"{self.job.request.where} could not be used{in_words(error)}.")
            said = JobError(kind="BackendError", message=message)
            self._end(Failed(job_id=self.job.id, error=said), began)
        finally:
            self._ended(self)

    def _end(self, event: Event, began: float) -> None:
        self._keep(partial(self._tools.dispatch.handle_event, event, self.job.request))
        self._keep(partial(self._tools.dispatch.tell, self.job.id))  # what it cost

    def _hand_over(self, notes: tuple[str, ...]) -> None:
        """Let an engine here do the finish chain to what has come."""
        self._keep(partial(self._tools.parts.hand_over, self.job.id, notes))
        self._keep(partial(self._tools.dispatch.put_back, self.job.id, "Its finish chain is done here"))
        self._keep(partial(self._tools.dispatch.tell, self.job.id))

    def _keep(self, act: Callable[[], T]) -> T | None:
        """Do what must be stored, again while the database cannot be written."""
        return retry_on_storage_error(act, lambda: self._stopping, lambda why: self._tell(why))

    def _make(self) -> BackendModel:
        """Have all pictures made that are not there yet; gives the model that did it."""
        backends, spec = self._tools.backends, self._tools.backends.spec(self.job.request.where)
        backends.check(spec)
        connection = backends.connection(spec)
        self._hidden = connection.wire.hidden
        model = self._insist(lambda: backends.model(spec, self.job.resolved.checkpoint))
        check_bounds(self.job.resolved, model, spec)
        self._notes += [note for note in late_remarks(self.job.resolved, spec, model) if note not in self._notes]
        for part in self._tools.parts.of(self.job.id):
            if (
                not (part.pictures or set(part.indexes) <= set(self._saved()))
                and (known := self._settled(part, connection, model)) is not None
            ):
                self._part(known, connection, model, again=True)
        parts = self._tools.parts.of(self.job.id)
        done = set(self._saved()) | {index for part in parts if not part.lost for index in part.indexes}
        left = [index for index in range(self.job.request.count) if index not in done]
        most = 1 if self.job.resolved.templates else model.pictures  # each picture has prompts of its own
        for start in range(0, len(left), most):
            self._check_wanted(between=True)
            indexes = tuple(left[start : start + most])
            part = RemotePart(indexes=indexes, at=time.time(), cost=self._estimate(model, len(indexes)))
            self._part(part, connection, model, again=False)
        return model

    def _saved(self) -> tuple[int, ...]:
        return self._tools.dispatch.state.store.saved_indexes(self.job.id)

    def _estimate(self, model: BackendModel, count: int) -> float:
        return count * (self._tools.settings().budget_picture if model.price is None else model.price)

    def _settled(self, part: RemotePart, connection: Connection, model: BackendModel) -> RemotePart | None:
        """A send that the job goes on with; None for a lost one, which is made anew: it is forgotten where the backend never got it."""
        if not part.lost or part.id:
            return None if part.lost else part
        try:
            found = self._look_for(part, self._task(part, connection, model), connection)
        except BackendError:
            return None  # nobody can tell: it counts as paid
        if found is None:
            self._keep(partial(self._tools.parts.change, self.job.id, part, None))
            return None
        known = part.model_copy(update={"id": found, "lost": False})
        self._keep(partial(self._tools.parts.change, self.job.id, part, known))
        return known

    def _task(self, part: RemotePart, connection: Connection, model: BackendModel) -> RemoteTask:
        request = self.job.resolved
        whose = f"{connection.spec.title}'s {model.name}"
        sent = start_pictures(request, model, whose, self._tools.picture, self._tools.settings().backend_scale)
        self._notes += [sent.note] if sent.note and sent.note not in self._notes else []
        return task_of(self.job, part.indexes, sent.init, sent.mask)

    def _part(self, part: RemotePart, connection: Connection, model: BackendModel, again: bool) -> None:
        """Make the pictures of one send. Where it cannot be, its record goes, so that the next try sends anew."""
        task, made = self._task(part, connection, model), False
        try:
            if not part.id:
                part, state = self._send(part, task, connection, again)
            else:
                state = RemoteState(id=part.id)
            state = self._wait(state, part, task, connection)
            made = True
            self._save(state, part, connection, model)
        except Stopping:
            raise
        except StorageError:
            raise  # what was made lies there: the next try fetches it
        except JobCancelled:
            self._give_up(part, connection, made)
            if self._wanted != "skip":
                raise
            self._wanted = ""
        except WebUIError as error:
            self._give_up(part, connection, made or getattr(error, "unsure", False))
            raise

    def _give_up(self, part: RemotePart, connection: Connection, is_paid: bool) -> None:
        """Stop a send that is not wanted any more, and forget it; one that may be paid for all the same is kept as lost."""
        if known := next((each for each in self._tools.parts.of(self.job.id) if each.at == part.at and each.indexes == part.indexes), None):
            if known.id and connection.spec.cancels and not is_paid:
                try:
                    connection.backend.cancel(known.id)
                except WebUIError as error:
                    is_paid = True
                    self._notes.append(f"It could not be stopped at {connection.spec.title}: {error}")
            lost = known.model_copy(update={"lost": True}) if is_paid else None
            self._keep(partial(self._tools.parts.change, self.job.id, known, lost))

    # Sending ------------------------------------------------------------------------------------------------------------

    def _send(self, part: RemotePart, task: RemoteTask, connection: Connection, again: bool) -> tuple[RemotePart, RemoteState]:
        """Ask once, and store the id. A send whose answer was lost is looked for before it is made once more."""
        if again:
            if (found := self._look_for(part, task, connection)) is not None:
                return self._named(part, found), RemoteState(id=found)
        else:
            settings = self._tools.settings()
            budget = (settings.budget_user, settings.budget_all)
            self._tools.parts.reserve(self.job.id, part, budget, day_of(time.time()))
        self._tell(f"Sending to {connection.spec.title}")

        def send() -> RemoteState:
            try:
                return self._read(lambda: connection.backend.send(task), connection)
            except BackendError as error:
                if not error.unsure:
                    raise
                found = self._look_for(part, task, connection)
                if found is None:
                    raise BackendError(str(error), error.again or 1.0) from None
                return RemoteState(id=found)

        state = self._insist(send)
        return self._named(part, state.id) if state.id else part, state

    def _read(self, act: Callable[[], RemoteState], connection: Connection) -> RemoteState:
        """Ask a backend. Raises `BackendError` for an answer that its extension did not think of; the work may have been taken on."""
        title = connection.spec.title
        try:
            state = act()
        except WebUIError:
            raise
        except Exception:
            print(self._hidden(traceback.format_exc()), file=sys.stderr)
            raise BackendError(f"{title} answered with something that cannot be read.", unsure=True) from None
        if len(state.id) > LONGEST_ID or not (state.id.isascii() and state.id.isprintable()):
            raise BackendError(f"{title} gave this a name that cannot be kept.", unsure=True)
        return state

    def _named(self, part: RemotePart, remote_id: str) -> RemotePart:
        return self._changed(part, id=remote_id)

    def _look_for(self, part: RemotePart, task: RemoteTask, connection: Connection) -> str | None:
        """The id of a send that may have arrived; None: it may be made again. Raises `BackendError` where nobody can tell."""
        spec = connection.spec
        if spec.resends:
            return None
        known = self._tools.parts.known(spec.name, self.job.id) | {each.id for each in self._tools.parts.of(self.job.id) if each.id}
        try:
            return self._insist(lambda: connection.backend.find(task, part.at, known))
        except BackendError:
            raise BackendError(
                f"{spec.title} was asked for this, and its answer was lost. It may have been made and paid for, so it is not asked again by"
                " itself: look at your account there, then try again.",
                unsure=True,
            ) from None

    def _insist(self, act: Callable[[], T]) -> T:
        """Do it, again after a pause while the backend asks for one or cannot be reached. Raises `BackendError` once it took too long."""
        until, tries = time.monotonic() + self._tools.settings().backend_minutes * 60, 0
        while True:
            try:
                return act()
            except BackendError as error:
                if error.again is None or error.unsure or (time.monotonic() > until and not error.offline):
                    raise
                pause = max(error.again, min(0.25 * 2.0**tries, self._tools.pace.backoff)) if error.again else 0.05
                self._tell(f"{error} Again in {pause:.0f} s.")
                self._pause(pause * random.uniform(1.0, 1.1))
                tries = min(tries + 1, 20)

    # Waiting ------------------------------------------------------------------------------------------------------------

    def _wait(self, state: RemoteState, part: RemotePart, task: RemoteTask, connection: Connection) -> RemoteState:
        """Until the backend is done. Raises `BackendError` where it made nothing, or took too long."""
        pause, spec = self._tools.pace.look, connection.spec
        while state.state == "waiting":
            self._report(state, spec.title)
            self._pause(pause)
            pause = min(pause * 1.25, self._tools.pace.slowest)
            state = self._insist(lambda: self._read(lambda: connection.backend.look(part.id, task), connection))
            limit = self._tools.settings().backend_minutes
            if state.state == "waiting" and time.time() - part.at > limit * 60:
                raise BackendError(f"{spec.title} was not done after {limit:g} minutes. It was told to stop.")
        why = f": {state.error.rstrip('.')}" if state.error else ""
        if state.state == "cancelled":
            raise BackendError(f"{spec.title} stopped this, or somebody did there{why}.")
        if state.state == "failed" or not state.pictures:
            raise BackendError(f"{spec.title} made no picture{why}.", unsure=state.state == "done")  # done is paid for
        return state

    def _report(self, state: RemoteState, title: str) -> None:
        steps, step = (
            (state.steps, state.step) if state.steps else (100, round(100 * state.progress)) if state.progress is not None else (0, 0)
        )
        detail = f"{title}: {state.detail}" if state.detail else title
        self._emit(StepDone(job_id=self.job.id, phase="sampling", step=step, steps=steps, detail=self._hidden(detail)))
        if state.preview:
            request = self.job.resolved
            frame = getattr(self._tools.dispatch.state.live.of(self.job.id), "frame", 0) + 1
            preview = Preview(job_id=self.job.id, frame=frame, width=request.width, height=request.height)
            self._tools.dispatch.handle_event(preview, self.job.request, state.preview)

    def _tell(self, detail: str) -> None:
        self._emit(StepDone(job_id=self.job.id, phase="loading", detail=self._hidden(detail)))

    def _emit(self, event: Event) -> None:
        self._tools.dispatch.handle_event(event, self.job.request)

    def _pause(self, seconds: float) -> None:
        """Wait. Raises `JobCancelled` as soon as a stop is asked for, `Stopping` when the program ends."""
        with self._change:
            self._change.wait_for(lambda: self._stopping or self._wanted in ("stop", "skip"), seconds)
        self._check_wanted()

    def _check_wanted(self, between: bool = False) -> None:
        if self._stopping:
            raise Stopping
        if self._wanted in ("stop", "skip") or (between and self._wanted == "after" and self._saved()):
            raise JobCancelled("stopped")

    # Saving -------------------------------------------------------------------------------------------------------------

    def _save(self, state: RemoteState, part: RemotePart, connection: Connection, model: BackendModel) -> None:
        spec, settings = connection.spec, self._tools.settings()
        store = ImageStore(settings.data_dir, settings.outputs_pattern, settings.picture_format, settings.picture_quality)
        if state.cost is not None:
            part = self._changed(part, cost=state.cost)
        if len(state.pictures) < len(part.indexes):
            self._notes.append(f"{spec.title} made {len(state.pictures)} of {len(part.indexes)} pictures.")
        saved, unfinished = set(self._saved()), []
        for index, made in zip(part.indexes, state.pictures, strict=False):
            if index in saved:
                continue
            image = self._insist(partial(picture_of, made, connection.wire, spec.title))
            notes = tuple(dict.fromkeys((*self._notes, *((self._hidden(made.note),) if made.note else ()))))
            request = made_request(self.job, state, image)
            facts = facts_of(self.job, spec, model, notes)
            if request.finish and not model.finishes:
                unfinished.append(self._tools.keep(as_file(image, index, self.job, request, facts), self.job.owner))
                continue
            record = save(image, index, self.job, request, facts, store)
            self._keep(partial(self._tools.dispatch.handle_event, ImageSaved(job_id=self.job.id, record=record), request))
        if unfinished:
            self._changed(part, pictures=tuple(unfinished))

    def _changed(self, part: RemotePart, **values: object) -> RemotePart:
        changed = part.model_copy(update=values)
        self._keep(partial(self._tools.parts.change, self.job.id, part, changed))
        return changed
