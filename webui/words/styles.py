"""Prompt styles as A1111 keeps them: `styles.csv` with name, prompt and negative_prompt, `{prompt}` being where one's own words go."""

import csv
import difflib
import io
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from webui.core.foreign import FileError, FileIdentity, read_foreign, shown
from webui.core.frozen import FrozenModel
from webui.core.names import printable
from webui.core.options import MAX_PROMPT
from webui.core.request import MAX_NAME, Request
from webui.errors import NotFound, RequestError, StorageError
from webui.settings import Settings

FILE = "styles.csv"
_LARGEST = 4 * 2**20
_COLUMNS = ("name", "prompt", "negative_prompt")


class Style(FrozenModel):
    """One row. `{prompt}` in it is where the caller's words go; without that it stands behind them. `path` is its file."""

    name: str
    prompt: str | None = ""
    negative_prompt: str | None = ""
    path: str = ""


class StyleList(FrozenModel):
    """All styles, and what was wrong with the files they come from."""

    styles: tuple[Style, ...]
    notes: tuple[str, ...] = ()


def style_files(settings: Settings) -> tuple[Path, ...]:
    """Ours first, then those of programs whose models are used: A1111's lies beside its models folder."""
    others = (above / FILE for folder in settings.models_dirs for above in (folder, folder.parent))
    return tuple(dict.fromkeys((settings.data_dir / FILE, *(path for path in others if path.is_file()))))


class Styles:
    """The styles of several files; ours, the first, can be written. May be asked from any thread."""

    def __init__(self, files: Callable[[], Sequence[Path]]) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._read: dict[Path, tuple[FileIdentity, StyleList]] = {}

    def all(self) -> StyleList:
        """Every style by its name, the first file's where several have one, and the files' faults."""
        with self._lock:
            lists = [self._of(path) for path in self._files()]
        found: dict[str, Style] = {}
        for each in lists:
            for style in each.styles:
                found.setdefault(style.name, style)
        return StyleList(styles=tuple(found.values()), notes=tuple(note for each in lists for note in each.notes))

    def save(self, style: Style) -> Style:
        """Keep a style in our own file, in place of one of its name. Raises `RequestError`, `StorageError`."""
        name = style.name.strip()
        if not name or len(name) > MAX_NAME or name != printable(name):
            raise RequestError("name", "A style's name is a line of text that is not empty.")
        if max(len(style.prompt or ""), len(style.negative_prompt or "")) > MAX_PROMPT:
            raise RequestError("prompt", f"A style may have {MAX_PROMPT} letters.")
        with self._lock:
            path = self._files()[0]
            kept = style.model_copy(update={"name": name, "path": str(path)})
            own = {each.name: each for each in self._own(path)}
            self._write(path, [*(own | {name: kept}).values()])
        return kept

    def remove(self, name: str) -> None:
        """Take a style out of our own file. Raises `NotFound`, `StorageError`."""
        with self._lock:
            path = self._files()[0]
            own = self._own(path)
            if name not in {each.name for each in own}:
                raise NotFound(f"There is no style named {printable(name)[:100]!r} in {path.name} of Darkroom.")
            self._write(path, [each for each in own if each.name != name])

    def _own(self, path: Path) -> tuple[Style, ...]:
        """The styles of our file. Raises `StorageError` for one that is broken: writing it would lose what it holds."""
        found = self._of(path)
        if found.notes:
            raise StorageError(f"{path} is not written, because not all of it could be read: {found.notes[0]}")
        return found.styles

    def _of(self, path: Path) -> StyleList:
        try:
            identity = FileIdentity.of(path.stat())
        except FileNotFoundError:
            return StyleList(styles=())
        except OSError as error:
            return StyleList(styles=(), notes=(f"{shown(path)} cannot be read: {error.strerror}.",))
        known = self._read.get(path)
        if known is None or known[0] != identity:
            found = read_foreign(path, read_styles)
            known = identity, (StyleList(styles=(), notes=(found.message,)) if isinstance(found, FileError) else found)
            self._read[path] = known
        return known[1]

    def _write(self, path: Path, styles: Sequence[Style]) -> None:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(_COLUMNS)
        rows.writerows((each.name, each.prompt or "", each.negative_prompt or "") for each in styles)
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("w", encoding="utf-8", newline="") as file:
                file.write(text.getvalue())
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}. The old styles are kept.") from None


