"""One reading of picture files: upright, 8 bits, sRGB, bounded, and a sentence for what cannot be read."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from webui.errors import RequestError
from webui.gallery.scan import find_images
from webui.images import decode, metadata, pixels, png, text_chunks


def corners():
    """16×24, each corner another colour: which way up it is can be told."""
    image = Image.new("RGB", (16, 24), "grey")
    for place, colour in (((0, 0), "red"), ((8, 0), "lime"), ((0, 16), "blue"), ((8, 16), "white")):
        image.paste(colour, (*place, place[0] + 8, place[1] + 8))
    return image


def lying(orientation):
    """The corners as a camera stores them that writes this orientation."""
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's Transpose: what undoes the turn
    return corners().transpose(Image.Transpose(back[orientation])) if orientation in back else corners()


def saved(image, format="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(data, kind, content):
    """A PNG with one more part behind its head."""
    return data[:33] + chunk(kind, content) + data[33:]


def apart(a, b):
    return np.abs(np.asarray(a, np.int16) - np.asarray(b, np.int16)).mean()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", range(10))
def test_every_format_is_turned_upright(format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}, "AVIF": {"quality": 100}}.get(format, {})
    data = saved(lying(orientation), format, exif=exif, **options)
    assert decode.look(data).size == (16, 24)
    assert apart(decode.read_image(data), corners()) < (20 if format in ("JPEG", "AVIF") else 0.01)


BROKEN_EXIF = {
    "repr": b"b'Exif\\x00\\x00MM\\x00*\\x00\\x00'",
    "garbage": b"Exif\0\0garbage garbage",
    "empty": b"Exif\0\0",
    "short": b"MM",
    "no directory": b"MM\0*\0\0\0\x08",
    "far": b"MM\0*\xff\xff\xff\xff",
    "directory cut": b"MM\0*\0\0\0\x08\0\x05\x01\x12\0\x03\0\0\0\x01\0\x06\0\0",
    "text": b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x01\0\x06\0\0\0\0\0\0",
}


@pytest.mark.parametrize("block", BROKEN_EXIF.values(), ids=BROKEN_EXIF)
def test_a_broken_exif_block_is_passed_over(block):
    head = b"" if block.startswith(b"Exif") else b"Exif\0\0"
    for data in (
        with_chunk(saved(corners()), b"eXIf", block),
        saved(corners(), "JPEG", quality=100, subsampling=0, exif=head + block),
        saved(corners(), "WEBP", lossless=True, exif=block),
    ):
        assert decode.look(data).size == (16, 24)
        assert apart(decode.read_image(data), corners()) < 20
        assert metadata.read_metadata(data) is None


def test_grey_of_16_bits_keeps_its_greys():
    ramp = np.tile(np.arange(0, 65536, 257, dtype=np.uint16), (4, 1))
    wanted = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    for data in (saved(Image.fromarray(ramp)), saved(Image.fromarray(ramp), "TIFF"), big_endian(ramp)):
        assert np.array_equal(np.asarray(decode.read_image(data))[..., 0], wanted)
        assert np.array_equal(np.asarray(decode.read_mask(data))[..., 0], wanted)


def test_a_tiff_whose_zero_is_white_is_not_its_negative():
    ramp = np.tile(np.arange(0, 65536, 257, dtype=np.uint16), (4, 1))
    says_black, says_white = (struct.pack("<HHII", 0x0106, 3, 1, zero) for zero in (1, 0))
    data = saved(Image.fromarray(65535 - ramp), "TIFF")
    assert data.count(says_black) == 1
    read = decode.read_image(data.replace(says_black, says_white))
    assert np.array_equal(np.asarray(read)[..., 0], np.tile(np.arange(256, dtype=np.uint8), (4, 1)))


def tiff(shape, bits, content, photometric=1, samples=1, compression=1):
    """A TIFF of one strip, written by hand: kinds that Pillow reads but does not write."""
    wide = {256: (4, [shape[0]]), 257: (4, [shape[1]]), 258: (3, bits), 259: (3, [compression]), 262: (3, [photometric])}
    tags = wide | {273: (4, [0]), 277: (3, [len(bits)]), 278: (4, [shape[1]]), 279: (4, [len(content)]), 339: (3, [samples] * len(bits))}
    place = 8 + 2 + 12 * len(tags) + 4
    entries, beyond = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack("<" + {3: "H", 4: "I"}[kind] * len(values), *values)
        if len(packed) > 4:
            beyond, packed = beyond + packed, struct.pack("<I", place + len(beyond))
        entries += struct.pack("<HHI", tag, kind, len(values)) + (b"PLCE" if tag == 273 else packed.ljust(4, b"\0"))
    entries = entries.replace(b"PLCE", struct.pack("<I", place + len(beyond)))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + beyond + content


@pytest.mark.parametrize(
    ("bits", "samples", "content", "wanted"),
    [
        ([12], 1, b"\x00\x0f\xff", [0, 255]),
        ([32], 1, struct.pack("<2I", 0, 2**32 - 1), [0, 255]),
        ([32], 2, struct.pack("<2i", -5, 5), [0, 255]),
        ([8], 2, struct.pack("<2b", -100, 100), [0, 255]),
        ([8], 1, bytes([156, 100]), [156, 100]),
    ],
    ids=["12 bits", "32 bits", "32 bits with a sign", "8 bits with a sign", "8 bits"],
)
def test_whole_numbers_of_a_tiff_are_as_its_tags_say(bits, samples, content, wanted):
    data = tiff((2, 1), bits, content, samples=samples)
    assert np.asarray(decode.read_image(data))[0, :, 0].tolist() == wanted
    assert np.asarray(decode.read_mask(data))[0, :, 0].tolist() == wanted


@pytest.mark.parametrize("read", [decode.look, decode.read_image, decode.read_mask])
def test_colours_that_would_be_misread_are_refused(read):
    """YCbCr that is not within JPEG: Pillow takes its numbers for red, green and blue."""
    with pytest.raises(RequestError, match="YCbCr without JPEG"):
        read(tiff((16, 16), [8, 8, 8], bytes(16 * 16 * 3), photometric=6))


@pytest.mark.parametrize(("depth", "key"), [(1, 1), (2, 3), (4, 15), (4, 7), (8, 255)])
def test_a_transparent_grey_is_named_in_the_file_s_own_bits(depth, key):
    head = struct.pack(">IIBBBBB", 2, 1, depth, 0, 0, 0, 0)
    row = (key << (8 - depth)).to_bytes(1, "big") + bytes(1)
    parts = (
        (b"IHDR", head),
        (b"tRNS", struct.pack(">H", key)),
        (b"IDAT", zlib.compress(b"\0" + row[: -(-2 * depth // 8)])),
        (b"IEND", b""),
    )
    data = png.SIGNATURE + b"".join(chunk(*part) for part in parts)
    assert np.asarray(decode.read_image(data))[0, :, 3].tolist() == [0, 255]


def big_endian(values):
    """A TIFF of 16 bits, most significant first."""
    image = Image.frombytes("I;16B", values.shape[::-1], values.astype(">u2").tobytes())
    return saved(image, "TIFF")


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 128.0, 255.0], [0, 128, 255]),
        ([0.0, 32896.0, 65535.0], [0, 128, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0.0, 500000.0, 1000000.0], [0, 128, 255]),
        ([float("nan"), float("inf"), 1.0], [0, 0, 255]),
        ([0.25, 0.25, 0.25], [64, 64, 64]),
    ],
)
def test_numbers_of_any_range_become_greys(values, wanted):
    data = saved(Image.fromarray(np.array([values], np.float32)), "TIFF")
    assert np.asarray(decode.read_image(data))[0, :, 0].tolist() == wanted
    if all(value == value and value not in (float("inf"),) and value == int(value) for value in values) and max(values) > 1:
        data = saved(Image.fromarray(np.array([values], np.int32)), "TIFF")
        assert np.asarray(decode.read_image(data))[0, :, 0].tolist() == wanted


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "I;16", "I", "F"])
def test_every_mode_becomes_rgb_or_rgba(mode):
    image = Image.new("L", (8, 8), 255).convert("RGB" if mode in ("LAB", "YCbCr") else "L" if mode in ("I;16", "I", "F") else mode)
    if mode == "LAB":
        image = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB")
    elif mode in ("I;16", "I", "F"):
        image = Image.fromarray(
            np.full((8, 8), {"I;16": 65535, "I": 255, "F": 1}[mode], {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode])
        )
    else:
        image = image.convert(mode)
    data = saved(image, "TIFF" if mode in ("CMYK", "YCbCr", "LAB", "I", "F") else "PNG")
    read = decode.read_image(data)
    assert read.mode in ("RGB", "RGBA") and min(read.convert("RGB").getpixel((3, 3))) >= 253


def test_the_first_picture_of_an_animation_counts():
    others = [Image.new("RGB", (16, 24), "red")]
    for format in ("GIF", "WEBP", "PNG"):
        data = saved(
            corners(), format, save_all=True, append_images=others, duration=100, **({"lossless": True} if format == "WEBP" else {})
        )
        assert apart(decode.read_image(data).convert("RGB"), corners()) < 1
    assert decode.look(saved(corners(), "MPO", save_all=True, append_images=others)).format == "MPO"


# ---------------------------------------------------------------------------------------------------------- masks
def shape():
    mask = Image.new("L", (16, 24))
    mask.paste(255, (4, 4, 12, 12))
    return mask


def in_palette():
    image = Image.new("P", (16, 24), 1)
    image.putpalette([200, 10, 10, 10, 10, 200])
    image.paste(0, (4, 4, 12, 12))
    return image


def alpha_masks():
    rgba, la = Image.new("RGBA", (16, 24), "red"), Image.new("LA", (16, 24), 90)
    rgba.putalpha(shape())
    la.putalpha(shape())
    return {
        "RGBA": saved(rgba),
        "LA": saved(la),
        "P with one colour": saved(in_palette(), transparency=1),
        "P with a table": saved(in_palette(), transparency=b"\xff\x00"),
        "L with one grey": saved(shape().point(lambda value: value // 2), transparency=0),
        "RGB with one colour": saved(shape().convert("RGB"), transparency=(0, 0, 0)),
        "GIF": saved(in_palette(), "GIF", transparency=1),
        "WEBP": saved(rgba, "WEBP", lossless=True),
    }


@pytest.mark.parametrize("data", alpha_masks().values(), ids=alpha_masks())
def test_the_alpha_channel_of_any_mode_is_the_mask(data):
    assert np.array_equal(np.asarray(pixels.prepare_mask(decode.read_mask(data), invert=False, blur=0)), np.asarray(shape()))


def test_an_opaque_mask_is_told_by_its_brightness():
    for mode in ("RGBA", "LA", "L", "RGB", "1", "P"):
        data = saved(shape().convert(mode))
        assert np.array_equal(np.asarray(pixels.prepare_mask(decode.read_mask(data), invert=False, blur=0)), np.asarray(shape()))


@pytest.mark.parametrize("black", [1, 300, 900])
def test_a_16_bit_mask_whose_black_is_not_0_leaves_the_rest_alone(black):
    data = saved(Image.fromarray(np.where(np.asarray(shape()) > 0, 65535, black).astype(np.uint16)))
    mask = pixels.prepare_mask(decode.read_mask(data), invert=False, blur=0)
    assert np.array_equal(np.asarray(mask), np.asarray(shape())) and pixels.crop_region(mask, 0) == (4, 4, 12, 12)


# ---------------------------------------------------------------------------------------------------------- colour profiles
def matrix_profile():
    """A profile whose red and green are exchanged: what is converted by it can be told from what is not."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    tags = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = profile[green + 4 : green + 12], profile[red + 4 : red + 12]
    return bytes(profile)


