"""Many pictures as one ZIP archive, written as it is sent."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from webui.core.record import ImageRecord
from webui.errors import NotFound
from webui.images.store import ImageStore

_CHUNK = 2**20


class _Buffer(io.RawIOBase):
    """What the archive has written since it was last asked. It cannot be sought in, so the archive needs no going back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What has come, once."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def archive(files: Iterable[tuple[ImageRecord, ImageStore]]) -> Iterator[bytes]:
    """Yield a ZIP of these pictures, stored as they are under their own names. One whose file is gone is left out and named in a text."""
    buffer, names, gone = _Buffer(), set[str](), []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as made:
        for record, store in files:
            try:
                path = store.path(record)
                with path.open("rb") as source, made.open(_free(record, names), "w", force_zip64=True) as target:
                    while chunk := source.read(_CHUNK):
                        target.write(chunk)
                        yield buffer.take()
            except (NotFound, OSError):
                gone.append(record.path)
        if gone:
            made.writestr("not here.txt", "These files are gone:\n" + "\n".join(gone) + "\n")
    yield buffer.take()


def _free(record: ImageRecord, names: set[str]) -> str:
    """The file's name, with a number where two folders have the same."""
    path = PurePosixPath(record.path)
    name, number = path.name, 2
    while name in names:
        name, number = f"{path.stem} ({number}){path.suffix}", number + 1
    names.add(name)
    return name
