"""Pairs to learn from: a piece of art on a coloured ground, drawn large, and the same piece at a quarter of its side.

How it becomes small is drawn by lot: by one of four filters, a little blurred or not, through JPEG now and then; a part of the small ones
went through the default model's autoencoder, since what that model makes is what most people enlarge first.
"""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor, nn

from webui.core.frozen import FrozenModel
from webui.train.default_model.art import drawings
from webui.train.default_model.compose import COLOURS as NAMED
from webui.train.default_model.compose import chance, generator, pick
from webui.train.default_model.concepts import Concept, read_concepts
from webui.train.default_model.export import read
from webui.train.default_model.networks import build_vae
from webui.train.default_model.sources import fetch
from webui.train.upscaler.network import COLOURS, SCALE
from webui.train.upscaler.shapes import drawn_shapes

STYLES = ("flat icon", "cartoon", "3d render")
SIDES = {"flat icon": (160, 256, 448), "cartoon": (160, 256, 448), "3d render": (256,)}
SHAPES = 320
"""Pixels a side of pictures of plain shapes, a fifth of all."""
PATCH = 128
NATIVE = 128
"""Pixels of a picture by the default model."""
HELD_OUT = 10
"""Every tenth concept is for measuring only."""
FILTERS = (Image.Resampling.BOX, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BILINEAR)
_NOT_ART = ("flags", "component")
_BLURRED, _JPEG, _BY_MODEL, _EDGE, _OTHER, _LIT = 0.1, 0.08, 0.3, 0.15, 0.5, 0.35

Pair = tuple[Image.Image, Image.Image]


class Gallery(FrozenModel):
    """Pictures to learn from as RGBA, and pairs whose small side came through the default model."""

    model_config = {"arbitrary_types_allowed": True, "frozen": True}

    art: tuple[Image.Image, ...]
    by_model: tuple[Pair, ...] = ()


def concepts_of(folder: Path, held_out: bool) -> list[Concept]:
    """What is learned from, or what is held out."""
    every = [concept for concept in read_concepts(fetch("labels", folder)) if concept.group not in _NOT_ART]
    return [concept for place, concept in enumerate(every) if (place % HELD_OUT == 0) == held_out]