def test_colours_of_another_profile_become_srgb_and_masks_stay():
    for format in ("PNG", "JPEG", "WEBP"):
        data = saved(Image.new("RGB", (16, 16), (200, 40, 40)), format, icc_profile=matrix_profile())
        red, green, _ = decode.read_image(data).getpixel((8, 8))
        assert red < 60 and green > 180
        assert decode.read_mask(data).getpixel((8, 8))[0] > 180
    clear = Image.new("RGBA", (4, 4), (200, 40, 40, 7))
    assert decode.read_image(saved(clear, icc_profile=matrix_profile())).getpixel((1, 1))[3] == 7


def test_srgb_and_broken_and_large_profiles_leave_the_numbers():
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (own, own + bytes(3 * 2**20), b"garbage", lab, own[:200]):
        data = saved(corners(), icc_profile=profile)
        assert np.array_equal(np.asarray(decode.read_image(data)), np.asarray(corners()))
    bomb = with_chunk(saved(corners()), b"iCCP", b"icc\0\0" + zlib.compress(bytes(100 * 2**20), 9))
    assert np.array_equal(np.asarray(decode.read_image(bomb)), np.asarray(corners()))


# ---------------------------------------------------------------------------------------------------------- bounds
def head_only(width, height, depth=8, kind=2):
    return (
        png.SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"\0"))
    )


