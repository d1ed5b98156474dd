"""Pictures as they are sent: in the file format that was asked for, and as base64."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from webui.images import text_chunks

_FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}


def encoded(data: bytes) -> str:
    """A file as base64."""
    return base64.b64encode(data).decode()


def written(pictures: Sequence[str], rest: Mapping[str, Any]) -> bytes:
    """An answer's JSON: `images`, which are base64, then the rest. JSON looks at each letter of a text, and these need no look."""
    said = json.dumps(rest, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    images = ",".join(f'"{each}"' for each in pictures).encode()
    return b"".join((b'{"images":[', images, b"]", b"," if rest else b"", said[1:]))


def png(image: Image.Image, texts: dict[str, str] | None = None) -> bytes:
    """A picture's PNG with these texts."""
    stream = io.BytesIO()
    text_chunks.write_png(image, stream, texts or {})
    return stream.getvalue()


def in_format(data: bytes, name: str, quality: int) -> bytes:
    """A saved picture in the file format that the caller's `samples_format` names; as it is where it is that already."""
    wanted = _FORMATS.get(name.lower())
    with Image.open(io.BytesIO(data)) as image:
        if wanted is None or image.format == wanted:
            return data
        texts = text_chunks.read_texts(data).found
        stream = io.BytesIO()
        if wanted == "PNG":
            text_chunks.write_png(image, stream, texts)
        elif wanted == "JPEG":
            text_chunks.write_jpeg(image, stream, texts, quality)
        else:
            text_chunks.write_webp(image, stream, texts, quality)
    return stream.getvalue()
