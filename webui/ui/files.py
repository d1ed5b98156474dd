"""The page's files as browsers get them: packed once, under names that change with their content, so that they are kept for ever."""

import gzip
import hashlib
import mimetypes
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from urllib.parse import quote

import brotli
from starlette.requests import Request
from starlette.responses import Response

from webui.ui import scripts

FOR_EVER = "public, max-age=31536000, immutable"
CSS = (
    *("tokens", "frame", "form", "fields", "stage", "mask", "chain", "tabs"),
    *("gallery", "look", "queue", "grid", "cards", "models", "shelf", "prompt", "icons", "narrow", "touch"),
)
SHEET = "css/page.css"
SCRIPTS = {f"js/{name}": name for name in (scripts.FIRST, scripts.REST)}
_SMALLEST = 1000
"""What has fewer bytes is not worth packing."""
_PACK: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda data: brotli.compress(data, quality=10),
    "gzip": lambda data: gzip.compress(data, 9, mtime=0),
}
"""Ways to pack, the best first. Browsers read Brotli from https and from their own machine only."""


class PageFiles:
    """The files of `folder`, all style sheets and icons as one, `css/page.css`, and all scripts as two, `js/main.js` and `js/rest.js`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = {str(path.relative_to(folder).as_posix()): path for path in sorted(folder.rglob("*")) if path.is_file()}
        self._served = {name for name in self._files if not name.startswith("js/")} | {
            SHEET,
            *SCRIPTS,
            *(f"{name}.map" for name in SCRIPTS),
        }
        self._making = Lock()

    def version(self) -> str:
        """Changes when any of them does, or how they are put together."""
        digest = hashlib.sha256()
        for path in (*self._files.values(), Path(__file__), Path(scripts.__file__)):
            digest.update(path.read_bytes())
        return digest.hexdigest()[:12]

    def pack(self) -> None:
        """Make ready what every visitor needs first."""
        for name in (SHEET, f"js/{scripts.FIRST}"):
            for way in _PACK:
                self._packed(name, way)

    def answer(self, request: Request) -> Response:
        """Answer a request for `{name}`; 404 for none of ours."""
        name = request.path_params["name"]
        if name not in self._served:
            return Response("There is no such file.", 404, media_type="text/plain")
        headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
        way = way_for(request)
        if way and (packed := self._packed(name, way)):
            return Response(packed, headers={**headers, "Content-Encoding": way}, media_type=_kind(name))
        return Response(self._whole(name), headers=headers, media_type=_kind(name))

    def _packed(self, name: str, way: str) -> bytes:
        """Nothing where packing gains nothing."""
        whole = self._whole(name)
        with self._making:
            return self._packed_once(name, way, whole)

    def _whole(self, name: str) -> bytes:
        with self._making:
            return self._whole_once(name)

    @cache  # noqa: B019  # as many as there are files, for as long as the page is served
    def _packed_once(self, name: str, way: str, whole: bytes) -> bytes:
        packed = _PACK[way](whole) if len(whole) >= _SMALLEST else b""
        return packed if len(packed) < 0.9 * len(whole) else b""

    @cache  # noqa: B019
    def _whole_once(self, name: str) -> bytes:
        if name == SHEET:
            return self._sheet().encode()
        if name.removesuffix(".map") in SCRIPTS:
            bundle = self._bundles()[SCRIPTS[name.removesuffix(".map")]]
            return (bundle.map() if name.endswith(".map") else bundle.code).encode()
        return self._files[name].read_bytes()

    @cache  # noqa: B019
    def _bundles(self) -> dict[str, scripts.Bundle]:
        return scripts.bundles(self.folder / "js")

    def _sheet(self) -> str:
        """Fetched one by one, the first picture's buttons would stand there without their icons."""
        icons = sorted((self.folder / "icons").glob("*.svg"))
        files = {path.stem: quote(path.read_text(encoding="utf-8").strip(), safe=" =:/'") for path in icons}
        variables = "".join(f'--icon-{name}:url("data:image/svg+xml,{text}");' for name, text in files.items())
        drawn = f":root{{{variables}}}" + "".join(f".icon-{name}{{--i:var(--icon-{name})}}" for name in files)
        return "\n".join((drawn, *((self.folder / "css" / f"{name}.css").read_text(encoding="utf-8") for name in CSS)))


def way_for(request: Request) -> str:
    """The best way to pack that the browser reads; "" for none."""
    accepted = {each.partition(";")[0].strip() for each in request.headers.get("accept-encoding", "").split(",")}
    return next((way for way in _PACK if way in accepted), "")


@lru_cache(maxsize=8)
def packed_document(html: str, way: str) -> bytes:
    """The document packed; it is the same for all who read it in one language, until models come or go."""
    return _PACK[way](html.encode())


def _kind(name: str) -> str:
    if name.endswith((".js", ".map")):
        return "text/javascript" if name.endswith(".js") else "application/json"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
