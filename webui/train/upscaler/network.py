"""A compact upscaling network that looks at one colour at a time: convolutions at the small size, the picture itself added at the end.

Red, green and blue go through the same weights, each by itself. A network that sees all three learns to look at brightness, and breaks
edges between colours of one brightness into stairs; here such an edge is like any other, in each colour that changes.

The file has the three side by side as one network, its tensors named and shaped as those of Real-ESRGAN's compact networks
(`SRVGGNetCompact`: Wang et al. 2021, arXiv 2107.10833), so that whatever reads those reads it. The last step spreads channels over pixels
(Shi et al. 2016, arXiv 1609.05158).
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

SCALE = 4
COLOURS = 3


class Compact(nn.Module):
    """[n, c, h, w] in 0…1 becomes [n, c, 4h, 4w], each of the c colours by itself."""

    def __init__(self, width: int = 24, layers: int = 12) -> None:
        super().__init__()
        parts: list[nn.Module] = [nn.Conv2d(1, width, 3, padding=1), nn.PReLU(width)]
        for _ in range(layers):
            parts += [nn.Conv2d(width, width, 3, padding=1), nn.PReLU(width)]
        last = nn.Conv2d(width, SCALE**2, 3, padding=1)
        self.body = nn.Sequential(*parts, last)
        for part in self.body:
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, a=0.25)
                nn.init.zeros_(part.bias if part.bias is not None else part.weight[:0])
        self._start_smooth()

    @torch.no_grad()
    def _start_smooth(self) -> None:
        """At first the picture itself, enlarged by bilinear interpolation: one channel carries it to the end, unchanged by any layer."""
        *inner, last = (part for part in self.body if isinstance(part, nn.Conv2d))
        for part in inner:
            part.weight[0].zero_()
            part.weight[0, 0, 1, 1] = 1
        last.weight.zero_()
        taps = torch.zeros(SCALE, 3)
        for place in range(SCALE):
            beside = (place + 0.5) / SCALE - 0.5
            taps[place, 1] = 1 - abs(beside)
            taps[place, 1 + (1 if beside > 0 else -1)] = abs(beside)
        kernels = torch.einsum("ya,xb->yxab", taps, taps).reshape(SCALE**2, 3, 3)
        kernels[:, 1, 1] -= 1  # the nearest pixel is added at the end
        last.weight[:, 0] = kernels

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the pictures four times as large."""
        made = planes = pictures.flatten(0, 1)[:, None]
        for part in self.body:
            made = part(made)
        large = F.pixel_shuffle(made, SCALE) + F.interpolate(planes, scale_factor=SCALE, mode="nearest")
        return large.view(*pictures.shape[:2], *large.shape[2:])


def write(path: Path, weights: dict[str, Tensor], about: dict[str, str]) -> None:
    """Store one colour's weights for three as float16, first beside their place and then at it."""
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: _thrice(tensor).half().contiguous() for name, tensor in weights.items()}, part, about)
    part.replace(path)


def read(path: Path) -> Compact:
    """The network of a file that `write` made."""
    weights = {name: tensor[tuple(slice(side // (COLOURS if axis < 2 else 1)) for axis, side in enumerate(tensor.shape))].float()
               for name, tensor in load_file(path).items()}  # fmt: skip
    network = Compact(len(weights["body.0.bias"]), (len([name for name in weights if name.endswith(".bias")]) - 2))
    network.load_state_dict(weights)
    return network


def _thrice(tensor: Tensor) -> Tensor:
    """A convolution that does the same to each of three colours, or its bias."""
    if tensor.ndim == 1:
        return tensor.repeat(COLOURS)
    into, of = tensor.shape[:2]
    wide = tensor.new_zeros(into * COLOURS, of * COLOURS, *tensor.shape[2:])
    for colour in range(COLOURS):
        wide[colour * into : (colour + 1) * into, colour * of : (colour + 1) * of] = tensor
    return wide