def gather(folder: Path, model: Path, seed: int, most: int) -> Gallery:
    """Draw about `most` pieces of each style, and bring a quarter as many through the default model's autoencoder."""
    known = concepts_of(folder, held_out=False)
    art: list[Image.Image] = []
    for number, style in enumerate(STYLES):
        some = shuffled(known, generator(seed, 10, number))[:most]
        for place, side in enumerate(SIDES[style]):
            art += drawn(folder, style, some[place :: len(SIDES[style])], side)
    art += drawn_shapes(len(art) // 4, SHAPES, generator(seed, 12))
    source = generator(seed, 11)
    whole = scenes(folder, shuffled(known, source)[: most // 4], source)
    return Gallery(art=tuple(art), by_model=tuple(zip(whole, through(model, [smaller(one) for one in whole]), strict=True)))


def drawn(folder: Path, style: str, concepts: list[Concept], side: int) -> list[Image.Image]:
    """The art of those concepts that the style has, on transparent squares."""
    codes, draw = drawings(fetch(style, folder), concepts, side)
    return [draw(concept.code) for concept in concepts if concept.code in codes]


def scenes(folder: Path, concepts: list[Concept], source: torch.Generator) -> list[Image.Image]:
    """Pictures as the default model makes them, four times as large: one thing in the middle of a ground of one colour."""
    side = NATIVE * SCALE
    found = []
    for picture in drawn(folder, "flat icon", concepts, side * 7 // 8):
        square = Image.new("RGBA", (side, side))
        square.paste(picture, (side // 16, side // 16))
        found.append(on_ground(square, ground(source)))
    return found


def shuffled(concepts: list[Concept], source: torch.Generator) -> list[Concept]:
    """The same in another order."""
    return [concepts[place] for place in torch.randperm(len(concepts), generator=source).tolist()]


def ground(source: torch.Generator) -> tuple[int, int, int]:
    """One of the default model's colours, or any."""
    if chance(source) < 0.7:
        return list(NAMED.values())[pick(len(NAMED), source)]
    red, green, blue = torch.randint(256, (3,), generator=source).tolist()
    return red, green, blue


def on_ground(art: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """Art laid on a ground of one colour."""
    whole = Image.new("RGBA", art.size, (*colour, 255))
    whole.alpha_composite(art)
    return whole.convert("RGB")


def smaller(picture: Image.Image, way: Image.Resampling = Image.Resampling.BOX) -> Image.Image:
    """The picture at a quarter of its side."""
    return picture.resize((picture.width // SCALE, picture.height // SCALE), way)


@torch.no_grad()
def through(model: Path, pictures: list[Image.Image]) -> list[Image.Image]:
    """Small pictures as the default model's autoencoder gives them back."""
    exported = read(model)
    coder = build_vae(exported.shape)
    coder.load_state_dict(exported.vae)
    coder.eval()
    return [_coded(coder, picture) for picture in pictures]


def _coded(coder: nn.Module, picture: Image.Image) -> Image.Image:
    latents = coder.encode(tensor_of([picture]) * 2 - 1).latent_dist.mode()  # type: ignore[operator]
    made: Tensor = coder.decode(latents).sample[0]  # type: ignore[operator]
    return picture_of(made / 2 + 0.5)


def tensor_of(pictures: list[Image.Image]) -> Tensor:
    """RGB pictures of one size as [n, 3, h, w] in 0…1."""
    return torch.from_numpy(np.stack([np.asarray(one) for one in pictures])).permute(0, 3, 1, 2).float() / 255


def picture_of(values: Tensor) -> Image.Image:
    """[3, h, w] in 0…1 as a picture."""
    return Image.fromarray(values.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).contiguous().numpy())


def batch(gallery: Gallery, count: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Small and large patches, [n, 1, PATCH / 4, PATCH / 4] and [n, 1, PATCH, PATCH] in 0…1: one colour of each, all by lot.

    They are turned and mirrored together; each is then left, or brought to another range, dark or light or inverted.
    """
    pairs = [_by_model(gallery, source) if gallery.by_model and chance(source) < _BY_MODEL else _art(gallery, source) for _ in range(count)]
    pairs = [_at_an_edge(pair, source) if chance(source) < _EDGE else pair for pair in pairs]
    colour = torch.randint(COLOURS, (count,), generator=source)
    turn, mirror = pick(4, source), pick(2, source)
    ends = torch.rand(2, count, 1, 1, 1, generator=source)
    same = torch.rand(count, 1, 1, 1, generator=source) >= _OTHER
    low, high = (torch.where(same, torch.tensor(float(end)), ends[end]) for end in (0, 1))

    def drawn_as(pictures: list[Image.Image]) -> Tensor:
        planes = tensor_of(pictures)[torch.arange(count), colour][:, None]
        values = low + (high - low) * torch.rot90(planes, turn, (2, 3))
        return values.flip(3) if mirror else values

    return drawn_as([one[1] for one in pairs]), drawn_as([one[0] for one in pairs])


def _at_an_edge(pair: Pair, source: torch.Generator) -> Pair:
    """The pair with some black at two sides, as tiles are filled up where the picture ends."""
    left, top = pick(8, source), pick(8, source)
    large, small = (Image.new("RGB", one.size) for one in pair)
    large.paste(pair[0], (SCALE * left, SCALE * top))
    small.paste(pair[1], (left, top))
    return large, small


def _by_model(gallery: Gallery, source: torch.Generator) -> Pair:
    large, small = gallery.by_model[pick(len(gallery.by_model), source)]
    side = PATCH // SCALE
    left, top = pick(small.width - side + 1, source), pick(small.height - side + 1, source)
    area = (left, top, left + side, top + side)
    return large.crop(tuple(SCALE * edge for edge in area)), small.crop(area)  # type: ignore[arg-type]


def _art(gallery: Gallery, source: torch.Generator) -> Pair:
    picture = gallery.art[pick(len(gallery.art), source)]
    room = PATCH // 8
    left, top = (pick(max(side - PATCH + 2 * room, 1), source) - room for side in picture.size)
    large = on_ground(picture.crop((left, top, left + PATCH, top + PATCH)), ground(source))
    large = _lit(large, source) if chance(source) < _LIT else large
    softer = large.filter(ImageFilter.GaussianBlur(0.5 + 2 * chance(source))) if chance(source) < _BLURRED else large
    small = smaller(softer, FILTERS[pick(len(FILTERS), source)])
    return large, _jpeg(small, 60 + pick(36, source)) if chance(source) < _JPEG else small


def _lit(picture: Image.Image, source: torch.Generator) -> Image.Image:
    """The picture in a soft light of several colours: art has few gradients, and a network that saw none makes steps of them."""
    lights = torch.randint(256, (3, 3, 3), generator=source).to(torch.uint8).numpy()
    light = Image.fromarray(lights).resize(picture.size, Image.Resampling.BICUBIC)
    return Image.blend(picture, light, 0.1 + 0.6 * chance(source))


def _jpeg(picture: Image.Image, quality: int) -> Image.Image:
    kept = io.BytesIO()
    picture.save(kept, "JPEG", quality=quality)
    return Image.open(kept).convert("RGB")
