"""Scenes painted on whatever device the art is on: a whole batch per layer, no picture on its own."""

import torch
from torch.nn import functional as F

from webui.train.default_model.bank import HUES, Bank, turned
from webui.train.default_model.compose import COLOURS
from webui.train.default_model.scenes import LAYERS, Scenes

_LEVELS = 3


@torch.no_grad()
def paint(bank: Bank, scenes: Scenes, size: int) -> torch.Tensor:
    """Pictures [n, 3, size, size] in -1..1, as the autoencoder takes them."""
    placed = scenes.to(bank.device)
    table = torch.tensor(list(COLOURS.values()), dtype=torch.float32, device=bank.device)
    grounds = (table[placed.ground] + placed.jitter).clamp(0, 255) / 255
    pictures = grounds[:, :, None, None].expand(-1, -1, size, size).clone()
    for layer in range(LAYERS):
        rows = (placed.what[:, layer] >= 0).nonzero()[:, 0]
        if len(rows):
            _lay(pictures, bank, placed.rows(rows), rows, layer)
    return pictures.mul_(2).sub_(1)


def _lay(pictures: torch.Tensor, bank: Bank, scenes: Scenes, rows: torch.Tensor, layer: int) -> None:
    """One object over each of these pictures, grouped by how far its art must shrink."""
    size, side = pictures.shape[-1], bank.art.shape[-1]
    boxes = scenes.boxes[:, layer]
    sides = (boxes[:, 2] * size).round()
    levels = torch.floor(torch.log2(side / sides) + 1e-4).clamp(0, _LEVELS - 1).long()
    for level in range(_LEVELS):
        here = (levels == level).nonzero()[:, 0]
        if len(here):
            one = scenes.rows(here)
            art = coloured(bank, one, layer)
            art = F.avg_pool2d(art, 2**level) if level else art
            laid = F.grid_sample(art, _grid(one, layer, sides[here], size), align_corners=False)
            pictures[rows[here]] = pictures[rows[here]] * (1 - laid[:, 3:]) + laid[:, :3]


def coloured(bank: Bank, scenes: Scenes, layer: int) -> torch.Tensor:
    """The art of a layer [n, 4, s, s] in 0..1, in the colour that the scene gives it."""
    art = bank.art[scenes.style, scenes.what[:, layer]].float() / 255
    tinted = (scenes.hue >= 0).nonzero()[:, 0]
    if len(tinted):
        wanted = torch.tensor(list(HUES.values()), device=art.device)[scenes.hue[tinted]]
        found = bank.hue[scenes.style[tinted], scenes.what[tinted, layer]]
        art[tinted, :3] = turned(art[tinted, :3], wanted - found)
    return art


def _grid(scenes: Scenes, layer: int, sides: torch.Tensor, size: int) -> torch.Tensor:
    """Where in the art each pixel of the picture looks; corners lie on whole pixels, so art of the right size is copied exactly."""
    corners = (scenes.boxes[:, layer, :2] * size - sides[:, None] / 2).round()
    centres = (corners + sides[:, None] / 2) / size * 2 - 1
    factor = size / sides
    theta = torch.zeros((len(sides), 2, 3), device=sides.device)
    theta[:, 0, 0], theta[:, 1, 1] = torch.where(scenes.mirrored[:, layer], -factor, factor), factor
    theta[:, 0, 2], theta[:, 1, 2] = -theta[:, 0, 0] * centres[:, 0], -factor * centres[:, 1]
    with torch.autocast(sides.device.type, enabled=False):  # in bfloat16 the places would be off by half a pixel
        return F.affine_grid(theta, [len(sides), 4, size, size], align_corners=False)
