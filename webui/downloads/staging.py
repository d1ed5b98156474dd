"""Downloads on disk: each is a folder beside the models, with what has come so far. It outlives the program, whoever ends it."""

import contextlib
import errno
import hashlib
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from webui.core.filenames import safe_name
from webui.core.request import FrozenModel
from webui.downloads.offers import Offer, OfferedFile
from webui.errors import StorageError
from webui.library import KINDS

STAGING = ".downloads"
RESERVE = 256 * 2**20
"""Bytes that stay free beside a download."""
State = Literal["waiting", "running", "paused", "failed", "done"]
_RECORD = "download.json"


class Download(FrozenModel):
    """One model on its way. `root` is the models folder that it goes into; `target` where it lies when it has arrived.

    `note` says why `root` is not the first of the folders.
    """

    id: str
    source: str
    offer: Offer
    root: str
    kind: str = ""
    state: State = "waiting"
    error: str = ""
    note: str = ""
    received: int = 0
    size: int = 0
    speed: float = 0.0
    left_s: float | None = None
    target: str = ""
    created: float = 0.0

    @property
    def folder(self) -> Path:
        """Where its files are until they are whole."""
        return Path(self.root) / STAGING / self.id

    @property
    def content(self) -> str:
        """The sha256 of the one file that it is, "" where that is not known."""
        return self.offer.files[0].sha256 if len(self.offer.files) == 1 else ""

    @property
    def files(self) -> Path:
        """The folder of the files themselves."""
        return self.folder / "files"

    def part(self, file: OfferedFile) -> Path:
        """A file as far as it has come."""
        return self.whole(file).with_name(self.whole(file).name + ".part")

    def whole(self, file: OfferedFile) -> Path:
        """A file that has come whole and was verified."""
        return self.files.joinpath(*(safe_name(part) or "_" for part in file.path.split("/")))


def new_download(source: str, offer: Offer, kind: str, root: Path) -> Download:
    """A download of an offer; the same offer for the same folder has the same id, so that what has come of it is found again."""
    key = "\n".join((offer.source.site, offer.source.model, *(file.path for file in offer.files)))
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return Download(id=digest, source=source, offer=offer, root=str(root), kind=kind, size=offer.size, created=time.time())


def keep(download: Download) -> None:
    """Write down a download. Raises `StorageError`."""
    path = download.folder / _RECORD
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        download.folder.mkdir(parents=True, exist_ok=True)
        part.write_text(download.model_dump_json(), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise StorageError(_unwritable(download.folder, error)) from None


def kept(roots: Iterable[Path]) -> list[Download]:
    """The downloads that were begun in these folders and are not done, oldest first."""
    found = []
    for root in roots:
        with contextlib.suppress(OSError):
            for folder in sorted((root / STAGING).iterdir()):
                with contextlib.suppress(OSError, ValueError):
                    found.append(Download.model_validate_json((folder / _RECORD).read_text(encoding="utf-8")))
    return sorted(found, key=lambda download: download.created)


def forget(download: Download) -> None:
    """Remove what has come of a download."""
    shutil.rmtree(download.folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        download.folder.parent.rmdir()


def received(download: Download) -> int:
    """Bytes that have come."""
    sizes = [_size(download.whole(file)) or _size(download.part(file)) for file in download.offer.files]
    return sum(sizes)


def check_space(folder: Path, missing: int) -> None:
    """Raises `StorageError` unless so many bytes fit, with some to spare."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return
    if missing + RESERVE > free:
        raise StorageError(
            f"{folder} has {free / 1e6:,.0f} MB free. {missing / 1e6:,.0f} MB are still to come, and {RESERVE / 1e6:.0f} MB are left free."
            " Free some space, then resume."
        )


def writable_root(roots: Iterable[Path]) -> tuple[Path, str]:
    """The first models folder that can be written, and why it is not the first of all. Raises `StorageError`."""
    refused: list[str] = []
    for root in roots:
        try:
            root.mkdir(parents=True, exist_ok=True)
            probe = root / f".writable.{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            refused.append(f"{root} ({error.strerror or error})")
            continue
        return root, f"It goes to {root}, for what comes before cannot be written: {', '.join(refused)}." if refused else ""
    raise StorageError(
        f"None of the models folders can be written: {', '.join(refused)}. Give yourself that right, or add one in Settings."
    )


def kind_folder(root: Path, kind: str) -> Path:
    """Where files of a kind lie below a models folder: a folder of theirs that is there, under whatever program's name, else ours."""
    inner = root / "models" if not any((root / names[0]).is_dir() for names in KINDS.values()) and (root / "models").is_dir() else root
    return next((inner / name for name in KINDS[kind] if (inner / name).is_dir()), inner / KINDS[kind][0])


def appear(staged: Path, folder: Path, name: str) -> Path:
    """Put a whole file or folder in its place at once, under a name that nothing has yet. Raises `StorageError`."""
    suffix = "" if staged.is_dir() else os.path.splitext(name)[1]
    stem = safe_name(name.removesuffix(suffix), 200) or "model"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            target = folder / f"{stem}{f' ({number})' if number > 1 else ''}{suffix}"
            if _moved(staged, target):
                return target
    except OSError as error:
        raise StorageError(_unwritable(folder, error)) from None
    raise StorageError(f"{folder} holds a thousand files called {stem}. Rename some.")


def _moved(staged: Path, target: Path) -> bool:
    """Move without replacing anything; False where there is something by this name."""
    if staged.is_dir():
        if target.exists():
            return False
        try:
            staged.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            return _copied(staged, target)
        return True
    try:
        os.link(staged, target)
    except FileExistsError:
        return os.path.samefile(staged, target)  # it was put there before, and the program ended
    except OSError as error:
        if error.errno == errno.EXDEV:
            return _copied(staged, target)
        if target.exists():  # a file system without links
            return False
        staged.rename(target)
        return True
    return True  # the staged one is the same file, and goes with its folder


def _copied(staged: Path, target: Path) -> bool:
    """To another file system: copied beside the target first, so that it appears whole."""
    if target.exists():
        return False
    part = target.with_name(f".{target.name}.part")
    if staged.is_dir():
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(staged, part)
    else:
        shutil.copyfile(staged, part)
    part.replace(target)
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _unwritable(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return f"The disk of {path} is full. What has come is kept: free some space, then resume."
    return f"{path} cannot be written: {error.strerror}. Give yourself that right, or choose another models folder."
