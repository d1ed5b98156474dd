"""Pictures are read safely, and sizes, masks, crops and fills follow A1111's rules."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from webui.core.request import ResizeMode
from webui.errors import RequestError
from webui.images import pixels


def picture(width, height, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def as_bytes(image, format="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def square(size=64, box=(20, 24, 30, 40)):
    mask = Image.new("L", (size, size))
    mask.paste(255, box)
    return mask


@pytest.mark.parametrize("data", [b"", b"hello", as_bytes(picture(8, 8))[:60], b"<svg/>", b"%PDF-1.4"])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(RequestError, match="Use PNG, JPEG or WebP") as caught:
        pixels.read_image(data, "mask")
    assert caught.value.field == "mask"


def test_a_picture_too_large_is_refused_before_it_is_decoded():
    with pytest.raises(RequestError, match="10000×10000"):
        pixels.read_image(as_bytes(Image.new("1", (10000, 10000))))


def test_a_phone_picture_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert pixels.read_image(as_bytes(picture(20, 10), "JPEG", exif=exif)).size == (10, 20)


def test_transparent_becomes_white():
    clear = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    assert pixels.flatten(clear).getpixel((0, 0)) == (255, 255, 255)


@given(st.integers(1, 80), st.integers(1, 80), st.integers(1, 80), st.integers(1, 80), st.sampled_from(ResizeMode))
def test_every_mode_gives_the_size(width, height, to_width, to_height, mode):
    if mode == ResizeMode.FILL and min(width * to_height // height, height * to_width // width) == 0:
        return
    assert pixels.resize(picture(width, height), mode, to_width, to_height).size == (to_width, to_height)


def test_crop_keeps_the_middle_and_fill_repeats_the_edge():
    wide = Image.new("RGB", (90, 30), "red")
    wide.paste("blue", (30, 0, 60, 30))
    assert np.all(np.asarray(pixels.resize(wide, ResizeMode.CROP, 30, 30))[:, 3:-3] == (0, 0, 255))
    tall = np.asarray(pixels.resize(picture(30, 30), ResizeMode.FILL, 30, 90))
    assert np.array_equal(tall[30:60], np.asarray(picture(30, 30)))
    for bar, edge, inner in ((tall[:30], tall[30], tall[31]), (tall[60:], tall[59], tall[58])):
        wanted = np.clip(edge * 1.125 - inner * 0.125, 0, 255)  # as A1111's bars are, a little sharper than the edge
        assert np.abs(bar - wanted).max() <= 1 and np.array_equal(bar, np.repeat(bar[:1], 30, 0))
    across = np.asarray(pixels.resize(picture(30, 30), ResizeMode.FILL, 90, 31))
    assert np.array_equal(across[:, :29], np.repeat(across[:, :1], 29, 1)) and across[:, 0].any() and across[:, -1].any()


def test_a_sliver_of_a_picture_can_be_filled_up():
    assert pixels.resize(Image.new("RGB", (4000, 8), "red"), ResizeMode.FILL, 64, 64).size == (64, 64)


@pytest.mark.parametrize(
    ("blur", "wanted"),
    [
        (2, [2, 7, 17, 31, 45, 52]),
        (8, [1, 0, 1, 2, 1, 3, 2, 4, 4, 5, 6, 7, 8, 8, 10, 11, 11, 12, 13, 13, 12]),
    ],
)  # fmt: skip
def test_the_blur_is_the_one_that_a1111_has(blur, wanted):
    """Measured with OpenCV 5.0: one white row among black ones. From the outside to the middle."""
    line = np.zeros((99, 3), np.uint8)
    line[49] = 255
    made = np.asarray(pixels.blur_mask(Image.fromarray(line), blur))[:, 1].tolist()
    assert made[50 - len(wanted) : 49 + len(wanted)] == [*wanted, *wanted[-2::-1]]


def test_masks_invert_blur_and_take_alpha():
    mask = square()
    assert np.array_equal(np.asarray(pixels.prepare_mask(mask, invert=True, blur=0)), 255 - np.asarray(mask))
    soft = np.asarray(pixels.prepare_mask(mask, invert=False, blur=4), np.int64)
    assert soft.sum() == pytest.approx(np.asarray(mask, np.int64).sum(), rel=0.02)
    assert 0 < soft[22, 16] < soft[32, 20] < soft[32, 25]
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    clear.paste((9, 9, 9, 200), (20, 24, 30, 40))
    assert np.array_equal(np.asarray(pixels.prepare_mask(clear, invert=False, blur=0)), np.asarray(mask))


@given(st.integers(1, 30), st.integers(0, 60), st.integers(0, 60))
def test_blurring_an_even_mask_changes_nothing(blur, width, height):
    even = Image.new("L", (width + 1, height + 1), 200)
    assert np.asarray(pixels.blur_mask(even, blur)).tolist() == np.asarray(even).tolist()


def test_crop_region_with_padding_and_shape():
    assert pixels.crop_region(square(), 8) == (12, 16, 38, 48)
    assert pixels.crop_region(square(), 32) == (0, 0, 62, 64)
    assert pixels.crop_region(Image.new("L", (8, 8)), 8) is None
    assert pixels.expand_region((12, 16, 38, 48), 64, 64, 64, 64) == (9, 16, 41, 48)
    assert pixels.expand_region((0, 16, 10, 48), 64, 64, 64, 64) == (0, 16, 32, 48)
    # 55 · (768 / 704) is a little less than 60, 55 · 768 / 704 is 60: A1111 divides first.
    assert pixels.expand_region((100, 0, 156, 55), 768, 704, 999, 999) == (99, 0, 158, 55)


@given(st.integers(1, 64), st.integers(1, 64), st.integers(0, 63), st.integers(0, 63), st.integers(8, 64), st.integers(8, 64))
def test_an_expanded_region_contains_the_region_and_stays_inside(width, height, left, top, to_width, to_height):
    region = (left, top, min(left + width, 64), min(top + height, 64))
    grown = pixels.expand_region(region, to_width, to_height, 64, 64)
    assert grown[0] <= region[0] and grown[1] <= region[1] and grown[2] >= region[2] and grown[3] >= region[3]
    assert grown[0] >= 0 and grown[1] >= 0 and grown[2] <= 64 and grown[3] <= 64


def test_fill_takes_the_colours_around_and_keeps_the_rest():
    image = Image.new("RGB", (64, 64), "green")
    image.paste("red", (20, 24, 30, 40))
    filled = np.asarray(pixels.fill_masked(image, square()), np.int16)
    assert np.abs(filled[32, 25] - (0, 128, 0)).max() <= 3
    assert np.abs(filled[5, 5] - (0, 128, 0)).max() <= 1


def test_overlay_puts_the_kept_part_back():
    image, result = picture(64, 64), Image.new("RGB", (64, 64), "blue")
    merged = np.asarray(pixels.apply_overlay(result, pixels.overlay(image, square())))
    inside = np.asarray(square()) == 255
    assert np.array_equal(merged[~inside], np.asarray(image)[~inside]) and np.all(merged[inside] == (0, 0, 255))
    region = (16, 16, 48, 48)
    merged = np.asarray(pixels.apply_overlay(result, pixels.overlay(image, square()), region))
    assert np.all(merged[inside] == (0, 0, 255))


def test_a_rounded_latent_mask_is_all_or_nothing():
    rounded = pixels.latent_mask(square(), 8, 8, rounded=True)
    assert set(np.unique(rounded)) == {0.0, 1.0} and rounded.shape == (8, 8)
    assert len(np.unique(pixels.latent_mask(square(), 8, 8, rounded=False))) > 2


@pytest.mark.parametrize(("count", "size"), [(1, (8, 8)), (2, (16, 8)), (4, (16, 16)), (5, (24, 16))])
def test_grid(count, size):
    assert pixels.grid([picture(8, 8, seed) for seed in range(count)]).size == size


def test_a_soft_masks_faintest_greys_count_unless_it_has_no_black():
    soft = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert np.array_equal(np.asarray(pixels.prepare_mask(soft, invert=False, blur=0)), np.asarray(soft)), (
        "as in Forge, with which it was compared"
    )
    scanned = soft.point(lambda value: max(value, 3))
    assert np.asarray(pixels.prepare_mask(scanned, invert=False, blur=0)).ravel()[:10].tolist() == [0] * 8 + [8, 9]