@pytest.mark.parametrize(("width", "height"), [(10000, 10000), (20000, 10000), (2**31 - 1, 1), (100000, 8), (13300, 13300)])
def test_too_large_is_said_before_anything_is_decoded(width, height):
    for read in (decode.look, decode.read_image, decode.read_mask):
        with pytest.raises(RequestError, match="million") as caught:
            read(head_only(width, height), "mask")
        assert caught.value.field == "mask"


def test_metadata_never_decodes_pixels():
    """8192×8192 of 16 bits: to decode it takes seconds and a gigabyte."""
    packer, row = zlib.compressobj(1), bytes(8192 * 8 + 1)
    body = b"".join(packer.compress(row) for _ in range(8192)) + packer.flush()
    data = png.SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 8192, 8192, 16, 6, 0, 0, 0)) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    began = time.process_time()
    assert metadata.read_metadata(data) is None
    flat = data.replace(chunk(b"IHDR", data[16:29]), chunk(b"IHDR", struct.pack(">IIBBBBB", 8192, 8192, 8, 6, 0, 0, 0)))
    assert metadata.read_metadata(flat) is None
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (saved(corners())[:-60], "cut off or broken"),
        (saved(corners(), "JPEG")[:400], "cut off or broken"),
        (head_only(64, 64), "cut off or broken"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), "HEIC"),
        (b"", "not a picture"),
        (b"<svg/>", "not a picture"),
        (b"BM" + bytes(60), "not a picture"),
        (b"II*\0" + b"\xff" * 40, "not a picture"),
    ],
)
def test_what_cannot_be_read_is_a_sentence_for_its_field(data, said):
    with pytest.raises(RequestError, match=said) as caught:
        decode.read_image(data, "init")
    assert caught.value.field == "init"


