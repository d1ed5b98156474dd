"""Several web processes in front of one queue: what one does, the others hear of; one of them leads, and it alone gives jobs out.

What is stored (jobs and their events) is read from the database by all of them, in the same order. What is not (steps, previews, the
state of engines) is told through it. Who leads holds a lock there, which ends with its connection: then another one leads.
"""

import base64
import json
import os
import secrets
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from webui.core.events import Preview, StepDone
from webui.db.database import Database
from webui.db.postgres import Session
from webui.errors import StorageError, WebUIError
from webui.jobs.events import Message
from webui.jobs.placement import EngineStatus
from webui.jobs.state import JobState

LOOK_S = 0.1
HERE_S, GONE_S = 2.0, 7.0
"""Seconds between two signs of life, and after how many without one a process counts as gone."""
GRACE_S = 3.0
"""Seconds that a new leader leaves one whose connection was lost, to notice that."""
MOST_UNSAID = 2000
TERM = "leader"
TOLD = frozenset({"step", "preview", "engine", "job", "capabilities"})
"""What is told to the other processes besides stored events."""


class Asked(Protocol):
    """What processes that do not lead ask of the one that does: the queue there."""

    def cancel(self, job_id: str, how: str = "stop") -> object:
        """See `JobQueue.cancel`."""

    def free_memory(self) -> None:
        """See `JobQueue.free_memory`."""

    def pause(self, paused: bool = True) -> None:
        """See `JobQueue.pause`."""


