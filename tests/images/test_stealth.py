"""Texts in the lowest bits of alpha or of the colours are read; lengths that lie and bombs are not."""

import gzip
import io
import json

import numpy as np
import pytest
from PIL import Image

from webui.images.metadata import read_metadata
from webui.images.stealth import read_stealth

TEXT = "ein Füchslein\nNegative prompt: blurry\nSteps: 7, Sampler: Euler a, CFG scale: 5, Seed: 123, Size: 128x192"


def hidden(mark, payload, mode="RGBA", size=(96, 64), length=None, format="PNG"):
    """A picture with the bits of mark, length and payload, written down the columns one by one."""
    head = mark.encode() + (len(payload) * 8 if length is None else length).to_bytes(4, "big")
    bits = [int(bit) for byte in head + payload for bit in f"{byte:08b}"]
    image = Image.new("RGBA", size, (200, 100, 50, 255))
    pixels = np.array(image)
    channels = [3] if "png" in mark else [0, 1, 2]
    places = [(y, x, channel) for x in range(size[0]) for y in range(size[1]) for channel in channels]
    for place, bit in zip(places, bits, strict=False):
        pixels[place] = pixels[place] & 254 | bit
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, format, lossless=True)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("mark", "mode"),
    [
        ("stealth_pnginfo", "RGBA"),
        ("stealth_pngcomp", "RGBA"),
        ("stealth_rgbinfo", "RGB"),
        ("stealth_rgbcomp", "RGB"),
        ("stealth_rgbcomp", "RGBA"),
    ],
)
def test_a_hidden_text_is_read(mark, mode):
    payload = gzip.compress(TEXT.encode()) if mark.endswith("comp") else TEXT.encode()
    reading = read_metadata(hidden(mark, payload, mode))
    assert reading.text == TEXT and (reading.fields["prompt"], reading.fields["seed"]) == ("ein Füchslein", 123)


def test_a_hidden_text_in_a_webp():
    assert read_metadata(hidden("stealth_rgbinfo", TEXT.encode(), "RGB", format="WEBP")).text == TEXT


def test_novelai_hides_all_its_texts():
    comment = {"steps": 28, "height": 128, "width": 64, "scale": 5.0, "seed": 99, "sampler": "k_euler_ancestral", "uc": "lowres"}
    whole = {"Software": "NovelAI", "Description": "1girl", "Source": "Stable Diffusion XL C1E1DE52", "Comment": json.dumps(comment)}
    reading = read_metadata(hidden("stealth_pngcomp", gzip.compress(json.dumps(whole).encode()), size=(128, 96)))
    assert (reading.source, reading.fields["prompt"], reading.fields["seed"]) == ("NovelAI", "1girl", 99)


def test_comfyuis_hidden_graph():
    nodes = {"1": {"class_type": "KSampler", "inputs": {"seed": 3, "steps": 7, "cfg": 5, "sampler_name": "euler", "scheduler": "normal"}}}
    reading = read_metadata(hidden("stealth_pnginfo", json.dumps({"prompt": nodes}).encode(), size=(96, 96)))
    assert (reading.source, reading.fields["steps"]) == ("ComfyUI", 7)


@pytest.mark.parametrize("length", [0, 7, 2**32 - 1, 96 * 64])
def test_a_length_that_lies_gives_nothing(length):
    assert read_stealth(hidden("stealth_pnginfo", TEXT.encode(), length=length)) in ({}, {"parameters": ""})


def test_broken_and_exploding_packing_gives_nothing():
    assert read_stealth(hidden("stealth_pngcomp", b"no gzip at all")) == {}
    bomb = gzip.compress(bytes(64 * 2**20))
    assert read_stealth(hidden("stealth_pngcomp", bomb, size=(1024, 640))) == {}


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA"])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (64, 64)])
def test_pictures_that_hide_nothing(mode, size):
    stream = io.BytesIO()
    Image.new(mode, size).save(stream, "PNG")
    assert read_stealth(stream.getvalue()) == {}