# ---------------------------------------------------------------------------------------------------------- texts beside the pixels
TEXT = "a red apple\nSteps: 7, Sampler: Euler a, CFG scale: 5, Seed: 123, Size: 128x192, Model: a"


def with_texts(**given):
    info = PngImagePlugin.PngInfo()
    for key, (text, packed) in given.items():
        info.add_text(key, text, zip=packed)
    return saved(corners(), pnginfo=info)


def test_large_texts_are_no_reason_to_refuse_a_picture_and_are_said():
    fits = with_texts(parameters=(TEXT, False), workflow=("x" * 3_000_000, True))
    assert metadata.read_metadata(fits).fields["steps"] == 7 and np.array_equal(np.asarray(decode.read_image(fits)), np.asarray(corners()))
    beyond = with_texts(parameters=(TEXT, True), workflow=("x" * 60_000_000, True))
    reading = metadata.read_metadata(beyond)
    assert reading.fields["steps"] == 7 and any("'workflow'" in line and "4 MB" in line for line in reading.unmapped)
    assert np.array_equal(np.asarray(decode.read_image(beyond)), np.asarray(corners()))
    for packed in (False, True):
        alone = with_texts(parameters=("a, " * 20_000_000, packed))
        began = time.process_time()
        assert metadata.read_metadata(alone) is None and "'parameters'" in metadata.why_unread(alone)
        assert time.process_time() - began < 2


