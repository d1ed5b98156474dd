"""Pictures of the list, encoded once: the UNet then never waits for the autoencoder.

Every concept on every background, in the plain layout and in a few moved ones; the sampled noise of the posterior is added when a
batch is made.
"""

import torch
from torch import nn
from torch.nn import functional

from webui.core.request import FrozenModel
from webui.train.default_model.compose import COLOURS, centred, chance, generator, pick, shifted, to_pixels
from webui.train.default_model.networks import device_of

LAYOUTS = 3
_PLAIN_SHARE = 0.75
_AT_ONCE = 32


class Latents(FrozenModel):
    """Posterior means and deviations, [concept, colour, layout, 4, h, w], already scaled to unit deviation."""

    model_config = {"arbitrary_types_allowed": True, "frozen": True}

    mean: torch.Tensor
    deviation: torch.Tensor

    def draw(self, concept: int, colour: int, source: torch.Generator) -> torch.Tensor:
        """One latent picture; most of them in the plain layout, so that a prompt has a typical picture."""
        layout = 0 if chance(source) < _PLAIN_SHARE else 1 + pick(self.mean.shape[2] - 1, source)
        mean, deviation = self.mean[concept, colour, layout].float(), self.deviation[concept, colour, layout].float()
        return mean + deviation * torch.randn(mean.shape, generator=source)


def layout_of(sizes: list[torch.Tensor], seed: int, concept: int, colour: int, layout: int) -> torch.Tensor:
    """The picture of that concept on that colour: layout 0 is the plain one."""
    name = list(COLOURS)[colour]
    return shifted(sizes, name, generator(seed, 2, concept, colour, layout)) if layout else centred(sizes[-1], name)


def layouts(art: list[list[torch.Tensor]], seed: int, count: int = LAYOUTS) -> list[torch.Tensor]:
    """All pictures, in the order concept, colour, layout."""
    return [
        layout_of(sizes, seed, number, colour, layout)
        for number, sizes in enumerate(art)
        for colour in range(len(COLOURS))
        for layout in range(count)
    ]


def preview(latents: Latents, art: list[list[torch.Tensor]], seed: int) -> list[list[float]]:
    """Five rows of red, green and blue in -1..1: one per latent channel, then a constant; the least-squares picture of scaled latents."""
    concepts, colours = latents.mean.shape[:2]
    places = [(concept, colour) for concept in range(concepts) for colour in range(colours)]
    pictures = to_pixels([layout_of(art[concept], seed, concept, colour, 0) for concept, colour in places])
    return factors(torch.stack([latents.mean[concept, colour, 0] for concept, colour in places]).float(), pictures)


def factors(latents: torch.Tensor, pictures: torch.Tensor) -> list[list[float]]:
    """The five rows of `preview` from any latents [n, 4, h, w] and their pictures in -1..1."""
    known = latents.movedim(1, -1).flatten(0, 2)
    wanted = functional.avg_pool2d(pictures, pictures.shape[-1] // latents.shape[-1]).movedim(1, -1).flatten(0, 2)
    rows = torch.linalg.lstsq(torch.cat([known, torch.ones(len(known), 1)], 1), wanted).solution
    return [[round(value, 4) for value in row] for row in rows.tolist()]


@torch.no_grad()
def encode(vae: nn.Module, art: list[list[torch.Tensor]], scale: float, seed: int, count: int = LAYOUTS) -> Latents:
    """Encode all layouts; stored in half precision."""
    pictures = layouts(art, seed, count)
    means, deviations = [], []
    for start in range(0, len(pictures), _AT_ONCE):
        pixels = to_pixels(pictures[start : start + _AT_ONCE]).to(device_of(vae))
        found = vae.encode(pixels).latent_dist  # type: ignore[operator]
        means.append((found.mean * scale).half().cpu())
        deviations.append((found.std * scale).half().cpu())
    shape = (len(art), len(COLOURS), count)
    mean, deviation = torch.cat(means), torch.cat(deviations)
    return Latents(mean=mean.view(*shape, *mean.shape[1:]), deviation=deviation.view(*shape, *mean.shape[1:]))
