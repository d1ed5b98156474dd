"""The languages of the page: catalogues of words, each a JSON file English -> translation, as A1111's localizations are written.

`de.json` is German's: the file's name is the language's tag (`pt_BR.json` is Portuguese of Brazil). They lie in `localizations` beside this
file, in an extension's folder, and in the data folder; later ones add to and replace words of earlier ones. The key `"rtl": true` says that
the language is written from right to left.
"""

import hashlib
import json
import logging
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from webui.core.foreign import FileError, read_foreign, read_whole
from webui.core.names import printable
from webui.errors import RequestError
from webui.services import Services

ENGLISH = "en"
AUTO = "auto"
OWN = Path(__file__).parent / "localizations"
FOLDER = "localizations"
MOST_BYTES = 4 * 2**20
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,4}")
log = logging.getLogger("webui.ui")


@dataclass(frozen=True)
class Catalogue:
    """A language's words. `digest` changes with them, so that browsers may keep them for ever."""

    tag: str
    words: dict[str, str] = field(default_factory=dict)
    rtl: bool = False

    def __call__(self, text: str) -> str:
        """The translation; the text itself where there is none."""
        return self.words.get(text) or text

    @property
    def body(self) -> bytes:
        """As the page reads it."""
        return json.dumps(self.words, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()[:12]


class Languages:
    """The catalogues there are, read again when a file changes. Safe to use from several threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._seen: tuple[tuple[str, int, int], ...] = ()
        self._known: dict[str, Catalogue] = {}
        self._errors: dict[str, str] = {}

    def all(self) -> dict[str, Catalogue]:
        """The catalogues by their tag, English without words among them."""
        files = list(self._files())
        seen = tuple((str(path), status.st_mtime_ns, status.st_size) for path in files if (status := path.stat()))
        with self._lock:
            if seen != self._seen or not self._known:
                self._known, self._errors = _read_all(files)
                self._seen = seen
            return dict(self._known)

    def errors(self) -> dict[str, str]:
        """What is wrong with files, by path; they are left out."""
        self.all()
        with self._lock:
            return dict(self._errors)

    def wanted(self, accepted: str, chosen: str = "") -> Catalogue:
        """The one for a browser: what was `chosen` there, else the setting, else the first that its `Accept-Language` header names."""
        known = self.all()
        for wish in (chosen, self._services.settings.current().language):
            if found := _match(known, wish):
                return found
        found = next((match for tag in _by_liking(accepted) if (match := _match(known, tag))), None)
        return found or known[ENGLISH]

    def _files(self) -> Iterable[Path]:
        settings = self._services.settings.current()
        off = set(settings.extensions_off)
        homes = [Path(state.path).parent for state in self._services.extensions.states if state.id not in off]
        for folder in dict.fromkeys((OWN, *(home / FOLDER for home in homes), settings.data_dir / FOLDER)):
            if folder.is_dir():
                yield from (path for path in sorted(folder.glob("*.json")) if path.is_file())


def _read_all(files: Iterable[Path]) -> tuple[dict[str, Catalogue], dict[str, str]]:
    known, errors = {ENGLISH: Catalogue(ENGLISH)}, dict[str, str]()
    for path in files:
        found = read_foreign(path, read)
        if isinstance(found, FileError):
            errors[printable(str(path))] = found.message
            log.warning("The language file %s is left out: %s", printable(str(path)), found.message)
        else:
            before = known.get(found.tag, Catalogue(found.tag))
            known[found.tag] = Catalogue(found.tag, before.words | found.words, before.rtl or found.rtl)
    return known, errors


def read(path: Path) -> Catalogue:
    """A catalogue's file. Raises `RequestError` for what is none, and OSError."""
    if not _TAG.fullmatch(path.stem):
        raise RequestError("language", f"{path.name} is no language's tag. Name it like de.json or pt_BR.json.")
    try:
        found = json.loads(read_whole(path, MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise RequestError("language", f"{path.name} is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise RequestError("language", f'{path.name} must be an object of English texts and their translations: {{"Save": "…"}}.')
    wrong = next((key for key, value in found.items() if not isinstance(value, str) and key != "rtl"), None)
    if wrong is not None:
        raise RequestError("language", f"{path.name}: the translation of {wrong[:60]!r} must be a text.")
    words = {key: value for key, value in found.items() if isinstance(value, str)}
    return Catalogue(path.stem.replace("_", "-"), words, found.get("rtl") is True)


def _match(known: dict[str, Catalogue], tag: str) -> Catalogue | None:
    """The catalogue of a tag or of a wider one: `de-AT` takes `de`, and `pt` takes `pt-BR`."""
    by_tag = {each.lower(): catalogue for each, catalogue in known.items()}
    parts = tag.replace("_", "-").lower().split("-")
    wider = ("-".join(parts[:size]) for size in range(len(parts), 0, -1))
    found = next((by_tag[each] for each in wider if each in by_tag), None)
    return found or next((catalogue for each, catalogue in by_tag.items() if parts[0] and each.startswith(f"{parts[0]}-")), None)


def _by_liking(accepted: str) -> list[str]:
    """The tags of an `Accept-Language` header, the best liked first."""
    liked: list[tuple[float, str]] = []
    for part in accepted[:1000].split(",")[:50]:
        tag, _, quality = part.strip().partition(";")
        try:
            liked.append((float(quality.strip().removeprefix("q=") or 1), tag.strip()))
        except ValueError:
            continue
    return [tag for liking, tag in sorted(liked, key=lambda each: -each[0]) if liking > 0 and _TAG.fullmatch(tag)]
