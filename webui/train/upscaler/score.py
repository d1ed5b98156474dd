"""How good an upscaler is: PSNR on pictures of concepts that were held out, beside Lanczos."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from webui.core.frozen import FrozenModel
from webui.train.default_model.compose import generator
from webui.train.upscaler.network import Compact
from webui.train.upscaler.pictures import concepts_of, drawn, ground, on_ground, picture_of, scenes, smaller, tensor_of, through
from webui.train.upscaler.shapes import disc

COUNT = 40
EQUALLY_BRIGHT = (((225, 40, 40), (70, 90, 255)), ((0, 150, 60), (150, 60, 130)), ((255, 120, 0), (80, 160, 200)))
"""Pairs of colours of about one brightness (Rec. 601): where a network that looks at brightness fails."""


class Score(FrozenModel):
    """Mean PSNR in dB over pictures: of Lanczos, and of the network."""

    what: str
    pictures: int
    lanczos: float
    network: float


@torch.no_grad()
def measure(network: Compact, folder: Path, model: Path, seed: int = 1, count: int = COUNT) -> list[Score]:
    """Measure on held-out art in every style, and on what the default model's autoencoder makes of it."""
    source = generator(seed, 20)
    held_out = concepts_of(folder, held_out=True)
    flat = scenes(folder, held_out[:count], source)
    found = [_score("flat icons, 128 to 512 pixels, made small by area", network, flat, [smaller(one) for one in flat])]
    bicubic = [smaller(one, Image.Resampling.BICUBIC) for one in flat]
    found.append(_score("the same, made small by a bicubic filter", network, flat, bicubic))
    found.append(_score("the same, through the default model", network, flat, through(model, [smaller(one) for one in flat])))
    discs = [disc(side, *colours) for side in range(256, 512, 32) if len(colours := {ground(source), ground(source)}) > 1]
    found.append(_score("large discs, by area", network, discs, [smaller(one) for one in discs]))
    pairs = [disc(side, *colours) for colours in EQUALLY_BRIGHT for side in (256, 384)]
    found.append(_score("large discs, both colours as bright, by area", network, pairs, [smaller(one) for one in pairs]))
    for style in ("cartoon", "3d render"):
        large = [on_ground(one, ground(source)) for one in drawn(folder, style, held_out[:count], 256)]
        found.append(_score(f"{style}, 64 to 256 pixels, by area", network, large, [smaller(one) for one in large]))
    return found


def enlarged(network: Compact, picture: Image.Image) -> Image.Image:
    """The picture four times as large, by the network."""
    made: torch.Tensor = network(tensor_of([picture]))[0]
    return picture_of(made)


def psnr(one: Image.Image, other: Image.Image) -> float:
    """PSNR in dB of two pictures of one size, over all channels in 8 bits."""
    error = (np.asarray(one, np.float64) - np.asarray(other, np.float64)) ** 2
    return float(10 * np.log10(255**2 / max(error.mean(), 1e-9)))


def _score(what: str, network: Compact, large: list[Image.Image], small: list[Image.Image]) -> Score:
    by_filter = [one.resize(whole.size, Image.Resampling.LANCZOS) for one, whole in zip(small, large, strict=True)]
    by_network = [enlarged(network, one) for one in small]
    means = [float(np.mean([psnr(a, b) for a, b in zip(made, large, strict=True)])) for made in (by_filter, by_network)]
    return Score(what=what, pictures=len(large), lanczos=round(means[0], 2), network=round(means[1], 2))
