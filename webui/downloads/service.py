"""The list of downloads: several at once, paused, resumed, tried again, and put in their place when they are whole."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from webui.core.foreign import INDEX, FileError, named_path, read_foreign
from webui.downloads.catalogue import Catalogue
from webui.downloads.net import Egress, FetchError
from webui.downloads.offers import Offer, OfferedFile, Source
from webui.downloads.sites import Sites, described, picture_of
from webui.downloads.staging import (
    Download,
    State,
    appear,
    check_space,
    forget,
    keep,
    kept,
    kind_folder,
    new_download,
    received,
    writable_root,
)
from webui.downloads.transfer import Fetched, Progress, fetch
from webui.errors import Conflict, NotFound, RequestError, StorageError, WebUIError
from webui.library import KINDS, Library, ModelFile
from webui.library.header import read_any_header
from webui.settings import Settings

AT_ONCE = 2
TRIES = 5
KIND_WANTED = "Resume with a kind:"
"""In the error of a download that waits to be told what it is; the kinds stand after it."""
_TELL_EVERY_S = 0.5
_MOST_DONE = 50
_PREVIEW = 8 * 2**20


def write_beside(offer: Offer, target: Path, sites: Sites) -> None:
    """The site's description and picture, beside the model; without them it is as good."""
    end = ".civitai.info" if offer.source.site == "civitai" else ".metadata.json"
    with contextlib.suppress(OSError, WebUIError):
        if offer.card:
            target.with_suffix(end).write_text(json.dumps(offer.card, ensure_ascii=False, indent=1), encoding="utf-8")
        if offer.preview:
            egress = sites.egress(offer.source)
            try:
                data = egress.small(offer.preview, _PREVIEW)
            finally:
                egress.close()
            end = ".png" if data[:4] == b"\x89PNG" else ".webp" if data[8:12] == b"WEBP" else ".jpg" if data[:2] == b"\xff\xd8" else ""
            if end and not target.with_name(f"{target.stem}.preview{end}").exists():
                target.with_name(f"{target.stem}.preview{end}").write_bytes(data)


class _Halt(Exception):
    """Paused, or the program ends."""


class _Pace:
    """How much has come, and how fast it comes: over the last few seconds."""

    def __init__(self, received: int, size: int) -> None:
        self.received, self._size = received, size
        self._told = self._began = time.monotonic()
        self._at_began = received
        self._speed = 0.0

    def add(self, count: int, total: int) -> None:
        """So many bytes have come; `total` is the whole length where the server says it."""
        self.received += count
        self._size = total or self._size

    def is_due(self) -> bool:
        """Whether it is time to tell, which then counts as done."""
        now = time.monotonic()
        if now - self._told < _TELL_EVERY_S:
            return False
        self._told = now
        if now - self._began > 3:
            self._speed = (self.received - self._at_began) / (now - self._began)
            self._began, self._at_began = now, self.received
        elif not self._speed:
            self._speed = (self.received - self._at_began) / max(now - self._began, 0.1)
        return True

    def figures(self) -> dict[str, Any]:
        """What the list shows."""
        left = (self._size - self.received) / self._speed if self._speed > 0 and self._size else None
        return {"received": self.received, "size": self._size, "speed": self._speed, "left_s": left}


