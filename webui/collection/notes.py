"""What the user keeps of a model: notes, tags, whether it is a favourite, its own defaults. In the database, by name and by content."""

import contextlib
import time
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from sqlalchemy import insert, select, update

from webui.core.family import ModelDefaults
from webui.core.names import printable
from webui.core.request import FrozenModel, parse_request
from webui.core.sentences import sentence
from webui.db import Database
from webui.db.tables import model_notes
from webui.errors import RequestError
from webui.library import ModelFile
from webui.library.beside import Beside

MOST_TAGS = 50
LONGEST_NOTES, LONGEST_TAG, LONGEST_TRIGGER = 20_000, 60, 500
DEFAULTS = tuple(ModelDefaults.model_fields)


class Notes(FrozenModel):
    """What is kept of one model. `defaults` are values of a request that a checkpoint brings along, in place of its family's.

    What was never set counts as said by nobody: files beside the model may say it.
    """

    notes: Annotated[str, Field(max_length=LONGEST_NOTES)] = ""
    favourite: bool = False
    tags: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=LONGEST_TAG)], ...], Field(max_length=MOST_TAGS)] = ()
    trigger: Annotated[str, Field(max_length=LONGEST_TRIGGER)] = ""
    weight: Annotated[float | None, Field(ge=-10, le=10)] = None
    defaults: dict[str, Any] = Field(default_factory=dict)

    @field_validator("tags")
    @classmethod
    def _tags(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        cleaned = (" ".join(printable(tag).split()) for tag in tags)
        return tuple(dict.fromkeys(tag for tag in cleaned if tag))


def changed(notes: Notes, changes: Mapping[str, Any]) -> Notes:
    """Notes with some of their fields changed. Raises `RequestError` on the field that is wrong."""
    try:
        new = Notes.model_validate({**notes.model_dump(exclude_unset=True), **changes})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        known = ", ".join(Notes.model_fields)
        said = f"There is no {field!r} to keep of a model. There are: {known}." if first["type"] == "extra_forbidden" else ""
        raise RequestError(field, said or sentence(first, field)) from None
    return new.model_copy(update={"defaults": checked_defaults(new.defaults)}) if "defaults" in changes else new


def checked_defaults(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint's defaults as a request takes them. Raises `RequestError` on the one that is wrong."""
    unknown = next((name for name in defaults if name not in DEFAULTS), None)
    if unknown is not None:
        raise RequestError(f"defaults.{unknown[:60]}", f"A model's defaults are {', '.join(DEFAULTS)}, not {unknown[:60]!r}.")
    kept = {name: value for name, value in defaults.items() if value is not None}
    try:
        request = parse_request(kept)
    except RequestError as error:
        raise RequestError(f"defaults.{error.field}", str(error)) from None
    return {name: getattr(request, name) for name in kept}


def with_beside(notes: Notes, beside: Beside) -> Notes:
    """What is kept, and where nothing is, what lies beside the model: what A1111 keeps, or another Darkroom has exported."""
    told = {**_read(beside.kept), **{name: value for name, value in (("notes", beside.notes), ("weight", beside.weight)) if value}}
    return Notes(**{**told, **notes.model_dump(exclude_unset=True)}) if told else notes


def _read(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an exported description that can be kept; what somebody has written otherwise is left out."""
    found: dict[str, Any] = {}
    for name in Notes.model_fields.keys() & kept.keys():
        if name == "defaults":
            each = kept[name].items() if isinstance(kept[name], dict) else ()
            found[name] = {key: value for key, wanted in list(each)[:100] for value in _taken(str(key), wanted)}
            continue
        with contextlib.suppress(ValidationError):
            found[name] = getattr(Notes.model_validate({name: kept[name]}), name)
    return {name: value for name, value in found.items() if value not in ("", None, (), {}, False)}


def _taken(name: str, wanted: Any) -> Iterable[Any]:
    """A default as a request takes it, if it does."""
    with contextlib.suppress(RequestError):
        return checked_defaults({name: wanted}).values()
    return ()


class NoteStore:
    """The notes of all models, read once and written through."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._rows: dict[tuple[str, str], tuple[str, Notes]] | None = None

    def of(self, model: ModelFile, sha256: str, there: Mapping[tuple[str, str], object]) -> Notes:
        """A model's notes: by its name; else, where a model of the same content was noted whose name is no more `there`, that one's."""
        rows = self._all()
        if found := rows.get((model.kind, model.name)):
            return found[1]
        moved = (notes for (kind, name), (digest, notes) in rows.items() if digest and digest == sha256 and (kind, name) not in there)
        return next(moved, Notes())

    def defaults(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The defaults of models that have some, by kind and name."""
        return {key: notes.defaults for key, (_, notes) in self._all().items() if notes.defaults}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever noted."""
        return not self._all()

    def put(self, model: ModelFile, sha256: str, notes: Notes) -> None:
        """Keep a model's notes. Raises `StorageError`."""
        key = (model.kind, model.name)
        values = {"sha256": sha256, "body": notes.model_dump_json(exclude_unset=True), "updated": time.time()}
        named = (model_notes.c.kind == model.kind) & (model_notes.c.name == model.name)
        with self.database.write() as connection:
            if connection.execute(update(model_notes).where(named).values(**values)).rowcount == 0:
                connection.execute(insert(model_notes).values(kind=model.kind, name=model.name, **values))
        self._rows = {**self._all(), key: (sha256, notes)}

    def _all(self) -> dict[tuple[str, str], tuple[str, Notes]]:
        if self._rows is None:
            with self.database.read() as connection:
                rows = connection.execute(select(model_notes)).all()
            self._rows = {(row.kind, row.name): (row.sha256, _notes(row.body)) for row in rows}
        return self._rows


def _notes(body: str) -> Notes:
    try:
        return Notes.model_validate_json(body)
    except ValueError:
        return Notes()
