"""What a picture says of how it was made: written into every picture, read from ours and from those of other programs."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

from PIL import Image
from pydantic import ValidationError

from webui.core.fields import nested
from webui.core.request import GenerationRequest, Mode, as_written, parse_request
from webui.errors import RequestError
from webui.images import text_chunks
from webui.images.decode import image_bytes
from webui.images.dialects import (
    Dialect,
    ParsedMetadata,
    a1111,
    comfyui,
    draw_things,
    easy_diffusion,
    fooocus,
    invokeai,
    novelai,
    short,
    swarmui,
)
from webui.images.dialects.postprocessing import CHUNKS
from webui.images.parameters import GenerationInfo, image_seeds, one_image, write_parameters
from webui.images.png import Contents
from webui.images.stealth import read_stealth
from webui.images.store import Encode

__all__ = [
    "GenerationInfo",
    "ImageMetadata",
    "encoder",
    "image_seeds",
    "read_generation_info",
    "read_metadata",
    "read_parameters",
    "why_unread",
    "write_parameters",
]

log = logging.getLogger(__name__)

DIALECTS: tuple[Dialect, ...] = (
    swarmui.read,
    fooocus.read,
    novelai.read,
    easy_diffusion.read,
    draw_things.read,
    invokeai.read,
    a1111.read,
    comfyui.read,
)


_MARK = "\ufeff"
"""A byte-order mark, which editors put before a text."""
UNREAD = "Darkroom's own record of how it was made: it is not as Darkroom writes it"
_RANDOM = {"mode", "seed", "variation_seed"}
_DEFAULT_FIELDS = GenerationRequest().model_dump(mode="json")


def encoder(request: GenerationRequest, index: int, info: GenerationInfo | None = None) -> Encode:
    """How `ImageStore.save` writes picture `index` of a resolved request."""
    info = info or GenerationInfo()
    said = info.model_dump(mode="json", exclude_defaults=True)
    if info.plan is not None:
        said["plan"] = info.plan.model_dump(mode="json")  # whole: what is usual today may not be tomorrow
    own = {"request": request.model_dump(mode="json"), "index": index, "facts": said}
    contents = {
        text_chunks.PARAMETERS: write_parameters(request, index, info),
        text_chunks.OWN: json.dumps(own, ensure_ascii=False, separators=(",", ":")),
    }

    return texts_encoder(contents)


def texts_encoder(contents: Mapping[str, str]) -> Encode:
    """How `ImageStore.save` writes a picture with these texts; JPEG and WebP hold the parameters text and ours."""

    def encode(image: Image.Image, stream: BinaryIO, format: Literal["png", "jpeg", "webp"], quality: int) -> None:
        if format == "png":
            text_chunks.write_png(image, stream, contents)
        elif format == "jpeg":
            text_chunks.write_jpeg(image, stream, contents, quality)
        else:
            text_chunks.write_webp(image, stream, contents, quality)

    return encode


@dataclass(frozen=True)
class ImageMetadata:
    """What was read: request fields that are each valid, and in words what has no place in a request.

    `fields` is plain data for the form or for `request`; the mode is kept apart, because img2img needs a start picture first.
    `embeddings` are files that its prompts name, as far as the text tells.
    """

    source: str
    fields: dict[str, Any]
    mode: Mode = "txt2img"
    unmapped: tuple[str, ...] = ()
    text: str = ""
    job_id: str = ""
    index: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    embeddings: tuple[str, ...] = ()

    def request(self, overrides: Mapping[str, Any] | None = None) -> GenerationRequest:
        """The request that makes this picture again; `overrides` win. Raises `RequestError` when a start picture or mask is missing."""
        values = {**self.fields, **(overrides or {})}
        mode: Mode = values.pop("mode", None) or self._mode(values)
        needed = {"img2img": ("init",), "inpaint": ("init",) if values.get("outpaint") else ("init", "mask")}.get(mode, ())
        missing = next((name for name in needed if not values.get(name)), "")
        if missing:
            what = {"init": "from another picture", "mask": "with a mask"}[missing]
            raise RequestError(
                missing, f"This picture was made {what}, which its metadata cannot hold. Give it as well (--{missing} FILE)."
            )
        return parse_request(values | {"mode": mode})

    def _mode(self, values: Mapping[str, Any]) -> Mode:
        if values.get("mask") and values.get("init"):
            return "inpaint"
        return "img2img" if values.get("init") and self.mode == "txt2img" else self.mode


def read_metadata(source: Path | bytes) -> ImageMetadata | None:
    """Read a picture's metadata, whoever wrote it; None when there is none that we know.

    Raises `RequestError` only for a file that cannot be opened.
    """
    data = _bytes(source)
    contents = text_chunks.read_texts(data)
    own = _read_own(contents.found)
    found = own or _read_foreign(contents.found) or _read_foreign(read_stealth(data))
    return None if found is None else replace(found, unmapped=(*found.unmapped, *_unread(contents, own)))


def why_unread(source: Path | bytes) -> str:
    """Why a picture gave no metadata, as far as it is the file's fault: a sentence, or nothing for one that simply says nothing."""
    contents = text_chunks.read_texts(_bytes(source))
    said = _unread(contents, _read_own(contents.found))
    return f"Not read: {'; '.join(said)}." if said else ""


