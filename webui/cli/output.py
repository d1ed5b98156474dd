"""Where a command's pictures go: found out before the work, and when it fails afterwards the pictures are kept somewhere else."""

import errno
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from webui.core.names import printable
from webui.errors import RequestError, StorageError

FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


def prepare(output: Path) -> None:
    """Find out before the work, not after it, that the file cannot be written. Raises `RequestError` or `StorageError`."""
    if output.suffix.lower() not in FORMATS:
        raise RequestError("output", f"{printable(output.name)}: write a .png, .jpg or .webp file.")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            output.lstat()  # raises for a name that is too long
        with tempfile.TemporaryFile(dir=output.parent):
            pass
        is_folder = output.is_dir()
    except OSError as error:
        raise StorageError(f"{printable(str(output))} cannot be written: {error.strerror}. Choose another file with -o.") from None
    if is_folder:
        raise RequestError("output", f"{printable(str(output))} is a folder. Write the name of a file, such as {output.name}/out.png.")


def names(output: Path, count: int) -> list[Path]:
    """`apple.png` for one picture, `apple-1.png`, `apple-2.png` … for several."""
    return [output] if count == 1 else [output.with_stem(f"{output.stem}-{number}") for number in range(1, count + 1)]


def place(saved: Sequence[Path], output: Path, others: Sequence[Path]) -> list[Path]:
    """Move the finished pictures to their names.

    What cannot be moved is kept in a new folder beside it or in one of `others`: `StorageError` says where.
    """
    targets, left, reason = names(output, len(saved)), list[Path](), ""
    for path, target in zip(saved, targets, strict=True):
        try:
            if target.is_dir():
                raise OSError(errno.EISDIR, "it is a folder")
            shutil.move(path, target)
        except OSError as error:
            reason = f"{printable(str(target))} cannot be written: {error.strerror or error}."
            left.append(path)
    if left:
        kept = ", ".join(str(path) for path in _kept(left, (output.parent, *others)))
        raise StorageError(f"{reason} {'The pictures are' if len(left) > 1 else 'The picture is'} kept: {kept}.")
    return targets


def _kept(pictures: Sequence[Path], folders: Sequence[Path]) -> list[Path]:
    """Move them to a new folder in the first of these that takes them, or among the system's temporary files."""
    made = None
    for folder in folders:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix="kept-", dir=folder))
            break
    made = made or Path(tempfile.mkdtemp(prefix="darkroom-kept-"))
    return [Path(shutil.move(path, made / path.name)) for path in pictures]
