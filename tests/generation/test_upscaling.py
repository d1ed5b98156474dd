"""Upscalers give Forge's recorded pixels: filters, networks of files, tiles, several passes."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from webui.errors import CheckpointError, JobCancelled, RequestError
from webui.generation.upscaling import by_network, find_upscaler
from webui.images.tiles import TileGrid
from webui.images.upscaling import BUILTIN_UPSCALERS, enlarge, enlarge_to
from webui.library import Library
from webui.models.upscalers import UpscalerFiles, load_upscaler
from webui.plugins.types import Upscaler, UpscaleRun

RECORDED = Path(__file__).resolve().parents[1] / "data" / "reference" / "extras"
CASES = sorted(path.stem for path in RECORDED.glob("*.json"))
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A models folder with the networks that Forge's pictures were made by."""
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, RECORDED / "make_esrgan.py", folder / "ESRGAN"], check=True)
    return folder


@pytest.fixture(scope="module")
def library(models):
    return Library((models,), models / "cache")


@pytest.fixture(scope="module")
def upscaler(library):
    """Find an upscaler by its name."""
    files, built_in = UpscalerFiles(), {entry.name: entry for entry in BUILTIN_UPSCALERS}

    def find(name):
        return built_in.get(name) or Upscaler(name, by_network(files.get(library.find("upscaler", name), CPU)))

    return find


def run(tile=192, overlap=8, on_device=lambda work: work(), progress=lambda done, of: None):
    return UpscaleRun(tile, overlap, on_device, progress)


@pytest.mark.parametrize("case", CASES)
def test_pixels_are_those_of_forge(upscaler, case):
    record = json.loads((RECORDED / f"{case}.json").read_text())
    request, options = record["request"], record["options"]
    given = run(int(options.get("ESRGAN_tile", 192)), int(options.get("ESRGAN_tile_overlap", 8)))
    with Image.open(RECORDED / request["image"]) as image:
        image.load()
    width, height = request.get("upscaling_resize_w"), request.get("upscaling_resize_h")
    to_size = request.get("resize_mode") == 1
    factor = max(width / image.width, height / image.height) if to_size else request["upscaling_resize"]
    made = enlarge(image, upscaler(request["upscaler_1"]), factor, given)
    if share := request.get("extras_upscaler_2_visibility"):
        made = Image.blend(made, enlarge(image, upscaler(request["upscaler_2"]), factor, given).convert(made.mode), share)
    if to_size and request.get("upscaling_crop", True):
        frame = Image.new("RGB", (width, height))
        frame.paste(made, (width // 2 - made.width // 2, height // 2 - made.height // 2))
        made = frame
    with Image.open(RECORDED / f"{case}.png") as wanted:
        assert made.mode == wanted.mode and np.array_equal(np.asarray(made), np.asarray(wanted))


def test_tiles_cover_every_pixel_and_join_to_what_was_cut():
    for width, height, side, overlap in ((300, 200, 64, 16), (64, 64, 64, 8), (40, 90, 64, 8), (65, 129, 64, 0)):
        image = Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8))
        grid = TileGrid(width, height, side, overlap)
        tiles = list(grid.cut(image))
        assert len(tiles) == len(grid) and {tile.size for tile in tiles} == {(side, side)}
        joined = np.asarray(grid.join(iter(tiles)), np.int16)
        assert np.abs(joined - np.asarray(image)).max() <= 1, "fading between equal pixels rounds at most"


def test_a_stop_takes_effect_between_two_tiles(upscaler):
    seen = []

    def stop(done, of):
        seen.append((done, of))
        if done == 2:
            raise JobCancelled("stopped")

    with pytest.raises(JobCancelled):
        enlarge(Image.new("RGB", (200, 200)), upscaler("up-compact4"), 4, run(64, 8, progress=stop))
    assert seen == [(0, 16), (1, 16), (2, 16)]


def test_what_is_too_large_is_refused_before_it_is_made(upscaler):
    with pytest.raises(RequestError, match="smaller factor"):
        enlarge(Image.new("RGB", (4000, 4000)), upscaler("up-compact4"), 8, run())
    assert enlarge_to(Image.new("RGB", (96, 72)), upscaler("None"), (50, 40), run()).size == (50, 40)


def test_files_that_are_no_upscalers_are_named(models):
    folder = models / "ESRGAN"
    save_file({"lora_unet_x.lora_up.weight": torch.zeros(4, 4)}, folder / "lora.safetensors")
    save_file({"conv_first.weight": torch.zeros(64, 3, 3, 3), "body.0.rdb1.conv1.weight": torch.zeros(1)}, folder / "torn.safetensors")
    (folder / "note.pth").write_bytes(b"hello")
    library = Library((models,), models / "cache2")
    for file in library.models("upscaler"):
        if not file.name.startswith("up-"):
            with pytest.raises(CheckpointError, match=file.path.stem):
                load_upscaler(file, CPU)


def test_an_extension_s_upscaler_makes_the_second_pass(engine):
    """The one of docs/writing_extensions.md."""
    seen = []

    def scale3x(image, factor, run):
        seen.append((image.size, factor))
        return image.resize((image.width * 3, image.height * 3), Image.Resampling.BICUBIC)

    engine.context.upscalers.register(Upscaler("Bicubic 3x", scale3x, aliases=("b3",)), owner="test")
    for name in ("bicubic 3X", "B3"):
        assert engine.make(prompt="fox", hires={"scale": 4, "upscaler": name, "strength": 0})[0].shape == (256, 256, 3)
    assert seen == [((64, 64), 4.0), ((192, 192), 4.0)] * 2


def test_a_second_pass_by_a_file(engine, checkpoints, models, tmp_path):
    engine.context = replace(engine.context, library=Library((checkpoints, models), tmp_path / "cache"))
    plain = engine.make(prompt="fox", hires={"scale": 2, "upscaler": "None", "strength": 0})[0]
    made = engine.make(prompt="fox", hires={"scale": 2, "upscaler": "up-compact4", "strength": 0})[0]
    assert made.shape == plain.shape == (128, 128, 3) and not np.array_equal(made, plain)
    with pytest.raises(RequestError, match="nobody") as caught:
        find_upscaler("nobody", engine.context, CPU)
    assert caught.value.field == "hires.upscaler"
