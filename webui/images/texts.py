"""A picture file's texts: PNG text chunks, EXIF's user comment in JPEG and WebP, and our own JSON where each format has room for it."""

import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from webui.images.comments import comment_text, decode_comment, xmp_texts

OWN = "darkroom"
PARAMETERS = "parameters"
_USER_COMMENT = ExifTags.Base.UserComment
_MAKER_NOTE = ExifTags.Base.MakerNote
_EXIF_IFD = ExifTags.IFD.Exif
_MAX_EXIF = 65_000
_SEGMENT = 65_000
_MARK = b"darkroom\0"
_APP9 = b"\xff\xe9"

Texts = Mapping[str, str]


def write_png(image: Image.Image, stream: BinaryIO, texts: Texts) -> None:
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, _clean(text))
    image.save(stream, "PNG", pnginfo=info)


def write_jpeg(image: Image.Image, stream: BinaryIO, texts: Texts, quality: int) -> None:
    """EXIF holds 64 KiB: A1111's text is left out when it is longer. Our JSON goes into application segments of any number."""
    exif = _exif(texts.get(PARAMETERS, ""))
    small = len(exif.tobytes()) < _MAX_EXIF
    own = _clean(texts.get(OWN, "")).encode()
    segments = b"".join(_segment(own[start : start + _SEGMENT]) for start in range(0, len(own), _SEGMENT))
    image.convert("RGB").save(stream, "JPEG", quality=quality, exif=exif if small else b"", extra=segments)


def write_webp(image: Image.Image, stream: BinaryIO, texts: Texts, quality: int) -> None:
    exif = _exif(texts.get(PARAMETERS, ""))
    exif.get_ifd(_EXIF_IFD)[_MAKER_NOTE] = _MARK + _clean(texts.get(OWN, "")).encode()
    image.save(stream, "WEBP", quality=quality, exif=exif)


def read_texts(data: bytes) -> dict[str, str]:
    """All texts of a picture file by key; empty when it is no picture, or has none. Broken metadata is as good as none."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "AVIF")) as image:
            texts = dict(_png_texts(image)) if image.format == "PNG" else {}
            texts |= dict(_exif_texts(image)) | dict(_segments(image)) | dict(xmp_texts(image))
            comment = comment_text(image) if image.format == "JPEG" else ""
            return {PARAMETERS: comment} | texts if comment else texts
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, EOFError, Image.DecompressionBombError):
        return {}


def _png_texts(image: Image.Image) -> Iterator[tuple[str, str]]:
    """Text chunks may follow the pixels, so the file is read to its end."""
    image.load()
    for key, text in getattr(image, "text", {}).items():
        yield str(key), str(text)


def _exif_texts(image: Image.Image) -> Iterator[tuple[str, str]]:
    exif = image.getexif()
    inner = exif.get_ifd(_EXIF_IFD)
    comment = inner.get(_USER_COMMENT, exif.get(_USER_COMMENT))
    if comment:
        yield PARAMETERS, decode_comment(comment)
    note = inner.get(_MAKER_NOTE)
    if isinstance(note, bytes) and note.startswith(_MARK):
        yield OWN, note[len(_MARK) :].decode(errors="replace")
    for tag in (ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.ImageDescription):
        key, colon, text = str(exif.get(tag, "")).partition(":")
        if colon and key.lower() in ("prompt", "workflow"):
            yield key.lower(), text


def _segments(image: Image.Image) -> Iterator[tuple[str, str]]:
    parts = [content[len(_MARK) :] for name, content in getattr(image, "applist", []) if name == "APP9" and content.startswith(_MARK)]
    if parts:
        yield OWN, b"".join(parts).decode(errors="replace")


def _segment(part: bytes) -> bytes:
    content = _MARK + part
    return _APP9 + (len(content) + 2).to_bytes(2, "big") + content


def _exif(text: str) -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = b"UNICODE\0" + _clean(text).encode("utf-16-be")
    return exif


def _clean(text: str) -> str:
    """Lone surrogates cannot be written."""
    return text.encode(errors="replace").decode()