class Downloads:
    """All downloads of one program. `tell` is called with each that has changed, a few times a second at most for each.

    `settings` gives the current ones: sites, tokens, and whether anything may be fetched at all. `patience` is by how much pauses between
    tries are longer than usual.
    """

    def __init__(self, library: Library, settings: Callable[[], Settings], tell: Callable[[Download], None], patience: float = 1.0) -> None:
        self._library, self._settings, self._tell, self._patience = library, settings, tell, patience
        self.catalogue = Catalogue(settings)
        self._lock = threading.Condition()
        self._known: dict[str, Download] = {}
        self._halted: set[str] = set()
        self._active: set[str] = set()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._work, name=f"download-{number}", daemon=True) for number in range(AT_ONCE)]

    def start(self) -> None:
        """Take up what was begun before, and begin to work. What was paused or has failed waits for the user."""
        for download in kept(self._roots()):
            state: State = download.state if download.state in ("paused", "failed") else "waiting"
            self._known[download.id] = download.model_copy(update={"state": state, "received": received(download), "speed": 0.0})
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what has come is kept."""
        self._stopping.set()
        with self._lock:
            self._lock.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(10)

    def add(self, text: str, file: str = "", kind: str = "") -> Download:
        """Begin to fetch a source, or go on with it. `kind` says where it goes when its site does not.

        Raises `RequestError`, `Conflict` for what is here already, `FetchError`, `StorageError`, `Forbidden` when offline.
        """
        self.catalogue.check_online()
        if kind and kind not in KINDS:
            raise RequestError("kind", f"There is no kind {kind[:40]!r}. There are: {', '.join(KINDS)}.")
        source = self.catalogue.source(text)
        offer = self.catalogue.sites().offer(source.model_copy(update={"file": file}) if file else source)
        if (here := self._here(offer)) is not None:
            raise Conflict(f"You have this already: {here}.")
        root, note = writable_root(self._roots())
        download = new_download(text.strip(), offer, kind or offer.kind, root).model_copy(update={"note": note})
        check_space(root, max(offer.size - received(download), 0))
        with self._lock:
            same = (each for each in self._known.values() if each.id == download.id or (each.content and each.content == download.content))
            if (old := next((each for each in same if each.state in ("waiting", "running")), None)) is not None:
                return old
            keep(download)
            self._halted.discard(download.id)
            self._known[download.id] = download.model_copy(update={"received": received(download)})
            self._lock.notify()
        self._tell(download)
        return download

    def recognise(self, model: ModelFile) -> None:
        """Ask Civitai what a file is, by its sha256, and write the answer beside it. Raises `FetchError`, `StorageError`, `Forbidden`."""
        self.catalogue.check_online()
        sha256, sites = self._library.sha256(model), self.catalogue.sites()
        body = sites.by_hash(sha256)
        source = Source(site="civitai", model=str(body.get("id", "0")))
        offer = Offer(source=source, title=model.name, preview=picture_of(body), card=described(body))
        write_beside(offer, named_path(model.path), sites)

    def list(self) -> tuple[Download, ...]:
        """All that are known, oldest first."""
        with self._lock:
            return tuple(sorted(self._known.values(), key=lambda download: download.created))

    def get(self, download_id: str) -> Download:
        """One. Raises `NotFound`."""
        with self._lock:
            found = self._known.get(download_id)
        if found is None:
            raise NotFound(f"There is no download {download_id[:40]}.")
        return found

    def pause(self, download_id: str) -> Download:
        """Halt one; what has come is kept."""
        with self._lock:
            if self.get(download_id).state not in ("waiting", "running"):
                raise Conflict("This download is not under way.")
            self._halted.add(download_id)
            return self._set(download_id, state="paused", speed=0.0, left_s=None, received=received(self.get(download_id)))

    def resume(self, download_id: str, kind: str = "") -> Download:
        """Go on with one that was paused or has failed; `kind` where it failed because that was not known."""
        self.catalogue.check_online()
        with self._lock:
            if self.get(download_id).state not in ("paused", "failed"):
                raise Conflict("This download is not paused.")
            self._halted.discard(download_id)
            new = self._set(download_id, state="waiting", error="", **({"kind": kind} if kind in KINDS else {}))
            self._lock.notify()
        return new

    def remove(self, download_id: str) -> Download:
        """Take one off the list, with what has come of it; a model that has arrived stays.

        Nobody waits for a server that says nothing: what has come then goes as soon as its thread has noticed.
        """
        with self._lock:
            found = self.get(download_id)
            self._halted.add(download_id)
            self._known.pop(download_id)
            if download_id not in self._active:
                forget(found)
        removed = found.model_copy(update={"state": "paused", "error": "Removed."})
        self._tell(removed)
        return removed

    def run_now(self, download: Download) -> Download:
        """Carry out one in this thread, and give it as it has ended."""
        self._carry_out(download)
        return self.get(download.id)

    # The work ---------------------------------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                found = next((each for each in self._known.values() if self._may_begin(each)), None)
                if found is None:
                    self._lock.wait(5)
                    continue
                self._active.add(found.id)
            self._carry_out(found)

    def _may_begin(self, download: Download) -> bool:
        """Of two that bring the same content the second waits, and finds the file when the first has come; unless that one is paused."""
        if download.state != "waiting" or download.id in self._halted or download.id in self._active:
            return False
        under_way = (self._known[each].content for each in self._active - self._halted if each in self._known)
        return not download.content or download.content not in under_way

    def _carry_out(self, download: Download) -> None:
        try:
            download.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(download.folder / ".lock", blocking=False):
                self._set(download.id, state="running", error="")
                target = self._here(download.offer)  # it may have come just before the program was killed, or by another download
                if target is None:
                    self._fetch_all(download)
                    target = self._place(self.get(download.id))
            forget(download)
            self._library.scan()  # whoever hears that it is done finds it in the lists
            self._set(download.id, state="done", target=str(target), speed=0.0, left_s=None)
        except _Halt:
            if not self._stopping.is_set():
                with self._lock:  # or a resume that comes between is overwritten
                    self._end(download.id, "paused" if download.id in self._halted else "waiting")
        except Timeout:
            self._end(download.id, "failed", "Another Darkroom is fetching this. Wait for it, or stop it there.")
        except WebUIError as error:
            self._end(download.id, "failed", str(error))
        except OSError as error:
            self._end(download.id, "failed", f"{download.folder} cannot be written: {error.strerror}.")
        finally:
            with self._lock:
                self._active.discard(download.id)
                if download.id not in self._known:  # removed under way
                    forget(download)
                self._lock.notify_all()

    def _end(self, download_id: str, state: State, why: str = "") -> None:
        with contextlib.suppress(StorageError, NotFound):
            self._set(download_id, state=state, error=why, speed=0.0, left_s=None)

    def _fetch_all(self, download: Download) -> None:
        pace = _Pace(received(download), download.size)
        egress = self.catalogue.sites().egress(download.offer.source)

        def progress(count: int, total: int) -> None:
            if self._stopping.is_set() or download.id in self._halted:
                raise _Halt
            pace.add(count, total if len(download.offer.files) == 1 else 0)
            if pace.is_due():
                self._show(download.id, **pace.figures())

        try:
            for file in download.offer.files:
                self._fetch(egress, download, file, pace, progress)
            self._show(download.id, received=received(download), size=received(download), error="")
        finally:
            egress.close()

    def _fetch(self, egress: Egress, download: Download, file: OfferedFile, pace: "_Pace", progress: Progress) -> None:
        """One file, tried again as long as some of it comes, and a few times when nothing does."""
        vain, furthest, fetched = 0, received(download), Fetched(download.part(file))
        while True:
            try:
                return fetch(egress, file, fetched, download.whole(file), progress)
            except FetchError as error:
                pace.received = received(download)
                vain = 0 if pace.received > furthest else vain + 1
                furthest = max(furthest, pace.received)
                if error.again is None or vain >= TRIES:
                    raise
                self._show(download.id, error=str(error), speed=0.0)
                self._rest(error.again * (max(vain, 1) if error.asked else vain), download.id)

    def _rest(self, seconds: float, download_id: str) -> None:
        until = time.monotonic() + seconds * self._patience
        while (left := until - time.monotonic()) > 0:
            if download_id in self._halted or self._stopping.wait(min(left, 0.2)):
                raise _Halt

    def _place(self, download: Download) -> Path:
        """Move what has come to where its kind lies. Raises `CheckpointError`, `StorageError`, `RequestError`."""
        offer, first = download.offer, download.whole(download.offer.files[0])
        if offer.folder:
            return appear(download.files, kind_folder(Path(download.root), "checkpoint"), offer.folder)
        header = read_foreign(first, read_any_header)
        if isinstance(header, FileError):
            raise StorageError(f"What came is no model that can be read. {header.message}")
        kind = download.kind or self._library.families.detect(header).kind
        if kind not in KINDS:
            raise RequestError("kind", f"What kind of model {first.name} is cannot be told. {KIND_WANTED} {', '.join(KINDS)}.")
        target = appear(first, kind_folder(Path(download.root), kind), first.name)
        write_beside(offer, target, self.catalogue.sites())
        return target

    # What is known ----------------------------------------------------------------------------------------------------------------------

    def _set(self, download_id: str, **changes: Any) -> Download:
        """Change one and write it down, both under the lock: whoever pauses and whoever works write the same file."""
        with self._lock:
            new = self._show(download_id, **changes)
            if new.state != "done":
                keep(new)
        return new

    def _show(self, download_id: str, **changes: Any) -> Download:
        with self._lock:
            old = self._known.get(download_id)
            if old is None:
                raise NotFound("This download was removed.")
            if old.state == "paused" and changes.get("state") == "running":
                changes = {**changes, "state": "paused"}
            new = self._known[download_id] = old.model_copy(update=changes)
            done = [each.id for each in self._known.values() if each.state == "done"]
            for each in done[:-_MOST_DONE]:
                del self._known[each]
        self._tell(new)
        return new

    def _here(self, offer: Offer) -> Path | None:
        """Where the very file that is offered lies already. One of its length that nobody has hashed yet is hashed now."""
        digests = {file.sha256 for file in offer.files if file.sha256 and file.path.endswith((".safetensors", ".ckpt", ".pt", ".pth"))}
        sizes = {file.size for file in offer.files}
        for model in self._library.all_models if len(offer.files) == 1 and digests else ():
            if model.path.name == INDEX or model.error:
                continue
            known = self._library.hashes(model).sha256 or (self._library.sha256(model) if model.size in sizes else "")
            if known in digests:
                return named_path(model.path)
        return None

    def _roots(self) -> tuple[Path, ...]:
        return self._settings().all_models_dirs
