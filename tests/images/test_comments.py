"""EXIF's user comment in every encoding that programs use, JPEG's comment segment, XMP, and AVIF."""

import io
import zlib

import pytest
from PIL import ExifTags, Image

from webui.images.comments import decode_comment, xmp_texts
from webui.images.metadata import read_metadata, read_parameters

TEXT = "ein Füchslein, 狐\nNegative prompt: blurry\nSteps: 7, Sampler: Euler a, CFG scale: 5, Seed: 123, Size: 128x192"
A_PICTURE = Image.new("RGB", (16, 16), "grey")
COMMENTS = {
    "big endian": b"UNICODE\0" + TEXT.encode("utf-16-be"),
    "little endian": b"UNICODE\0" + TEXT.encode("utf-16-le"),
    "little endian with a mark": b"UNICODE\0\xff\xfe" + TEXT.encode("utf-16-le"),
    "big endian with a mark": b"UNICODE\0\xfe\xff" + TEXT.encode("utf-16-be"),
    "UTF-8 behind UNICODE": b"UNICODE\0" + TEXT.encode(),
    "UTF-8 behind UNICODE with a mark": b"UNICODE\0\xef\xbb\xbf" + TEXT.encode(),
    "UTF-8 behind ASCII": b"ASCII\0\0\0" + TEXT.encode(),
    "UTF-8 behind nothing": bytes(8) + TEXT.encode(),
    "UTF-16 behind nothing": bytes(8) + TEXT.encode("utf-16-le"),
    "bare UTF-8": TEXT.encode(),
    "JIS as UTF-8": b"JIS\0\0\0\0\0" + TEXT.encode(),
    "with an end": b"UNICODE\0" + TEXT.encode("utf-16-le") + b"\0\0",
}


@pytest.mark.parametrize("raw", COMMENTS.values(), ids=COMMENTS)
@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_a_comment_in_any_encoding(raw, format):
    exif, stream = Image.Exif(), io.BytesIO()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = raw
    A_PICTURE.save(stream, format, exif=exif.tobytes())
    reading = read_metadata(stream.getvalue())
    assert reading.text == TEXT and reading.fields["prompt"] == "ein Füchslein, 狐"


def test_japanese_comments():
    assert decode_comment(b"JIS\0\0\0\0\0" + "赤い林檎".encode("iso2022_jp")) == "赤い林檎"
    assert decode_comment(b"JIS\0\0\0\0\0" + "赤い林檎".encode("shift_jis")) == "赤い林檎"


def test_a_text_that_pillow_read_as_latin():
    assert decode_comment("Füchslein".encode().decode("latin-1")) == "Füchslein"
    assert decode_comment("schön") == "schön"


def test_a_jpegs_comment_segment():
    stream = io.BytesIO()
    A_PICTURE.save(stream, "JPEG", comment=TEXT.encode())
    assert read_metadata(stream.getvalue()).text == TEXT


DRAWN = '{"c":"a fox","uc":"blurry","scale":7,"seed":5,"steps":9,"size":"512x768","sampler":"DPM++ 2M Karras","model":"a.ckpt","shift":3}'
XMP = f"""<?xpacket begin='x'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
<rdf:Description xmlns:exif='http://ns.adobe.com/exif/1.0/' xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:CreatorTool='Draw Things'>
<exif:UserComment><rdf:Alt><rdf:li xml:lang='x-default'>{DRAWN}</rdf:li></rdf:Alt></exif:UserComment>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"""


def test_draw_things_writes_xmp():
    stream = io.BytesIO()
    A_PICTURE.save(stream, "JPEG", xmp=XMP.encode())
    reading = read_metadata(stream.getvalue())
    assert (reading.source, reading.unmapped) == ("Draw Things", ("shift: 3",))
    fields = reading.fields
    assert (fields["prompt"], fields["negative_prompt"], fields["seed"], fields["width"], fields["height"]) == (
        "a fox",
        "blurry",
        5,
        512,
        768,
    )
    assert (fields["steps"], fields["guidance"], fields["checkpoint"], fields["sampler"]) == (9, 7, "a", "DPM++ 2M Karras")


@pytest.mark.parametrize("packet", ["<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "<x", "<x>" * 5000, "x" * 2_000_000, ""])
def test_a_packet_that_is_no_plain_xml_says_nothing(packet):
    image = Image.new("RGB", (8, 8))
    image.info["xmp"] = packet.encode()
    assert list(xmp_texts(image)) == []


SAID = "a red äpple 🍎\nNegative prompt: blurry\nSteps: 7, Sampler: Euler a, CFG scale: 5, Seed: 123, Size: 128x192"


def with_chunk(kind: bytes, text: bytes) -> bytes:
    """A PNG with one more text, its bytes as they are."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG")
    body = kind + b"parameters\0" + (b"\0" + zlib.compress(text) if kind == b"zTXt" else text)
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    data = stream.getvalue()
    return data[:33] + chunk + data[33:]


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt"])
@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        (SAID.encode(), "a red äpple 🍎"),
        (SAID.encode("utf-8-sig"), "a red äpple 🍎"),
        (SAID.replace("🍎", "é").encode("latin-1"), "a red äpple é"),
    ],
)
def test_a_pngs_latin_text_that_is_utf_8(kind, text, prompt):
    assert read_metadata(with_chunk(kind, text)).fields["prompt"] == prompt


def test_a_mark_before_a_text_is_not_of_the_prompt():
    assert read_parameters("\ufeff" + SAID).fields["prompt"] == "a red äpple 🍎"


def test_a_gifs_comment():
    stream = io.BytesIO()
    Image.new("P", (8, 8)).save(stream, "GIF", comment=SAID.encode())
    reading = read_metadata(stream.getvalue())
    assert (reading.fields["prompt"], reading.fields["steps"]) == ("a red äpple 🍎", 7)


@pytest.mark.parametrize("code", [b"ASCII\0\0\0", b"UNICODE\0", bytes(8), b""])
@pytest.mark.parametrize("text", ["a réd apple", "a réd apple!", "it’s a “réd” apple, Ž"])
def test_a_comment_of_one_byte_a_letter_that_is_no_utf_8(code, text):
    assert decode_comment(code + text.encode("cp1252")) == text
    assert decode_comment(code + text.encode("cp1252") + b"\0") == text
