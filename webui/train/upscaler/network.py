"""A compact upscaling network: convolutions at the small size, colours beside each other at the end, the picture itself added.

Its tensors are named and shaped as those of Real-ESRGAN's compact networks (`SRVGGNetCompact`: Wang et al. 2021, arXiv 2107.10833), so
that whatever reads those reads this file. The last step spreads channels over pixels (Shi et al. 2016, arXiv 1609.05158).
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

SCALE = 4
COLOURS = 3


class Compact(nn.Module):
    """RGB or BGR [n, 3, h, w] in 0…1 becomes [n, 3, 4h, 4w]."""

    def __init__(self, width: int = 32, layers: int = 10) -> None:
        super().__init__()
        parts: list[nn.Module] = [nn.Conv2d(COLOURS, width, 3, padding=1), nn.PReLU(width)]
        for _ in range(layers):
            parts += [nn.Conv2d(width, width, 3, padding=1), nn.PReLU(width)]
        last = nn.Conv2d(width, COLOURS * SCALE**2, 3, padding=1)
        self.body = nn.Sequential(*parts, last)
        for part in self.body:
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, a=0.25)
                nn.init.zeros_(part.bias if part.bias is not None else part.weight[:0])
        self._start_smooth()

    @torch.no_grad()
    def _start_smooth(self) -> None:
        """At first the picture itself, enlarged by bilinear interpolation: three channels carry it to the end, unchanged by any layer."""
        *inner, last = (part for part in self.body if isinstance(part, nn.Conv2d))
        for part in inner:
            part.weight[:COLOURS].zero_()
            for colour in range(COLOURS):
                part.weight[colour, colour, 1, 1] = 1
        last.weight.zero_()
        taps = torch.zeros(SCALE, 3)
        for place in range(SCALE):
            beside = (place + 0.5) / SCALE - 0.5
            taps[place, 1] = 1 - abs(beside)
            taps[place, 1 + (1 if beside > 0 else -1)] = abs(beside)
        kernels = torch.einsum("ya,xb->yxab", taps, taps).reshape(SCALE**2, 3, 3)
        kernels[:, 1, 1] -= 1  # the nearest pixel is added at the end
        for colour in range(COLOURS):
            last.weight[colour * SCALE**2 : (colour + 1) * SCALE**2, colour] = kernels

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the pictures four times as large."""
        made = pictures
        for part in self.body:
            made = part(made)
        return F.pixel_shuffle(made, SCALE) + F.interpolate(pictures, scale_factor=SCALE, mode="nearest")


def write(path: Path, weights: dict[str, Tensor], about: dict[str, str]) -> None:
    """Store weights as float16, first beside their place and then at it."""
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.half().contiguous() for name, tensor in weights.items()}, part, about)
    part.replace(path)
