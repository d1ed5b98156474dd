"""The autoencoder: whole pictures, and a loss with pooled colour terms, without which the study's first one knew only one colour axis."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from webui.train.default_model.compose import COLOURS, centred, chance, generator, normal, pick, scattered, shifted, to_pixels
from webui.train.default_model.latents import Latents, layout_of
from webui.train.default_model.networks import SCALE, device_of, precision
from webui.train.default_model.optimiser import optimisers, rate, set_rate
from webui.train.default_model.state import Stage
from webui.train.default_model.workers import Budget, Clock, WorkerGroup

Draw = Callable[[int, torch.Generator], torch.Tensor]
"""Step and generator → a batch of pictures in -1..1."""

EDGES = ("conv_in", "conv_out", "quant_conv")
_LISTED = 0.75
_KL = 2e-4
_AVERAGE = 0.995
_BLUR = 0.2


def pictures(listed: list[list[torch.Tensor]], others: list[list[torch.Tensor]], count: int, source: torch.Generator) -> torch.Tensor:
    """A batch: three quarters show listed concepts, half of those in the plain layout; the rest is any art anywhere."""
    colours = list(COLOURS)
    made = []
    for _ in range(count):
        known = chance(source) < _LISTED or not others
        sizes = listed[pick(len(listed), source)] if known else others[pick(len(others), source)]
        colour = colours[pick(len(colours), source)]
        kind = chance(source)
        if not known or kind < 0.2:
            made.append(scattered(sizes, colour, source))
        elif kind < 0.6:
            made.append(shifted(sizes, colour, source))
        else:
            made.append(centred(sizes[-1], colour))
    return to_pixels(made)


def loss(vae: nn.Module, pixels: torch.Tensor, source: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """What is minimised, and the mean squared error of the reconstruction."""
    with precision(vae):
        posterior = vae.encode(pixels).latent_dist  # type: ignore[operator]
        noise = normal(posterior.mean.shape, source, pixels.device)
        seen = vae.decode(posterior.mean + posterior.std * noise).sample.float()  # type: ignore[operator]
    divergence = 0.5 * (posterior.mean.square() + posterior.var - 1 - posterior.logvar).mean()
    return difference(seen, pixels) + _KL * divergence, F.mse_loss(seen, pixels).detach()


def difference(seen: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """How far a reconstruction is off: pixels, edges, and colours of larger areas."""
    pooled = F.l1_loss(F.avg_pool2d(seen, 8), F.avg_pool2d(pixels, 8)) + 0.5 * F.l1_loss(F.avg_pool2d(seen, 32), F.avg_pool2d(pixels, 32))
    return F.l1_loss(seen, pixels) + F.mse_loss(seen, pixels) + 0.3 * _gradients(seen - pixels) + pooled


def _gradients(error: torch.Tensor) -> torch.Tensor:
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


def stage(vae: nn.Module, lr: float, group: WorkerGroup) -> Stage:
    return Stage({"vae": vae}, optimisers(vae, lr, EDGES, group), _AVERAGE)


def drawing(listed: list[list[torch.Tensor]], others: list[list[torch.Tensor]], batch: int) -> Draw:
    """Batches of `pictures`."""
    return lambda step, source: pictures(listed, others, batch, source)


def train(
    state: Stage, draw: Draw, group: WorkerGroup, budget: Budget, report: Callable[[Stage, float], None], *, seed: int, lr: float
) -> None:
    """Go on until the budget is used; `report` is called after every step with the progress."""
    vae, clock = state.modules["vae"], Clock(state.worked)
    vae.train()
    progress = budget.progress(state.step, state.worked)
    while progress < 1:
        source = generator(seed, 1, state.step, group.rank)
        set_rate(state.optimisers, rate(lr, state.step, progress))
        total, squared = loss(vae, draw(state.step, source).to(device_of(vae)), source)
        torch.autograd.backward(total)
        progress = group.average([vae], budget.progress(state.step + 1, clock.worked))
        state.advance()
        state.worked = clock.tick()
        state.log.append({"step": state.step, "loss": float(total.detach()), "psnr": psnr(float(squared)), "worked": state.worked})
        report(state, progress)


@dataclass(frozen=True)
class Course:
    """How a stage is trained: the seed of its draws, pictures in a step, and the highest learning rate."""

    seed: int
    batch: int
    lr: float


def train_decoder(
    state: Stage,
    data: tuple[Latents, list[list[torch.Tensor]]],
    group: WorkerGroup,
    budget: Budget,
    report: Callable[[Stage, float], None],
    course: Course,
) -> None:
    """Sharpen the decoder on stored latents.

    The encoder stays, so a UNet that learned those latents stays right; a little noise stands for the UNet's errors.
    """
    vae, clock = state.modules["vae"], Clock(state.worked)
    for part in ("encoder", "quant_conv"):
        vae.get_submodule(part).requires_grad_(False)
    latents, art = data
    progress = budget.progress(state.step, state.worked)
    while progress < 1:
        source = generator(course.seed, 11, state.step, group.rank)
        set_rate(state.optimisers, rate(course.lr, state.step, progress))
        inputs, pixels = stored(latents, art, course.seed, course.batch, source)
        pixels = pixels.to(device_of(vae))
        with precision(vae):
            seen = vae.decode(inputs.to(pixels.device) / SCALE).sample.float()  # type: ignore[operator]
        total = difference(seen, pixels)
        torch.autograd.backward(total)
        progress = group.average([vae], budget.progress(state.step + 1, clock.worked))
        state.advance()
        state.worked = clock.tick()
        squared = float(F.mse_loss(seen.detach(), pixels))
        state.log.append({"step": state.step, "loss": float(total.detach()), "psnr": psnr(squared), "worked": state.worked})
        report(state, progress)


def stored(
    latents: Latents, art: list[list[torch.Tensor]], seed: int, count: int, source: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents with noise and the pictures they were made from."""
    inputs, pictures = [], []
    for _ in range(count):
        concept, colour, layout = (pick(side, source) for side in latents.mean.shape[:3])
        mean, deviation = latents.mean[concept, colour, layout].float(), latents.deviation[concept, colour, layout].float()
        noise = torch.randn(mean.shape, generator=source)
        inputs.append(mean + (deviation.square() + (_BLUR * chance(source)) ** 2).sqrt() * noise)
        pictures.append(layout_of(art[concept], seed, concept, colour, layout))
    return torch.stack(inputs), to_pixels(pictures)


