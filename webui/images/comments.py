"""Texts whose encoding has to be found out: EXIF's user comment, a JPEG's comment segment, and XMP."""

from collections.abc import Iterator
from xml.etree import ElementTree

from PIL import Image

_CODE = 8
_ASCII, _JIS, _UNICODE, _NONE = b"ASCII\0\0\0", b"JIS\0\0\0\0\0", b"UNICODE\0", bytes(_CODE)
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"\xef\xbb": "utf-8-sig"}
_LETTERS = frozenset((9, 10, 13, *range(32, 127)))
_MAX_XMP = 2**20
_XMP_NAMES = ("UserComment", "description", "CreatorTool")
XMP = "XMP "
"""What the keys of texts from XMP begin with."""


def decode_comment(raw: bytes | str) -> str:
    """Give EXIF's user comment as text, whatever its writer understood by the 8 bytes that name its encoding."""
    if isinstance(raw, str):
        return _utf8_after_all(raw).strip("\0")
    code, body = raw[:_CODE], raw[_CODE:]
    if code not in (_ASCII, _JIS, _UNICODE, _NONE):
        body = raw
    return _japanese(body) if code == _JIS else _guess(body, is_ascii=code == _ASCII)


def _guess(body: bytes, is_ascii: bool = False) -> str:
    """By its byte-order mark; else UTF-8 when it is valid; else UTF-16, in the order that makes most of its letters Latin."""
    if encoding := _MARKS.get(body[:2]):
        return body.decode(encoding, errors="replace").removeprefix("\ufeff").rstrip("\0")
    if b"\0" not in body.rstrip(b"\0"):
        try:
            return body.rstrip(b"\0").decode()
        except UnicodeDecodeError:
            if is_ascii or len(body) % 2 or _is_western(body):
                return _western(body.rstrip(b"\0"))
    little = body[1::2].count(0) > body[0::2].count(0)
    return body.decode("utf-16-le" if little else "utf-16-be", errors="replace").rstrip("\0")


def _is_western(body: bytes) -> bool:
    """Whether bytes are letters of English with a few beside them; UTF-16 without a zero has other bytes as often as these."""
    return sum(byte in _LETTERS for byte in body) * 10 >= len(body) * 7


def _western(body: bytes) -> str:
    """Windows's code page; Latin-1 for the few bytes that it has no letter for."""
    try:
        return body.decode("cp1252")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _japanese(body: bytes) -> str:
    for encoding in ("iso2022_jp", "utf-8", "shift_jis"):
        try:
            return body.rstrip(b"\0").decode(encoding)
        except UnicodeDecodeError:
            continue
    return body.decode(errors="replace")


def _utf8_after_all(text: str) -> str:
    """Pillow reads a text of EXIF's type ASCII as Latin-1; programs write UTF-8 there."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def comment_text(image: Image.Image) -> str:
    """Give a JPEG's or a GIF's comment; empty when there is none."""
    comment = image.info.get("comment", b"")
    return _guess(comment) if isinstance(comment, bytes) else str(comment)


def xmp_texts(image: Image.Image) -> Iterator[tuple[str, str]]:
    """Give what a picture's XMP says, as `packet_texts` does."""
    return packet_texts(image.info.get("xmp") or image.info.get("XML:com.adobe.xmp"))


def packet_texts(packet: object) -> Iterator[tuple[str, str]]:
    """Give what XMP says of a picture's making, by the property's name behind `XMP `. A packet that is no plain XML is passed over."""
    data = packet.encode(errors="replace") if isinstance(packet, str) else packet if isinstance(packet, bytes) else b""
    if not data or len(data) > _MAX_XMP or b"<!" in data.replace(b"<!--", b"").replace(b"<![CDATA[", b""):
        return
    try:
        root = ElementTree.fromstring(data.strip(b"\0 \r\n\t"))
    except (ElementTree.ParseError, ValueError, RecursionError):
        return
    for element in root.iter():
        for name, value in (*element.attrib.items(), (element.tag, "".join(element.itertext()))):
            bare = name.rpartition("}")[2]
            if bare in _XMP_NAMES and value.strip():
                yield XMP + bare, value.strip()