def test_many_packed_texts_are_bounded_together():
    packed = zlib.compress(b"A" * 1_000_000, 9)
    data = saved(corners())
    data = data[:33] + b"".join(chunk(b"zTXt", b"k%d\0\0" % n + packed) for n in range(200)) + data[33:]
    contents = text_chunks.read_texts(data)
    assert sum(map(len, contents.found.values())) <= png.MAX_TEXTS and "and other texts" in contents.said


def test_a_file_that_is_cut_off_still_tells_what_it_says():
    whole = with_texts(parameters=(TEXT, False))
    cut = whole[:-40]
    reading = metadata.read_metadata(cut)
    assert reading.fields["seed"] == 123 and any("cut off" in line for line in reading.unmapped)
    in_the_text = whole[: whole.index(b"Steps")]
    assert metadata.read_metadata(in_the_text) is None and "cut off within it" in metadata.why_unread(in_the_text)
    assert metadata.why_unread(whole) == "" == metadata.why_unread(saved(corners()))


def test_texts_of_every_kind_before_and_behind_the_pixels():
    info = PngImagePlugin.PngInfo()
    info.add_text("a", "Ä")
    info.add_itxt("b", "日本", "ja", "B")
    info.add_itxt("c", "packed", zip=True)
    data = saved(corners(), pnginfo=info)
    data = data[:-12] + chunk(b"tEXt", b"late\0behind") + data[-12:]
    assert text_chunks.read_texts(data).found == {"a": "Ä", "b": "日本", "c": "packed", "late": "behind"}


# ---------------------------------------------------------------------------------------------------------- who else reads
def test_thumbnails_and_the_gallery_show_pictures_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "a.jpg").write_bytes(saved(lying(6), "JPEG", quality=100, subsampling=0, exif=exif))
    pixels.write_thumbnail(tmp_path / "a.jpg", tmp_path / "thumbs" / "a.webp", 64)
    assert Image.open(tmp_path / "thumbs" / "a.webp").size == (16, 24)
    clear = saved(Image.new("RGBA", (8, 8), (0, 0, 0, 0)))
    (tmp_path / "b.png").write_bytes(clear)
    pixels.write_thumbnail(tmp_path / "b.png", tmp_path / "b.webp", 64)
    assert min(Image.open(tmp_path / "b.webp").getpixel((3, 3))) > 250
    assert find_images(tmp_path, set()) == []


def test_a_broken_picture_has_no_thumbnail_and_says_so(tmp_path):
    (tmp_path / "a.png").write_bytes(saved(corners())[:-60])
    with pytest.raises(RequestError, match="cut off or broken"):
        pixels.write_thumbnail(tmp_path / "a.png", tmp_path / "a.webp", 64)
    assert not (tmp_path / "a.webp").exists()


def test_a_palette_picture_without_its_palette_is_refused():
    data = saved(Image.new("P", (8, 8)))
    start = data.index(b"PLTE") - 4
    without = data[:start] + data[start + 12 + int.from_bytes(data[start : start + 4], "big") :]
    for read in (decode.look, decode.read_image):
        with pytest.raises(RequestError, match="cut off or broken"):
            read(without)
