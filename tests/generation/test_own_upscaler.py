"""The upscaler that comes with Darkroom: small, listed, and better than Lanczos on art that it has not seen."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from PIL import Image

from webui.core.finish import OWN_UPSCALER
from webui.generation.upscaling import by_network
from webui.images.upscaling import enlarge
from webui.library import Library
from webui.library.upscalers import usual_upscaler
from webui.models.upscalers import load_upscaler
from webui.plugins.types import Upscaler, UpscaleRun
from webui.settings import PROJECT
from webui.train.upscaler.pictures import smaller
from webui.train.upscaler.score import EQUALLY_BRIGHT, psnr
from webui.train.upscaler.shapes import disc

pytestmark = pytest.mark.skipif(find_spec("spandrel") is None, reason="spandrel is not installed")
GIRAFFE = Path(__file__).resolve().parent.parent / "data" / "held_out_giraffe.png"
"""Every tenth concept is held out of training; this is one (Fluent Emoji, MIT)."""


def in_tiles(side):
    return UpscaleRun(tile=side, overlap=8, on_device=lambda work: work(), progress=lambda done, of: None)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return Library((PROJECT / "models",), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def upscaler(library):
    file = library.find("upscaler", OWN_UPSCALER)
    assert file.size <= 3_000_000
    return Upscaler(file.name, by_network(load_upscaler(file, torch.device("cpu"))), scale=4)


def test_it_is_what_extras_offers_first(library, upscaler, tmp_path):
    assert usual_upscaler(library) == OWN_UPSCALER
    assert usual_upscaler(Library((tmp_path,), tmp_path / "cache")) == "Lanczos"


@pytest.mark.parametrize("tile", [192, 40])
def test_it_is_better_than_lanczos_on_art_that_was_held_out(upscaler, tile):
    large = Image.open(GIRAFFE).convert("RGB")
    small = smaller(large)
    made = enlarge(small, upscaler, 4, in_tiles(tile))
    assert made.size == large.size
    assert psnr(made, large) > psnr(small.resize(large.size, Image.Resampling.LANCZOS), large) + 2


@pytest.mark.parametrize("colours", EQUALLY_BRIGHT)
def test_an_edge_between_colours_of_one_brightness_is_as_sharp_as_any(upscaler, colours):
    """A network that looks at brightness makes stairs of it, and is 2 dB below Lanczos."""
    large = disc(256, *colours)
    small = smaller(large)
    made = enlarge(small, upscaler, 4, in_tiles(40))
    assert psnr(made, large) > psnr(small.resize(large.size, Image.Resampling.LANCZOS), large) + 3