class Relay:
    """The thread that listens and tells. `on_lead` is called once in a thread of its own when this process leads.

    `on_other` is called for what other parts of the program tell each other by `tell`: it gets the word and what comes with it.
    """

    def __init__(self, database: Database, state: JobState, on_deposed: Callable[[], None]) -> None:
        self._database, self._state, self._on_deposed = database, state, on_deposed
        self.name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._unsaid: deque[Mapping[str, Any]] = deque(maxlen=MOST_UNSAID)
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._on_lead: Callable[[], None] = lambda: None
        self._on_other: Callable[[str, Any], None] = lambda word, value: None
        self._queue: Asked | None = None
        self._others: dict[str, tuple[float, bool]] = {}
        self._seen, self._term, self._told = 0, 0, 0.0
        state.leads = False
        state.ask_leader, state.tell_others = self.ask, self.tell
        state.events.outlet = self._take

    def start(self, queue: Asked, on_lead: Callable[[], None], on_other: Callable[[str, Any], None]) -> None:
        """Begin to listen, and to lead if nobody does."""
        self._queue, self._on_lead, self._on_other = queue, on_lead, on_other
        self._thread.start()

    def stop(self) -> None:
        """Say what is still to be said, and let another process lead. Call it once nothing runs here any more."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)

    @property
    def leads(self) -> bool:
        """Whether this process leads."""
        return self._state.leads

    def ask(self, what: str, **values: Any) -> None:
        """Ask the process that leads for something. Where none does just now, nothing comes of it."""
        self._say(what, **values)

    def tell(self, word: str, value: Any = None) -> None:
        """Tell the other processes something."""
        self._say("other", word=word, value=value)

    # From the threads of this process -----------------------------------------------------------------------------------

    def _take(self, message: Message) -> bool:
        """A message that is published here; True where it reaches everybody, this process too, by the database."""
        if message.seq:
            self._wake.set()
            return True
        if message.kind in TOLD and self._others and (self._state.leads or message.kind == "job"):
            frame = self._state.live.preview(message.job_id) if message.kind == "preview" else None
            if message.kind != "preview" or (frame is not None and self._state.events.is_watched_elsewhere):
                picture = base64.b64encode(frame[1]).decode() if frame else ""
                self._say("message", message=[message.kind, message.body, message.owner, message.job_id], frame=picture)
        return False

    def _say(self, what: str, **values: Any) -> None:
        self._unsaid.append({"from": self.name, "what": what, **values})
        self._wake.set()

    # The thread ---------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._seen = self._insist(self._state.store.last_event) or 0
        self._insist(self._state.reload)
        while not self._stopping:
            session = None
            try:
                session = Session(self._database.engine)
                self._told = 0.0
                self._serve(session)
            except StorageError as error:
                print(f"The other web processes cannot be heard: {error}. It is tried again.", file=sys.stderr)
                time.sleep(0.5)
            except Exception:
                traceback.print_exc()
                time.sleep(0.5)
            finally:
                if session is not None:
                    session.close()

    def _insist(self, act: Callable[[], Any]) -> Any:
        while not self._stopping:
            try:
                return act()
            except StorageError as error:
                print(error, file=sys.stderr)
                time.sleep(0.5)
        return None

    def _serve(self, session: Session) -> None:
        while True:
            self._lead(session)
            while self._unsaid:
                session.say(json.dumps(self._unsaid[0]))
                self._unsaid.popleft()
            if self._stopping:
                self._end_term(session)
                return
            self._sign_of_life(session)
            for words in session.heard():
                self._hear(json.loads(words))
            self._read_events()
            self._wake.wait(LOOK_S)
            self._wake.clear()

    def _lead(self, session: Session) -> None:
        """Take the lead where it is free. Who had it and finds it taken, or that another led meanwhile, must not go on."""
        if session.leads or self._stopping:
            return
        leads = session.try_to_lead()
        if self._state.leads:
            if not leads or self._state.store.get_value(TERM)["web"] != self.name:
                self._stopping = True
                self._on_deposed()
            return
        if not leads:
            return
        before = self._state.store.get_value(TERM) or {"term": 0, "ended": True}
        self._state.store.set_value(TERM, {"term": before["term"] + 1, "web": self.name, "ended": False})
        if not before["ended"]:
            time.sleep(GRACE_S)
        self._read_events()
        self._state.reload()
        self._state.leads = True
        self._told = 0.0
        threading.Thread(target=self._on_lead, name="lead", daemon=True).start()

    def _end_term(self, session: Session) -> None:
        if self._state.leads and session.leads:
            known = self._state.store.get_value(TERM)
            self._state.store.set_value(TERM, {**known, "ended": True})
            session.give_up()

    def _sign_of_life(self, session: Session) -> None:
        now = time.monotonic()
        if now - self._told < HERE_S:
            return
        if not self._told and self._state.leads:
            self._state.publish_engines()
        self._told = now
        here = {"from": self.name, "what": "here", "watching": self._state.events.count > 0, "leads": self._state.leads}
        session.say(json.dumps(here))
        self._others = {name: other for name, other in self._others.items() if now - other[0] < GONE_S}
        self._state.events.set_watched_elsewhere(any(watching for _, watching in self._others.values()))

    def _read_events(self) -> None:
        """What has happened to jobs, whoever did it, in its order."""
        while True:
            events, last = self._state.store.events_page(self._seen, None, 500)
            for event in events:
                self._state.learn(event)
                self._state.events.deliver(self._state.message(event, self._state.owner_of(event.job_id)))
            if last <= self._seen:
                return
            self._seen = last

    def _hear(self, said: Mapping[str, Any]) -> None:
        if said["from"] == self.name:
            return
        what = said["what"]
        if what == "here":
            is_new = said["from"] not in self._others
            self._others[said["from"]] = (time.monotonic(), bool(said["watching"]))
            if is_new and self._state.leads:
                self._state.publish_engines()  # it knows nothing of them yet
            if said["watching"]:
                self._state.events.set_watched_elsewhere(True)
        elif what == "message":
            self._hear_message(Message(*said["message"]), base64.b64decode(said["frame"]))
        elif what == "other":
            self._on_other(said["word"], said["value"])
        elif self._state.leads and self._queue is not None:
            threading.Thread(target=self._do, args=(what, said), name="asked", daemon=True).start()

    def _hear_message(self, message: Message, frame: bytes) -> None:
        state = self._state
        if message.kind in ("step", "preview") and state.live.of(message.job_id) is None:
            return  # the job has ended here already, or has not begun: events and steps come by two ways
        match message.kind:
            case "step" if not state.leads:
                state.live.step(StepDone.model_validate(message.body))
            case "preview" if not state.leads:
                state.live.frame(Preview.model_validate(message.body), frame)
            case "engine" if not state.leads:
                state.engines = {each["name"]: EngineStatus.model_validate(each) for each in message.body["engines"]}
                state.paused, state.troubles = message.body["paused"], tuple(message.body["troubles"])
            case "capabilities":
                state.forget_capabilities()
            case "job":
                state.enqueue(message.job_id)
        state.events.deliver(message)

    def _do(self, what: str, said: Mapping[str, Any]) -> None:
        """What another process has asked of this one, which leads."""
        assert self._queue is not None
        try:
            if what == "cancel":
                self._queue.cancel(said["job"], said["how"])
            elif what == "pause":
                self._queue.pause(said["paused"])
            elif what == "free_memory":
                self._queue.free_memory()
        except WebUIError as error:
            print(f"Another web process asked for this in vain: {error}", file=sys.stderr)
