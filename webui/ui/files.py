"""The page's files as browsers get them: packed once, under names that change with their content, so that they are kept for ever."""

import gzip
import hashlib
import mimetypes
from functools import cache
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from webui.ui.scripts import without_comments

FOR_EVER = "public, max-age=31536000, immutable"
CSS = (
    *("tokens", "frame", "form", "fields", "stage", "mask", "chain", "tabs"),
    *("gallery", "look", "queue", "grid", "cards", "models", "shelf", "prompt", "icons", "narrow"),
)
SHEET = "css/page.css"
_SMALLEST = 1000
"""What has fewer bytes is not worth packing."""


class PageFiles:
    """The files of `folder`, with all style sheets and icons as one, `css/page.css`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known = {str(path.relative_to(folder).as_posix()): path for path in sorted(folder.rglob("*")) if path.is_file()}

    def version(self) -> str:
        """Changes when any of them does."""
        digest = hashlib.sha256()
        for path in self._known.values():
            digest.update(path.read_bytes())
        return digest.hexdigest()[:12]

    async def answer(self, request: Request) -> Response:
        """Answer a request for `{name}`; 404 for none of ours."""
        name = request.path_params["name"]
        if name != SHEET and name not in self._known:
            return Response("There is no such file.", 404, media_type="text/plain")
        kind, whole, packed = self._packed(name)
        headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
        if packed and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=kind)
        return Response(whole, headers=headers, media_type=kind)

    @cache  # noqa: B019  # as many as there are files, for as long as the page is served
    def _packed(self, name: str) -> tuple[str, bytes, bytes]:
        """(type, content, packed content; nothing where packing gains nothing)."""
        if name == SHEET:
            kind, whole = "text/css", self._sheet().encode()
        elif name.endswith(".js"):
            kind, whole = "text/javascript", without_comments(self._known[name].read_text(encoding="utf-8")).encode()
        else:
            kind, whole = mimetypes.guess_type(name)[0] or "application/octet-stream", self._known[name].read_bytes()
        packed = gzip.compress(whole, 9, mtime=0) if len(whole) >= _SMALLEST else b""
        return kind, whole, packed if len(packed) < 0.9 * len(whole) else b""

    def _sheet(self) -> str:
        """Fetched one by one, the first picture's buttons would stand there without their icons."""
        icons = sorted((self.folder / "icons").glob("*.svg"))
        files = {path.stem: quote(path.read_text(encoding="utf-8").strip(), safe=" =:/'") for path in icons}
        variables = "".join(f'--icon-{name}:url("data:image/svg+xml,{text}");' for name, text in files.items())
        drawn = f":root{{{variables}}}" + "".join(f".icon-{name}{{--i:var(--icon-{name})}}" for name in files)
        return "\n".join((drawn, *((self.folder / "css" / f"{name}.css").read_text(encoding="utf-8") for name in CSS)))
