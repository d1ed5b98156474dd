"""A picture file's texts: PNG's chunks, EXIF's user comment, comments of JPEG and GIF, and our own JSON where a format has room for it."""

import io
import warnings
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from webui.images import png
from webui.images.comments import comment_text, decode_comment, packet_texts, xmp_texts
from webui.images.png import Contents

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
        if text.isascii():
            info.add_text(key, _clean(text))
        else:  # Latin-1, which Pillow takes where it can, is read as UTF-8 by many where it can be, and here
            info.add_itxt(key, _clean(text))
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


def read_texts(data: bytes) -> Contents:
    """All texts of a picture file by key, and what is to be said of those left out; none when it is no picture. No pixel is decoded."""
    if png.is_png(data):
        return _png_texts(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=("JPEG", "WEBP", "AVIF", "GIF"))
    except Exception:  # Pillow's readers raise any kind for what others wrote
        return Contents({})
    with image:
        texts = _exif_texts(image.info.get("exif")) | dict(_segments(image)) | dict(xmp_texts(image))
        comment = comment_text(image) if image.format in ("JPEG", "MPO", "GIF") else ""
        texts = {PARAMETERS: comment} | texts if comment else texts
    return Contents({key: text for key, text in texts.items() if text})


def _png_texts(data: bytes) -> Contents:
    """Its text chunks, before and behind the pixels, and what EXIF and XMP say; and whether the file was cut off."""
    contents = png.read_texts(data)
    exif = png.exif_of(data) or _raw_profile(contents.found.get("Raw profile type exif", ""))
    texts = contents.found | _exif_texts(exif) | dict(packet_texts(contents.found.get("XML:com.adobe.xmp")))
    cut = ("the end of the file: it was cut off. Its pixels cannot be read whole; download or copy it again",) if png.is_cut(data) else ()
    return Contents(texts, contents.said + cut)


def _raw_profile(text: str) -> bytes:
    """The EXIF block that ImageMagick writes as a text in hexadecimal: a name, a length, and lines of digits."""
    try:
        return bytes.fromhex("".join(text.strip().split("\n")[2:]))
    except ValueError:
        return b""


def _exif_texts(block: object) -> dict[str, str]:
    """What an EXIF block says; nothing when it is broken."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = Image.Exif()
            exif.load(block if isinstance(block, bytes) else b"")
            return dict(_said_by(exif))
    except Exception:  # as above
        return {}


def _said_by(exif: Image.Exif) -> Iterator[tuple[str, str]]:
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
