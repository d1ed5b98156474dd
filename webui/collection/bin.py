"""Models that are no longer wanted: moved, with what lies beside them, into a hidden folder where they were. Nothing is deleted."""

import os
from pathlib import Path

from webui.core.foreign import named_path
from webui.errors import StorageError
from webui.library import ModelFile
from webui.library.beside import Surroundings

BIN = ".bin"


def move_to_bin(model: ModelFile) -> Path:
    """Move a model's file or folder, and the files that tell of it; gives where it lies now. Raises `StorageError`."""
    place = named_path(model.path)
    folder = place.parent / BIN
    beside = [place.parent / name for name, _, _ in Surroundings().of(model.path).files]
    try:
        folder.mkdir(exist_ok=True)
        target = _free(folder / place.name)
        os.rename(place, target)
        for path in beside:
            if path.is_file():
                os.rename(path, _free(folder / path.name))
    except OSError as error:
        raise StorageError(f"{place} cannot be moved: {error.strerror}. It stays where it is.") from None
    return target


def _free(path: Path) -> Path:
    """A name that nothing in the bin has."""
    number, found = 2, path
    while os.path.lexists(found):
        found, number = path.with_name(f"{path.stem} ({number}){path.suffix}"), number + 1
    return found
