"""The parts of a PNG file, by its own frame of lengths: its texts without its pixels, and its pixels without what stands beside them.

What stands beside the pixels may be cut off, hostile or larger than Pillow takes (a text or a colour profile above 1 MB); a picture with
such a part is still a picture.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 4 * 2**20
"""Bytes of one text, unpacked."""
MAX_TEXTS = 16 * 2**20
"""Bytes of all texts of a file."""
MAX_PROFILE = 16 * 2**20
_OF_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_MOST_NAMED = 5
_HEAD = 2000
"""Bytes in which an international text's language and translated key have to end."""


@dataclass(frozen=True)
class Chunk:
    """One part of a PNG: its four letters, its content, and its bytes in the file. `whole` is false where the file ends in it."""

    kind: bytes
    content: memoryview
    raw: memoryview
    whole: bool


@dataclass(frozen=True)
class Contents:
    """Texts by key, and what is to be said of those that were not read."""

    found: dict[str, str]
    said: tuple[str, ...] = ()


def is_png(data: bytes) -> bool:
    """Whether a file begins as a PNG does."""
    return data[: len(SIGNATURE)] == SIGNATURE


def chunks(data: bytes) -> Iterator[Chunk]:
    """The parts up to the end mark, or to where the file ends."""
    view, place = memoryview(data), len(SIGNATURE)
    while place + 8 <= len(data):
        length, kind = int.from_bytes(view[place : place + 4], "big"), bytes(view[place + 4 : place + 8])
        end = place + 12 + length
        yield Chunk(kind, view[place + 8 : place + 8 + length], view[place:end], end <= len(data))
        if kind == b"IEND":
            return
        place = end


def pixels_only(data: bytes) -> bytes:
    """The same PNG with nothing but its first picture; what follows a cut stays cut."""
    return SIGNATURE + b"".join(chunk.raw for chunk in chunks(data) if chunk.kind in _OF_PIXELS)


def is_cut(data: bytes) -> bool:
    """Whether the file ends before its end mark."""
    return not any(chunk.kind == b"IEND" for chunk in chunks(data))


def profile_of(data: bytes) -> bytes:
    """The colour profile; empty where there is none, or a broken or boundless one."""
    for chunk in chunks(data):
        if chunk.kind == b"iCCP" and chunk.whole:
            packed = bytes(chunk.content).partition(b"\0")[2][1:]
            return _unpacked(packed, MAX_PROFILE) or b""
    return b""


def exif_of(data: bytes) -> bytes:
    """The EXIF block; empty where there is none."""
    return next((bytes(chunk.content) for chunk in chunks(data) if chunk.kind == b"eXIf" and chunk.whole), b"")


def read_texts(data: bytes) -> Contents:
    """All texts, before and behind the pixels, none larger than `MAX_TEXT` and together no larger than `MAX_TEXTS`."""
    found: dict[str, str] = {}
    said, room = list[str](), MAX_TEXTS
    for chunk in chunks(data):
        if chunk.kind not in (b"tEXt", b"zTXt", b"iTXt"):
            continue
        key, text = _text(chunk, min(MAX_TEXT, room))
        if text is None:
            said.append(_left_out(key, chunk.whole))
            continue
        room -= len(text)
        found[key] = _decoded(chunk.kind, text)
    return Contents(found, (*said[:_MOST_NAMED], *(["and other texts"] if len(said) > _MOST_NAMED else [])))


def _decoded(kind: bytes, text: bytes) -> str:
    """UTF-8 where it is that: many programs write it also where the format says Latin-1, whose texts are hardly ever valid UTF-8."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("utf-8" if kind == b"iTXt" else "latin-1", errors="replace")


def _left_out(key: str, whole: bool) -> str:
    if not whole:
        return f"the text {key!r}: the file is cut off within it"
    return f"the text {key!r}: it is broken, or larger than {MAX_TEXT // 2**20} MB"


def _text(chunk: Chunk, most: int) -> tuple[str, bytes | None]:
    """A text's key and its bytes; None for what is cut off, broken or too large."""
    name = bytes(chunk.content[:80]).partition(b"\0")[0]
    key, rest, packed = name.decode("latin-1"), chunk.content[len(name) + 1 :], chunk.kind == b"zTXt"
    if chunk.kind == b"zTXt":
        rest = rest[1:]
    elif chunk.kind == b"iTXt":
        packed = bytes(rest[:1]) == b"\1"
        language, _, others = bytes(rest[2:_HEAD]).partition(b"\0")
        translated, mark, _ = others.partition(b"\0")
        if not mark:
            return key, None
        rest = rest[len(language) + len(translated) + 4 :]
    if not chunk.whole:
        return key, None
    if packed:
        return key, _unpacked(bytes(rest), most)
    return key, bytes(rest) if len(rest) <= most else None


def _unpacked(packed: bytes, most: int) -> bytes | None:
    """What zlib packed; None when it is broken or larger than `most`."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, most + 1)
    except zlib.error:
        return None
    return None if len(text) > most or not unpacker.eof else text
