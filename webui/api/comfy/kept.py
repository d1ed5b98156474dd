"""What of a user's stays between calls and starts: what they called their pictures, and what of their history they took away."""

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from webui.core.job import Job
from webui.core.names import printable
from webui.errors import RequestError
from webui.jobs.values import KeptValues

FOLDERS = ("input", "temp", "output")
"""ComfyUI's, and in front of what was sent to /api/etn/image:"""
CACHE = "etn"
MOST = 1000


@dataclass(frozen=True)
class Place:
    """Where ComfyUI would keep a picture: one of its folders, one below that, and the file's name."""

    name: str
    subfolder: str = ""
    folder: str = "input"

    @classmethod
    def of(cls, name: str, subfolder: str = "", folder: str = "input") -> "Place":
        """From what a client sends. Raises `RequestError` for what leads out of the folder."""
        if folder not in (*FOLDERS, CACHE):
            raise RequestError("type", f"There is no folder {printable(folder)[:50]!r}. There are {', '.join(FOLDERS)}.")
        whole = posixpath.normpath(posixpath.join(*(part.replace("\\", "/") for part in (subfolder, name))))
        if whole.startswith(("/", "..")) or "\0" in whole or len(whole) > 400:
            raise RequestError("subfolder", "A picture's name must lead to a place inside the folder, and have at most 400 letters.")
        above, _, last = printable(whole).rpartition("/")
        return cls(last, above, folder)

    @classmethod
    def written(cls, text: str) -> "Place":
        """From an input of LoadImage: `folder/name.png [output]`. Raises `RequestError`."""
        for folder in (*FOLDERS, CACHE):
            if text.endswith(f" [{folder}]"):
                return cls.of(text.removesuffix(f" [{folder}]"), folder=folder)
        return cls.of(text)

    @property
    def key(self) -> str:
        """Its path."""
        return posixpath.join(self.folder, self.subfolder, self.name)

    def numbered(self, number: int) -> "Place":
        """The place beside it that ComfyUI takes where this one is taken."""
        stem, suffix = posixpath.splitext(self.name)
        return Place(f"{stem} ({number}){suffix}", self.subfolder, self.folder)


@dataclass(frozen=True)
class Forgotten:
    """What a user took out of their history: all that had ended before a moment, and some by their ids."""

    before: str = ""
    ids: frozenset[str] = frozenset()

    def has(self, job: Job) -> bool:
        """Whether this job is no more in it."""
        ended = (job.finished or job.created).astimezone(UTC).isoformat()
        return job.id in self.ids or ended <= self.before


class Kept:
    """All users', in the database."""

    def __init__(self, values: KeptValues) -> None:
        self._values = values

    def name(self, owner: str, place: Place, image_id: str, overwrite: bool = True) -> Place:
        """Remember what a user called a picture; where another has the name already, a numbered one unless `overwrite`."""
        taken = place

        def change(before: Any) -> Any:
            nonlocal taken
            names: dict[str, str] = dict(before or {})
            number = 0
            while not overwrite and names.get(taken.key, image_id) != image_id:
                number += 1
                taken = place.numbered(number)
            names.pop(taken.key, None)  # the newest stand last
            names[taken.key] = image_id
            return dict(list(names.items())[-MOST:])

        self._values.change_value(_names(owner), change)
        return taken

    def named(self, owner: str, place: Place) -> str | None:
        """The id of the picture that a user called so."""
        names: Mapping[str, str] = self._values.get_value(_names(owner)) or {}
        return names.get(place.key)

    def forget(self, owner: str, ids: Iterable[str] | None) -> None:
        """Take jobs out of a user's history; without ids all that have ended."""
        known = dict.fromkeys(ids or ())

        def change(before: Any) -> Any:
            if ids is None:
                return {"before": datetime.now(UTC).isoformat(), "ids": []}
            was = before or {"before": "", "ids": []}
            return {**was, "ids": list(dict.fromkeys([*was["ids"], *known]))[-MOST:]}

        self._values.change_value(_history(owner), change)

    def forgotten(self, owner: str) -> Forgotten:
        """What a user took out."""
        found = self._values.get_value(_history(owner)) or {}
        return Forgotten(found.get("before", ""), frozenset(found.get("ids", ())))


def _names(owner: str) -> str:
    return f"comfy-names:{owner}"[:128]


def _history(owner: str) -> str:
    return f"comfy-history:{owner}"[:128]
