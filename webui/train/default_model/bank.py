"""Art on the device: every concept in every style as one tensor, with what is known of its colour."""

from pathlib import Path

import torch

from webui.core.request import FrozenModel
from webui.train.default_model.concepts import Concept
from webui.train.default_model.pack import Pack
from webui.train.default_model.vocabulary import Vocabulary

FILLING = 0.875
"""The share of a picture's side that an object in the plain layout takes."""

HUES: dict[str, float] = {"red": 0.0, "orange": 28.0, "yellow": 50.0, "green": 125.0, "blue": 220.0, "purple": 278.0, "pink": 325.0}
"""Colour words that can be given to an object of one colour, as hues in degrees."""

MANY = -1.0
_COLOURFUL, _AGREEING = 0.6, 0.92


class Bank(FrozenModel):
    """`art` is uint8 [style, concept, 4, s, s] with premultiplied colours; `hue` [style, concept] in degrees, or `MANY`."""

    model_config = {"arbitrary_types_allowed": True, "frozen": True}

    concepts: tuple[Concept, ...]
    styles: tuple[str, ...]
    vocabulary: Vocabulary
    art: torch.Tensor
    hue: torch.Tensor

    @property
    def device(self) -> torch.device:
        return self.art.device


def side_of(size: int) -> int:
    """Side of the art for pictures of `size` pixels: the plain layout then needs no scaling."""
    return int(size * FILLING)


def load(path: Path, styles: tuple[str, ...], size: int, device: str, cache: Path | None = None) -> Bank:
    """Pictures of a pack for pictures of `size` pixels; drawn once per style and size when there is a folder to keep them in."""
    pack = Pack(path)
    missing = [style for style in styles if style not in pack.styles]
    if missing:
        raise SystemExit(f"{path} has no pictures in the style {missing[0]!r}, only {', '.join(pack.styles)}. Pack it again with --styles.")
    art = torch.stack([_kept(pack, style, side_of(size), cache) for style in styles])
    hue = torch.stack([hues(pictures) for pictures in art])
    return Bank(concepts=pack.concepts, styles=styles, vocabulary=pack.vocabulary, art=art.to(device), hue=hue.to(device))


def _kept(pack: Pack, style: str, side: int, cache: Path | None) -> torch.Tensor:
    name = cache / f"bank-{style.replace(' ', '-')}-{side}-{len(pack.concepts)}.pt" if cache else None
    if name and name.exists():
        found: torch.Tensor = torch.load(name, weights_only=True)
        return found
    made = torch.stack([pack.picture(style, concept, side) for concept in pack.concepts])
    if name:
        name.parent.mkdir(parents=True, exist_ok=True)
        torch.save(made, name)
    return made


def hues(pictures: torch.Tensor, at_once: int = 64) -> torch.Tensor:
    """The one hue of each premultiplied RGBA picture, or `MANY`: most of what is seen has a colour, and those colours agree."""
    return torch.cat([_hues(part.float() / 255) for part in torch.split(pictures, at_once)])


def _hues(pictures: torch.Tensor) -> torch.Tensor:
    hue, saturation, _ = hsv(pictures[:, :3])
    weight = pictures[:, 3] * (saturation > 0.3)
    seen = pictures[:, 3].sum((1, 2)).clamp(min=1)
    angle = torch.deg2rad(hue)
    across, up = (weight * angle.cos()).sum((1, 2)), (weight * angle.sin()).sum((1, 2))
    total = weight.sum((1, 2)).clamp(min=1)
    one = (total / seen > _COLOURFUL) & ((across.square() + up.square()).sqrt() / total > _AGREEING)
    return torch.where(one, torch.rad2deg(torch.atan2(up, across)) % 360, torch.tensor(MANY, device=pictures.device))


def hsv(colours: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Hue in degrees, saturation and value of [n, 3, h, w] in 0..1. Premultiplied colours have the hue and saturation of straight ones."""
    red, green, blue = colours.unbind(1)
    value, least = colours.max(1).values, colours.min(1).values
    spread = (value - least).clamp(min=1e-6)
    sector = torch.where(
        value == red, (green - blue) / spread % 6, torch.where(value == green, (blue - red) / spread + 2, (red - green) / spread + 4)
    )
    return sector * 60, (value - least) / value.clamp(min=1e-6), value


def turned(colours: torch.Tensor, degrees: torch.Tensor) -> torch.Tensor:
    """[n, 3, h, w] with its hues turned by `degrees` [n]; saturation and value stay."""
    hue, saturation, value = hsv(colours)
    sector = (hue + degrees[:, None, None]) % 360 / 60
    offsets = torch.tensor([5.0, 3.0, 1.0], device=colours.device)[None, :, None, None]
    place = (offsets + sector[:, None]) % 6
    return value[:, None] * (1 - saturation[:, None] * torch.minimum(place, 4 - place).clamp(0, 1))
