"""Models saved anew as other types: each in a process of its own, one after the other, for the web process has no torch."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Literal
from uuid import uuid4

from webui.core.names import printable
from webui.core.request import FrozenModel
from webui.core.sentences import in_words
from webui.errors import Conflict, NotFound
from webui.library import ModelFile
from webui.settings import PROJECT, Settings

NumberType = Literal["keep", "float32", "float16", "bfloat16", "float8"]
_DONE = re.compile(r"\s{0,20}(\d{1,12}) of (\d{1,12}) MB")
_MOST_KEPT = 50


class Conversion(FrozenModel):
    """One model that is saved anew. `done` and `total` are bytes; `target` is the new file when it has come."""

    id: str
    model: str
    name: str
    to: NumberType
    state: Literal["waiting", "running", "done", "failed", "stopped"] = "waiting"
    done: int = 0
    total: int = 0
    target: str = ""
    error: str = ""


class Conversions:
    """The list of them, and the thread that carries them out. `arrived` is called when a new file has come."""

    def __init__(self, settings: Callable[[], Settings], arrived: Callable[[], object]) -> None:
        self._settings, self._arrived = settings, arrived
        self._lock = threading.Condition()
        self._known: dict[str, tuple[Conversion, ModelFile]] = {}
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False

    def add(self, model_id: str, model: ModelFile, to: NumberType) -> Conversion:
        """Put a model at the end of the line. Raises `Conflict` where the same is under way."""
        with self._lock:
            for known, _ in self._known.values():
                if (known.model, known.to) == (model_id, to) and known.state in ("waiting", "running"):
                    raise Conflict(f"{known.name} is being converted to that already.")
            new = Conversion(id=uuid4().hex[:12], model=model_id, name=model.name, to=to)
            self._known[new.id] = new, model
            for old in [each.id for each, _ in self._known.values() if each.state not in ("waiting", "running")][:-_MOST_KEPT]:
                del self._known[old]
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="model-converter", daemon=True)
                self._thread.start()
            self._lock.notify_all()
        return new

    def list(self) -> tuple[Conversion, ...]:
        """All that are known, oldest first."""
        with self._lock:
            return tuple(each for each, _ in self._known.values())

    def remove(self, conversion_id: str) -> Conversion:
        """Stop one, or take one that has ended off the list. Nothing half is left. Raises `NotFound`."""
        with self._lock:
            found = self._known.pop(conversion_id, None)
            if found is None:
                raise NotFound(f"There is no conversion {conversion_id[:40]}.")
            if found[0].state == "running" and self._process is not None:
                self._process.terminate()
        return found[0].model_copy(update={"state": "stopped"}) if found[0].state in ("waiting", "running") else found[0]

    def stop(self) -> None:
        """End, and what is under way with it."""
        with self._lock:
            self._stopping = True
            if self._process is not None:
                self._process.terminate()
            self._lock.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(10)

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._stopping:
                    return
                found = next((pair for pair in self._known.values() if pair[0].state == "waiting"), None)
                if found is None:
                    self._lock.wait()
                    continue
                try:
                    process = self._process = self._start(*found)
                except OSError as error:  # no memory or no process left: the next one may find some
                    self._show(found[0].id, state="failed", error=f"It could not be started{in_words(error)}.")
                    continue
                self._show(found[0].id, state="running")
            self._follow(found[0].id, process)

    def _start(self, conversion: Conversion, model: ModelFile) -> subprocess.Popen[str]:
        settings = self._settings()
        folders = [word for folder in settings.models_dirs for word in ("--models-dir", str(folder))]
        words = [
            "models",
            "convert",
            str(model.path),
            "--as",
            model.kind,
            "--to",
            conversion.to,
            "--data-dir",
            str(settings.data_dir),
            *folders,
        ]
        command = [sys.executable, "-m", "webui", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, errors="replace")

    def _follow(self, conversion_id: str, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None and process.stdout is not None
        said = ""
        for line in process.stderr:
            if found := _DONE.match(line):
                self._show(conversion_id, done=int(found[1]) * 10**6, total=int(found[2]) * 10**6)
            elif line.strip():
                said = printable(line.strip())
        target = process.stdout.read().strip()
        if is_done := process.wait() == 0:
            self._arrived()
        with self._lock:
            self._process = None
            total = {"done": self._known[conversion_id][0].total} if conversion_id in self._known else {}
            ended = {"state": "done", "target": target, **total} if is_done else {"state": "failed", "error": said or "It was ended."}
            self._show(conversion_id, **ended)

    def _show(self, conversion_id: str, **changes: object) -> None:
        """Nothing, where it was removed meanwhile."""
        with self._lock:
            if conversion_id in self._known:
                old, model = self._known[conversion_id]
                self._known[conversion_id] = old.model_copy(update=changes), model
