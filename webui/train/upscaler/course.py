"""Training: pairs drawn by (seed, step), AdamW whose rate falls to nothing, weights averaged on the way."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from webui.train.default_model.compose import generator
from webui.train.upscaler.network import Compact
from webui.train.upscaler.pictures import Gallery, batch

_RATE, _AVERAGED = 2e-3, 0.999
_EVERY = 100
_CONTRAST = 0.2
"""Standard deviation of usual patches."""


@dataclass(frozen=True)
class Course:
    """How long is learned: so many steps, or where that is 0 so many seconds; `pairs` in each step."""

    steps: int = 0
    seconds: float = 0.0
    pairs: int = 16
    seed: int = 0


def train(network: Compact, gallery: Gallery, course: Course, tell: Callable[[str], None]) -> tuple[dict[str, Tensor], int]:
    """Train the network, and return its averaged weights and how many steps there were."""
    averaged = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-4, betas=(0.9, 0.99))
    started, step, losses = time.monotonic(), 0, 0.0
    while (done := _share(course, step, time.monotonic() - started)) < 1:
        rate = _RATE * min(step / 50 + 0.02, 1.0) * (1 - done) ** 1.5
        losses += _learn(network, optimiser, rate, batch(gallery, course.pairs, generator(course.seed, 1, step)))
        step += 1
        _follow(averaged, network, min(_AVERAGED, (1 + step) / (10 + step)))
        if step % _EVERY == 0:
            tell(f"step {step}, {done:.0%}: mean error {losses / _EVERY:.5f}")
            losses = 0.0
    return averaged.state_dict(), step


def _share(course: Course, step: int, seconds: float) -> float:
    return step / course.steps if course.steps else seconds / max(course.seconds, 1e-9)


def _learn(network: Compact, optimiser: torch.optim.Optimizer, rate: float, pairs: tuple[Tensor, Tensor]) -> float:
    for group in optimiser.param_groups:
        group["lr"] = rate
    small, large = (values.contiguous(memory_format=torch.channels_last) for values in pairs)
    with torch.autocast("cpu", torch.bfloat16):
        made = network(small)
    loss = error_of(made.float(), large)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def error_of(made: Tensor, large: Tensor) -> Tensor:
    """The mean error, in which what has little contrast counts as much as what has much: steps in a soft gradient are seen too."""
    off = made - large
    each = (off.abs() + 2 * off**2).mean(dim=(1, 2, 3))
    return (each * _CONTRAST / (_CONTRAST / 4 + large.std(dim=(1, 2, 3)))).mean()


@torch.no_grad()
def _follow(averaged: Compact, network: Compact, kept: float) -> None:
    for slow, fast in zip(averaged.parameters(), network.parameters(), strict=True):
        slow.lerp_(fast, 1 - kept)