def psnr(squared: float) -> float:
    """Of a mean squared error on pixels in -1..1, in decibels."""
    return float(10 * torch.log10(torch.tensor(4 / max(squared, 1e-12))))


@torch.no_grad()
def reconstruct(vae: nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    mean = vae.encode(pixels).latent_dist.mean  # type: ignore[operator]
    return vae.decode(mean).sample.clamp(-1, 1)  # type: ignore[operator, no-any-return]


@torch.no_grad()
def fold(vae: nn.Module, pixels: torch.Tensor, scale: float) -> None:
    """Move the latents' mean and deviation per channel into the 1x1 convolutions, so that one factor (`scale`) whitens all channels."""
    means = torch.cat([vae.encode(part).latent_dist.mean for part in torch.split(pixels, 32)])  # type: ignore[operator]
    centre, spread = means.mean((0, 2, 3)), means.std((0, 2, 3)) * scale
    into, out = vae.get_submodule("quant_conv"), vae.get_submodule("post_quant_conv")
    assert isinstance(into, nn.Conv2d) and isinstance(out, nn.Conv2d) and into.bias is not None and out.bias is not None
    count = len(centre)
    into.weight[:count] /= spread[:, None, None, None]
    into.bias[:count] = (into.bias[:count] - centre) / spread
    into.bias[count:] -= 2 * spread.log()
    out.bias += (out.weight[:, :, 0, 0] * centre).sum(1)
    out.weight *= spread[None, :, None, None]