def read_styles(path: Path) -> StyleList:
    """A file's styles in order, and what is wrong with its rows. Raises `RequestError` for one that is too large, `OSError`."""
    if (size := path.stat().st_size) > _LARGEST:
        raise RequestError("styles", f"{shown(path)} has {size // 2**20} MB; a file of styles may have {_LARGEST // 2**20}.")
    data, notes = path.read_bytes(), []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
        notes.append(f"{shown(path)} is no UTF-8 and was read as Windows-1252.")
    found: dict[str, Style] = {}
    try:
        for style in _rows(text, path, notes):
            found[style.name] = style
    except csv.Error as error:
        notes.append(f"{shown(path)} is broken after {len(found)} styles: {error}.")
    return StyleList(styles=tuple(found.values()), notes=tuple(notes[:20]))


def _rows(text: str, path: Path, notes: list[str]) -> Iterator[Style]:
    """A1111 of 2022 calls the prompt "text". Rows without a name are said and left out; lines of dashes are headings of Forge's."""
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="more")
    if reader.fieldnames is not None and "name" not in reader.fieldnames:
        notes.append(f"{shown(path)} has no column called name; its first line must be name,prompt,negative_prompt.")
        return
    for row in reader:
        name = (row.get("name") or "").strip()
        if not name:
            notes.append(f"{shown(path)}: the row that ends in line {reader.line_num} has no name and was left out.")
            continue
        if "more" in row:
            notes.append(f"{shown(path)}: the row of {printable(name)[:50]!r} has more than three columns; put quotes around its texts.")
        yield Style(
            name=name, prompt=row.get("prompt") or row.get("text") or "", negative_prompt=row.get("negative_prompt") or "", path=str(path)
        )


def apply(styles: Iterable[Style], names: Iterable[str], prompt: str, negative: str) -> tuple[str, str, list[str]]:
    """Both prompts with the named styles, and the names that no style has."""
    known = {style.name: style for style in styles}
    missing = []
    for name in names:
        style = known.get(name)
        if style is None:
            missing.append(name)
            continue
        prompt, negative = _joined(prompt, style.prompt or ""), _joined(negative, style.negative_prompt or "")
    return prompt, negative, missing


def put_styles(request: Request, styles: Styles) -> Request:
    """The request with the words of its styles in its prompts. Raises `RequestError` for a style that is not there."""
    names = [name for name in request.styles if name.lower() != "none"]
    if not names:
        return request.model_copy(update={"styles": ()}) if request.styles else request
    found = styles.all()
    prompt, negative, missing = apply(found.styles, names, request.prompt, request.negative_prompt)
    if missing:
        close = difflib.get_close_matches(missing[0], [each.name for each in found.styles], n=3)
        hint = f"Did you mean {', '.join(map(printable, close))}?" if close else f"Add it to {FILE}, or take it out."
        raise RequestError("styles", f"There is no style named {printable(missing[0])[:100]!r}. {hint}")
    for field, text in (("prompt", prompt), ("negative_prompt", negative)):
        if len(text) > MAX_PROMPT:
            raise RequestError(field, f"With its styles it has {len(text)} letters; a prompt may have {MAX_PROMPT}.")
    return request.model_copy(update={"prompt": prompt, "negative_prompt": negative, "styles": ()})


def _joined(words: str, style: str) -> str:
    if "{prompt}" in style:
        return style.replace("{prompt}", words)
    return ", ".join(part for part in (words.strip(), style.strip()) if part)