def is_ours(source: bytes) -> bool:
    """Whether a picture file holds a record that Darkroom made it, be it one that can be read or not."""
    return text_chunks.OWN in text_chunks.read_texts(source).found


def _unread(contents: Contents, own: ImageMetadata | None) -> tuple[str, ...]:
    return contents.said if own is not None or text_chunks.OWN not in contents.found else (*contents.said, UNREAD)


def read_parameters(text: str) -> ImageMetadata | None:
    """Read a parameters text that somebody pasted; None when it is none."""
    return _read_foreign({text_chunks.PARAMETERS: text})


def _read_foreign(contents: Mapping[str, str]) -> ImageMetadata | None:
    contents = {key: text.lstrip(_MARK) for key, text in contents.items()}
    found = next((result for dialect in DIALECTS if (result := _found(dialect, contents)) is not None), None)
    return None if found is None else _checked(found, contents)


def _found(dialect: Dialect, contents: Mapping[str, str]) -> ParsedMetadata | None:
    """What a dialect finds. Strangers' texts hold anything: what no dialect foresaw is said, and ends nothing."""
    try:
        return dialect(contents)
    except Exception:
        log.info("A picture's metadata could not be read", exc_info=True)
        return ParsedMetadata("another program", {}, ("all of its metadata: it is not written as any program known here writes it",))


def _bytes(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    return image_bytes(source, "from")


def _read_own(contents: Mapping[str, str]) -> ImageMetadata | None:
    """Ours: the whole request, turned into the one that makes this picture alone. None when there is none, or what is there lies."""
    if text_chunks.OWN not in contents:
        return None
    try:
        return _own(json.loads(contents[text_chunks.OWN]), contents)
    except Exception:  # anybody can write a text of this name: numbers without end, lists for objects, any depth
        return None


def _own(own: dict[str, Any], contents: Mapping[str, str]) -> ImageMetadata:
    index, stored, facts = int(own.get("index", 0)), dict(own["request"]), dict(own.get("facts", {}))
    place, job_id = int(own.get("place", index)), str(facts.get("job_id", ""))
    mode = stored.get("mode", "txt2img")
    try:
        request = GenerationRequest.model_validate(as_written(stored))
    except (ValidationError, RequestError):
        parsed = ParsedMetadata("Darkroom", _flat(stored), mode=mode if mode in ("img2img", "inpaint") else "txt2img")
        return replace(_checked(parsed, contents), job_id=job_id, index=place, facts=facts)
    fields = one_image(request, index).model_dump(mode="json")
    del fields["mode"]
    text = contents.get(text_chunks.PARAMETERS, "") or next((contents[name] for name in CHUNKS if name in contents), "")
    return ImageMetadata("Darkroom", fields, request.mode, text=text, job_id=job_id, index=place, facts=facts)


def _checked(found: ParsedMetadata, contents: Mapping[str, str]) -> ImageMetadata:
    """Keep the fields that a request takes; say what was left out and why."""
    flat = {key: _clean(value) for key, value in found.fields.items() if value is not None and key not in ("mode", "init", "mask")}
    if found.mode == "txt2img":
        flat = {key: value for key, value in found.defaults.items() if key != "mask_blur"} | flat
    else:
        flat = found.defaults | flat
    unmapped = list(found.unmapped)
    while True:
        try:
            fields = parse_request(as_written(nested(flat))).model_dump(mode="json", exclude_unset=True)
            break
        except RequestError as error:
            wrong = [key for key in flat if key == error.field or key.startswith(f"{error.field}.") or error.field.startswith(f"{key}.")]
            unmapped += [f"{key}: {short(str(flat.pop(key)))} ({error})" for key in wrong]
            if not wrong:
                flat = {}
                unmapped.append(str(error))
    lines = tuple(dict.fromkeys(short(str(_clean(line)), 400) for line in unmapped))
    embeddings = tuple(dict.fromkeys(str(_clean(name)) for name in found.embeddings))
    return ImageMetadata(found.source, fields, found.mode, lines, str(_clean(_told(contents))), embeddings=embeddings)


def _clean(value: Any) -> Any:
    """A text without half characters, which JSON can hold and no file or answer can."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _told(contents: Mapping[str, str]) -> str:
    """What the picture says, to be read and copied: the parameters text, or whatever other programs wrote in its place."""
    return contents.get(text_chunks.PARAMETERS) or "\n\n".join(f"{name}: {text}" for name, text in contents.items())


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict) and value:
            result |= _flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = value
    return result


def read_generation_info(path: Path) -> dict[str, Any]:
    """How a picture was made, one plain value a line, with the defaults of what it leaves out; empty when it says nothing."""
    reading = read_metadata(path)
    if reading is None:
        return {}
    usual = {name: value for name, value in _flat(_DEFAULT_FIELDS).items() if name.partition(".")[0] not in _RANDOM}
    said = {"made by": reading.source, "mode": reading.mode, **usual, **_flat(reading.fields), **_flat(reading.facts)}
    return {name: value for name, value in said.items() if value is not None}
