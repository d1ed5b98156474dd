"""The wildcards there are: lists of words in files, found by name or by a pattern."""

import difflib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from webui.core.folders import walk_linked
from webui.core.foreign import FileError, FileIdentity, read_foreign
from webui.core.frozen import FrozenModel
from webui.core.names import printable
from webui.errors import RequestError
from webui.settings import Settings
from webui.words.files import MOST_VALUES, SUFFIXES, Lists, Value, read_lists
from webui.words.language import Grammar

FOLDER = "wildcards"
BESIDE = ("extensions/sd-dynamic-prompts/wildcards", "extensions/stable-diffusion-webui-wildcards/wildcards", FOLDER)
"""Where A1111's extensions have theirs, below the folder that holds the models folder."""
MOST_FILES = 20_000
_REMEMBERED = 64


class Wildcard(FrozenModel):
    """A list of words as it is shown: `error` says why it cannot be used, `note` what is odd about its file."""

    name: str
    values: int
    path: str
    error: str = ""
    note: str = ""


class _File(NamedTuple):
    identity: FileIdentity
    lists: Lists
    error: str = ""
    note: str = ""


class _Named(NamedTuple):
    """A list in a file, "" being the file's own."""

    file: _File
    path: Path
    inner: str

    @property
    def values(self) -> tuple[Value, ...]:
        return self.file.lists.get(self.inner, ())

    @property
    def key(self) -> tuple[str, FileIdentity, str]:
        return str(self.path), self.file.identity, self.inner


def wildcard_folders(settings: Settings) -> tuple[Path, ...]:
    """Ours first, then those of programs whose models are used."""
    others = (above / part for folder in settings.models_dirs for above in (folder, folder.parent) for part in BESIDE)
    return tuple(dict.fromkeys((settings.data_dir / FOLDER, *(path for path in others if path.is_dir()))))


class Wildcards:
    """Lists of words in files below some folders. A file is read again when it has changed; all of it may be asked from any thread."""

    def __init__(self, folders: Callable[[], Sequence[Path]]) -> None:
        self._folders = folders
        self._lock = threading.Lock()
        self.grammar = Grammar()
        self._files: dict[Path, _File] = {}
        self._merged: dict[tuple[tuple[str, FileIdentity, str], ...], tuple[Value, ...]] = {}

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where files are looked for."""
        return tuple(self._folders())

    def all(self) -> tuple[Wildcard, ...]:
        """Everything there is, by name, with the files that cannot be read."""
        with self._lock:
            named = self._named()
        return tuple(
            Wildcard(name=name, values=len(each.values), path=str(each.path), error=each.file.error, note=each.file.note)
            for name, each in sorted(named.items(), key=lambda item: item[0].lower())
        )

    def values(self, pattern: str, field: str = "prompt") -> tuple[Value, ...]:
        """The words of all lists that a name or pattern (`colors/*`) means, without repetitions, in the order of the alphabet.

        Raises `RequestError` about `field` where there are none.
        """
        wanted = re.sub(r"[\\/]+", "/", pattern.strip()).strip("/")
        with self._lock:
            named = self._named()
            lists = [named[name] for name in _matching(wanted, named)]
            if (broken := next((each.file.error for each in lists if each.file.error), "")) and not any(each.values for each in lists):
                raise RequestError(field, f"The wildcard {printable(wanted)!r} cannot be used: {broken}")
            key = tuple(each.key for each in lists)
            if key not in self._merged:
                self._merged = {**dict(list(self._merged.items())[1 - _REMEMBERED :]), key: _merged(lists, field, wanted)}
            found = self._merged[key]
        if not found:
            raise RequestError(field, self._missing(wanted, tuple(named)))
        return found

    def _named(self) -> dict[str, _Named]:
        """Lists by name; where two folders have one of a name, the first folder's."""
        found: dict[str, _Named] = {}
        there: dict[Path, _File] = {}
        for root, path in self._walk():
            file = there[path] = self._read(path)
            base = path.relative_to(root)
            above = "" if base.parent == Path() else f"{base.parent.as_posix()}/"
            for inner in file.lists or ("",):
                found.setdefault(f"{above}{inner or base.stem}", _Named(file, path, inner))
        self._files = there
        return found

    def _walk(self) -> Iterator[tuple[Path, Path]]:
        count, met = 0, set[str]()
        for root in self._folders():
            for current, folders, files in walk_linked(root, met):
                folders[:] = [name for name in folders if not name.startswith(".")]
                for name in files:
                    if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".") and name == printable(name):
                        count += 1
                        if count > MOST_FILES:
                            return
                        yield root, current / name

    def _read(self, path: Path) -> _File:
        try:
            identity = FileIdentity.of(path.stat())
        except OSError:
            identity = FileIdentity()
        known = self._files.get(path)
        if known is not None and known.identity == identity:
            return known
        found = read_foreign(path, read_lists)
        if isinstance(found, FileError):
            return _File(identity, {}, found.message)
        lists, note = found
        return _File(identity, lists, note=note)

    def _missing(self, wanted: str, names: Sequence[str]) -> str:
        close = difflib.get_close_matches(wanted, names[:5000], n=3)
        hint = f"Did you mean {', '.join(map(printable, close))}? " if close else ""
        if self._folders() and not close:  # whoever asks may sit elsewhere: the server's folders are none of their business
            hint = f"Put {printable(wanted.rpartition('/')[2])}.txt into the folder {FOLDER} of Darkroom's data. "
        return f"There is no wildcard named {printable(wanted)!r}. {hint}Turn Dynamic prompts off to keep the words as they are."


def _merged(lists: Sequence[_Named], field: str, wanted: str) -> tuple[Value, ...]:
    if sum(len(each.values) for each in lists) > MOST_VALUES:
        raise RequestError(field, f"{printable(wanted)!r} means more than {MOST_VALUES} words. Name fewer lists.")
    return tuple(sorted(dict.fromkeys(value for each in lists for value in each.values), key=lambda value: value.text))


def _matching(wanted: str, names: dict[str, _Named]) -> list[str]:
    """Exactly this name, else those of the pattern, else those that end so, else whatever their case."""
    if wanted in names:
        return [wanted]
    for pattern in (wanted, f"*/{wanted}"):
        if found := [name for name in names if fnmatchcase(name, pattern)]:
            return found
    return [name for name in names if fnmatchcase(name.lower(), wanted.lower())]
