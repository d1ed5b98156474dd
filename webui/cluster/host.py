"""What runs on a node: one engine as a child process, the files that it lacks, and its messages until web fetches them.

Ray makes an actor of it, one for each engine. It imports neither Ray nor torch. Where the node does not see web's folders, the engine
works in a folder of the node: models come once for all engines of the node, by their hash, and pictures go back with their message.
"""

import contextlib
import hashlib
import json
import os
import platform
import sys
import threading
from collections import deque
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock, Timeout

from webui import __version__
from webui.core.events import ImageSaved
from webui.core.protocol import FromEngine, JobEventMessage, Ready, RunJob, Start, ToEngine, ToEngineAdapter, fingerprint
from webui.errors import EngineLost
from webui.jobs.engine_client import SubprocessClient
from webui.settings import PROJECT, Settings

ENGINE = "webui.engine.server"
MODELS = "models"
Frame = tuple[bytes, bytes]


class EngineHost:
    """One engine on this node. Methods may be called from several threads; `send` by one at a time."""

    def __init__(self, folder: str = "", module: str = ENGINE) -> None:
        """`folder`: where files of this node lie, "" for the usual place."""
        self._folder = Path(folder or "~/.cache/darkroom-node").expanduser()
        self._module = module
        self._is_shared = False
        self._client: SubprocessClient | None = None
        self._frames: deque[Frame] = deque()
        self._change = threading.Condition()
        self._ended = False
        self._locks: dict[str, FileLock] = {}

    def about(self) -> dict[str, str]:
        """Return who this is: the node's name, its version of Darkroom, the process."""
        return {"node": platform.node(), "version": f"{__version__} ({fingerprint()})", "pid": str(os.getpid())}

    def open(self, marker: str, token: str, may_share: bool) -> bool:
        """Start the engine; True where this node sees web's data folder, in which the file `marker` holds `token`."""
        with contextlib.suppress(OSError):
            self._is_shared = may_share and Path(marker).read_text(encoding="utf-8") == token
        if not self._is_shared:
            (self._folder / MODELS).mkdir(parents=True, exist_ok=True)
        self._client = SubprocessClient(self._receive, self._on_end, (sys.executable, "-m", self._module), PROJECT)
        return self._is_shared

    def choose(self, measured: str) -> None:
        """Take what web measured on machines of this kind before the first message: what is chosen by it shows in pictures' last bits."""
        target = Settings(data_dir=self._folder).measured
        ours, theirs = _table(target.read_text(encoding="utf-8") if target.is_file() else ""), _table(measured)
        part = target.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({kind: {**ours.get(kind, {}), **theirs.get(kind, {})} for kind in {**ours, **theirs}}, indent=1))
        part.replace(target)

    # Messages -----------------------------------------------------------------------------------------------------------

    def send(self, body: bytes, roots: tuple[str, ...] = ()) -> bool:
        """Pass a message on; False when the engine is gone. `roots` are the folders of models below this node's own."""
        assert self._client is not None
        return self._client.send(self._for_here(ToEngineAdapter.validate_json(body), roots))

    def _for_here(self, message: ToEngine, roots: tuple[str, ...]) -> ToEngine:
        """A message with this node's folders in it."""
        if self._is_shared or not isinstance(message, Start | RunJob):
            return message
        models = [str(self._folder / MODELS / root) for root in roots]
        settings = {**message.settings, "data_dir": str(self._folder), "models_dirs": models}
        if isinstance(message, Start):
            return message.model_copy(update={"settings": settings})
        return message.model_copy(update={"settings": settings if message.settings else {}, "library": ""})

    def poll(self, seconds: float) -> tuple[list[Frame], bool]:
        """Return what the engine has said since, after at most `seconds`, and whether it lives."""
        with self._change:
            self._change.wait_for(lambda: self._frames or self._ended, seconds)
            frames = list(self._frames)
            self._frames.clear()
            return frames, not self._ended

    def _receive(self, message: FromEngine, blob: bytes) -> None:
        if isinstance(message, Ready):
            message = message.model_copy(update={"node": platform.node(), "device": _shown(message.device)})
        elif isinstance(message, JobEventMessage) and isinstance(message.event, ImageSaved) and not self._is_shared:
            blob = self._taken_away(message.event.record.path)
        with self._change:
            self._frames.append((message.model_dump_json().encode(), blob))
            self._change.notify_all()

    def _taken_away(self, path: str) -> bytes:
        """A picture's file, which does not stay here."""
        file = self._folder / path
        data = file.read_bytes()
        file.unlink(missing_ok=True)
        return data

    def _on_end(self) -> None:
        with self._change:
            self._ended = True
            self._change.notify_all()

    def cause(self) -> str:
        """Return why the engine ended."""
        return "it was not started" if self._client is None else self._client.cause()

    def close(self, wait: float) -> None:
        """End the engine."""
        if self._client is not None:
            self._client.close(wait)

    # Files --------------------------------------------------------------------------------------------------------------

    def offer(self, place: str, sha256: str) -> str:
        """Return what is to be done for a file to lie at `place`: "have" nothing, "send" it, "wait" for another engine's."""
        blob = self._blob(sha256)
        if not blob.exists():
            lock = FileLock(blob.with_suffix(".lock"), thread_local=False)
            blob.parent.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return "wait"
            if not blob.exists():
                self._locks[sha256] = lock
                self._part(sha256).unlink(missing_ok=True)
                return "send"
            lock.release()
        self._lay(place, blob)
        return "have"

    def put(self, sha256: str, chunk: bytes) -> None:
        """Append to a file that is being sent."""
        with self._part(sha256).open("ab") as file:
            file.write(chunk)

    def finish(self, place: str, sha256: str) -> str:
        """The file is whole: returns why it cannot be used, "" where it is what it should be."""
        part, lock = self._part(sha256), self._locks.pop(sha256)
        try:
            with part.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256:
                part.unlink(missing_ok=True)
                return f"{PurePosixPath(place).name} came to {platform.node()} with other bytes than it was sent with"
            part.replace(self._blob(sha256))
        finally:
            lock.release()
        self._lay(place, self._blob(sha256))
        return ""

    def drop(self, sha256: str) -> None:
        """A file that was being sent is not sent any further."""
        if (lock := self._locks.pop(sha256, None)) is not None:
            self._part(sha256).unlink(missing_ok=True)
            lock.release()

    def _blob(self, sha256: str) -> Path:
        return self._folder / "blobs" / sha256

    def _part(self, sha256: str) -> Path:
        return self._folder / "blobs" / f"{sha256}.part"

    def _lay(self, place: str, blob: Path) -> None:
        """Give a file its name below the folder, by a hard link."""
        pure = PurePosixPath(place)
        if pure.is_absolute() or ".." in pure.parts:
            raise EngineLost(f"{place} is no place below a node's folder")
        path = self._folder / pure
        with contextlib.suppress(OSError):
            if path.samefile(blob):
                return
        path.parent.mkdir(parents=True, exist_ok=True)
        link = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
        link.unlink(missing_ok=True)
        os.link(blob, link)
        link.replace(path)


def _table(text: str) -> dict[str, dict[str, Any]]:
    """What was measured, by machine; nothing where the text is not that."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {kind: times for kind, times in found.items() if isinstance(times, dict)} if isinstance(found, dict) else {}


def _shown(device: str) -> str:
    """A device as the whole node calls it, where Ray has given this engine one GPU of several."""
    kind, _, number = device.partition(":")
    given: Any = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    index = int(number or 0)
    return f"{kind}:{given[index]}" if kind == "cuda" and index < len(given) and given[index].strip() else device
