"""Pictures that come in a form and go out by /view: where they are kept, masks as transparency, previews."""

import io
import json
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import FileResponse, Response
from PIL import Image
from starlette.datastructures import FormData, UploadFile

from webui.api.comfy.kept import Place
from webui.api.comfy.sent import PICTURE, Graphs
from webui.core.plain import check_plain
from webui.errors import NotFound, RequestError
from webui.gallery.service import Gallery
from webui.images.decode import as_png, read_image

Text = Annotated[str, Query(max_length=1000)]
_YES = ("true", "1")
_PREVIEWS = {"webp": "WEBP", "jpeg": "JPEG", "jpg": "JPEG"}
_QUALITY = 90


@dataclass(frozen=True)
class Asked:
    """What /view is asked for."""

    filename: Text = ""
    subfolder: Text = ""
    type: Text = "output"
    preview: Text = ""
    channel: Text = ""


@dataclass(frozen=True)
class Sending:
    """A picture that was sent: its file, what it is to be called, and the picture that it is the transparency of."""

    data: bytes
    name: str
    subfolder: str
    folder: str
    overwrite: bool
    original: str

    @classmethod
    async def of(cls, request: Request) -> "Sending":
        """What a form holds. Raises `RequestError`."""
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise RequestError("image", "Send a form (multipart/form-data) with the picture as its image.")
        form = await request.form(max_files=4, max_fields=20)
        file = form.get("image")
        if not isinstance(file, UploadFile):
            raise RequestError("image", "The form holds no picture under the name image.")
        name = (file.filename or "").replace("\\", "/").rpartition("/")[2][:200]
        overwrite = _text(form, "overwrite").lower() in _YES
        folder = _text(form, "type") or "input"
        return cls(await file.read(), name, _text(form, "subfolder"), folder, overwrite, _text(form, "original_ref"))

    def keep(self, gallery: Gallery, graphs: Graphs, owner: str) -> dict[str, str]:
        """Keep it; gives where, as ComfyUI says it. Raises `RequestError`, `LimitReached`."""
        place = Place.of(self.name or "image.png", self.subfolder, self.folder)
        record = gallery.upload(self.data, owner)
        place = place if self.name else Place(f"{record.id}.png", place.subfolder, place.folder)
        place = graphs.kept.name(owner, place, record.id, self.overwrite)
        return {"name": place.name, "subfolder": place.subfolder, "type": place.folder}

    def keep_mask(self, gallery: Gallery, graphs: Graphs, owner: str) -> dict[str, str]:
        """Keep the original with its transparency. Raises as `keep` does, and for an original that is not there."""
        if not self.original:
            return self.keep(gallery, graphs, owner)
        name = self._original_name(graphs, owner)
        match = PICTURE.fullmatch(name)
        assert match is not None
        if not gallery.index.is_upload_of(match[1], owner) and gallery.index.get(match[1]).record.owner != owner:
            raise NotFound("There is no such picture of yours.")
        original = read_image(gallery.path_by_id(match[1]).read_bytes(), "original_ref").convert("RGBA")
        mask = read_image(self.data, "image").convert("RGBA").getchannel("A")
        original.putalpha(mask if mask.size == original.size else mask.resize(original.size, Image.Resampling.LANCZOS))
        return Sending(as_png(original), self.name, self.subfolder, self.folder, self.overwrite, "").keep(gallery, graphs, owner)

    def _original_name(self, graphs: Graphs, owner: str) -> str:
        try:
            said = json.loads(self.original)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or not isinstance(said.get("filename"), str):
            raise RequestError("original_ref", "It must be a JSON object with the filename, subfolder and type of a picture.")
        check_plain(said)
        return graphs.name_of(owner, said["filename"], str(said.get("subfolder", "")), str(said.get("type", "output")))


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value[:1000] if isinstance(value, str) else ""


def changed(found: Response, preview: str, channel: str) -> Response:
    """A picture without its transparency, or that alone, and as a smaller file where a preview is asked for."""
    file = found.path if isinstance(found, FileResponse) else io.BytesIO(bytes(found.body))
    with Image.open(file) as opened:
        opened.load()
        image = opened.convert("RGB") if channel == "rgb" else opened.convert("RGBA").getchannel("A") if channel == "a" else opened.copy()
    kind, _, quality = preview.partition(";")
    wanted = _PREVIEWS.get(kind.lower(), "WEBP") if preview else "PNG"
    image = image.convert("RGB") if wanted == "JPEG" else image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGBA")
    number = int(quality) if quality.isascii() and quality.isdecimal() and len(quality) < 4 else _QUALITY
    stream = io.BytesIO()
    image.save(stream, wanted, quality=min(max(number, 1), 100))
    return Response(stream.getvalue(), media_type=f"image/{wanted.lower()}")
