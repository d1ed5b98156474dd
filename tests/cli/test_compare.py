"""Two pictures are compared pixel by pixel."""

import math
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from webui.cli.compare import compare, input_differences
from webui.core.request import GenerationRequest
from webui.errors import RequestError
from webui.images.metadata import encoder


def test_what_a_text_leaves_out_is_the_default_and_no_difference(tmp_path):
    line = "Steps: 8, Sampler: Euler, Schedule type: Automatic, CFG scale: 7.0, Seed: 42, Size: 64x64, RNG: CPU"
    for name, text in (("a", line), ("b", line.replace("Steps: 8", "Steps: 9") + ", Emphasis: No norm")):
        facts = PngInfo()
        facts.add_text("parameters", f"a fox\n{text}")
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png", pnginfo=facts)
    request = GenerationRequest(
        prompt="a fox", steps=8, sampler="Euler", schedule="Automatic", guidance=7, seed=42, variation_seed=5, width=64, height=64
    )
    with (tmp_path / "ours.png").open("wb") as file:
        encoder(request, 0)(Image.new("RGB", (8, 8)), file, "png", 90)
    assert input_differences(tmp_path / "a.png", tmp_path / "b.png") == ["steps: 8 | 9", "emphasis: Original | No norm"]
    assert input_differences(tmp_path / "a.png", tmp_path / "ours.png") == ["made by: A1111/Forge | Darkroom"]


def test_a_reader_who_has_gone_is_no_traceback(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    command = [sys.executable, "-m", "webui", "compare", str(tmp_path / "a.png"), str(tmp_path / "a.png")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 1


def test_equal_pictures_have_infinite_psnr():
    picture = np.full((4, 4, 3), 7, np.uint8)
    assert compare(picture, picture).psnr == math.inf


def test_one_grey_level_everywhere_is_48_db():
    a, b = np.zeros((4, 4, 3), np.uint8), np.ones((4, 4, 3), np.uint8)
    difference = compare(a, b)
    assert difference.psnr == pytest.approx(20 * math.log10(255)) and (difference.mean, difference.largest) == (1, 1)


def test_no_wrap_around_between_black_and_white():
    assert compare(np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 255, np.uint8)).largest == 255


def test_sizes_that_differ_are_named():
    with pytest.raises(RequestError, match="4×2 and 2×4"):
        compare(np.zeros((2, 4, 3), np.uint8), np.zeros((4, 2, 3), np.uint8))
