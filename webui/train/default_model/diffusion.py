"""UNet and text encoder together, predicting v (Salimans & Ho 2022) with the same weight at every timestep.

The noisy steps, where the prompt decides the shape, count as much as the others; weights that fade them (min-SNR) left the
study's objects at chance.
"""

from collections.abc import Callable, Sequence

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F

from webui.train.default_model.captions import caption
from webui.train.default_model.compose import COLOURS, chance, generator, normal, pick
from webui.train.default_model.concepts import Concept
from webui.train.default_model.latents import Latents
from webui.train.default_model.networks import TOKENS, alphas_cumprod, device_of, precision
from webui.train.default_model.optimiser import optimisers, rate, set_rate
from webui.train.default_model.state import Stage
from webui.train.default_model.vocabulary import encode
from webui.train.default_model.workers import Budget, Clock, WorkerGroup

UNET_EDGES = ("conv_in", "conv_out", "time_emb")
TEXT_EDGES = ("embeddings.",)
Feed = Callable[[int, torch.Generator], tuple[torch.Tensor, torch.Tensor]]
"""Step and generator → a batch of latents of unit deviation and their captions' tokens."""

_SHORT = 16
_EMPTY = 0.1
_FULL_EVERY = 12
"""One step in so many has captions of full length, so that 77 tokens work too; the others cost a fifth of the text encoder's time."""


def stage(unet: nn.Module, text: nn.Module, lr: float, group: WorkerGroup, longest: float = 0.997) -> Stage:
    found = optimisers(unet, lr, UNET_EDGES, group) + optimisers(text, lr, TEXT_EDGES, group)
    return Stage({"unet": unet, "text": text}, found, longest)


def batch_of(concepts: Sequence[Concept], latents: Latents, count: int, source: torch.Generator) -> tuple[torch.Tensor, list[str]]:
    """Latents and captions. White comes five times as often as any other colour, because it is also what an unnamed background means."""
    colours = list(COLOURS)
    pictures, sentences = [], []
    for _ in range(count):
        concept = pick(len(concepts), source)
        colour = max(0, pick(len(colours) + 4, source) - 4)
        pictures.append(latents.draw(concept, colour, source))
        words = caption(concepts[concept], colours[colour], source)
        sentences.append("" if chance(source) < _EMPTY else words)
    return torch.stack(pictures), sentences


def timesteps(count: int, source: torch.Generator) -> torch.Tensor:
    """One from each of `count` equal parts of the schedule, in random order of parts."""
    parts = (torch.arange(count) + torch.rand(count, generator=source)) / count
    return (parts * 1000).long().clamp(max=999)


def loss(state: Stage, latents: torch.Tensor, tokens: torch.Tensor, alphas: torch.Tensor, source: torch.Generator) -> torch.Tensor:
    """Mean squared error of v at stratified timesteps."""
    unet = state.modules["unet"]
    device = device_of(unet)
    times, noise = timesteps(len(latents), source).to(device), normal(latents.shape, source, device)
    latents, alphas = latents.to(device), alphas.to(device)
    signal, level = alphas[times].sqrt()[:, None, None, None], (1 - alphas[times]).sqrt()[:, None, None, None]
    noisy = (signal * latents + level * noise).contiguous(memory_format=torch.channels_last)
    with precision(unet):
        context = state.modules["text"](input_ids=tokens.to(device)).last_hidden_state
        seen = unet(noisy, times, context).sample
    return F.mse_loss(seen.float(), signal * noise - level * latents)


def length(step: int, short: int = _SHORT) -> int:
    """Tokens of the captions of a step."""
    return TOKENS if step % _FULL_EVERY == _FULL_EVERY - 1 else short


def feed(concepts: Sequence[Concept], latents: Latents, words: Tokenizer, batch: int) -> Feed:
    """Batches of `batch_of`."""

    def made(step: int, source: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        pictures, sentences = batch_of(concepts, latents, batch, source)
        return pictures, torch.tensor(encode(words, sentences, length(step)))

    return made


def train(
    state: Stage, feed: Feed, group: WorkerGroup, budget: Budget, report: Callable[[Stage, float], None], *, seed: int, lr: float
) -> None:
    """Go on until the budget is used."""
    alphas, clock = alphas_cumprod(), Clock(state.worked)
    modules = list(state.modules.values())
    progress = budget.progress(state.step, state.worked)
    while progress < 1:
        source = generator(seed, 3, state.step, group.rank)
        set_rate(state.optimisers, rate(lr, state.step, progress))
        pictures, tokens = feed(state.step, source)
        found = loss(state, pictures, tokens, alphas, source)
        torch.autograd.backward(found)
        progress = group.average(modules, budget.progress(state.step + 1, clock.worked))
        state.advance()
        state.worked = clock.tick()
        state.log.append({"step": state.step, "loss": float(found.detach()), "worked": state.worked})
        report(state, progress)
