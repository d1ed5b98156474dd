"""`bench upscaling`: what a 4× upscale of 512² by an RRDB network of 64 features costs beside the bare network's calls, and its memory.

In one run of the whole way of a job (cut, converted, joined again) each call of the network is made twice on the same pixels in the same
layout, now the job's first and now the bare one, and processor time is taken of both. So the bench holds on a busy machine, and a part of
the tiles of a deep network says the same as all of them. Memory is each run's peak in a process of its own, for pictures of three sizes.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import psutil
import torch
from PIL import Image
from torch import Tensor

from webui.bench.results import keep
from webui.generation.upscaling import by_network
from webui.images.upscaling import enlarge
from webui.models.networks import import_spandrel
from webui.models.upscalers import UpscalerNetwork
from webui.plugins.types import Upscaler, UpscaleRun

GOAL = 1.1
SIDE, TILE, OVERLAP, SCALE, FEATURES = 512, 192, 8, 4, 64
DEEP, FEW = 23, 2
"""Blocks that Real-ESRGAN's network has, and so few that our own part counts ten times as much."""
SIZES = (512, 1024, 2048)
"""Sides of the pictures whose memory is measured, by a network of few features, which is quick; its calls see the same tiles."""
_MEMORY_FEATURES = 8
CPU = torch.device("cpu")


@dataclass
class Twice:
    """A network each of whose calls is made twice: once for the job, once bare, in turns first. Processor seconds of each are kept."""

    network: Callable[[Tensor], Tensor]
    job: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return what the network makes."""
        for seconds in (self.job, self.bare) if len(self.job) % 2 else (self.bare, self.job):
            before = time.process_time()
            made = self.network(pixels)
            seconds.append(time.process_time() - before)
        return made


def run(words: Sequence[str]) -> int:
    """Measure, print, keep; 0 when the cost is within the goal."""
    parser = argparse.ArgumentParser(prog="python -m webui bench upscaling", description="Upscaling beside the bare network's calls.")
    parser.add_argument("--blocks", type=int, nargs="+", default=[FEW, DEEP], help="RRDB blocks; 23 are Real-ESRGAN's")
    parser.add_argument("--deep-side", type=int, default=TILE, help=f"side of the picture for more than {FEW} blocks (default: one tile)")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(list(words))
    torch.set_num_threads(options.threads)
    figures: dict[str, Any] = {"goal": GOAL}

    def found(name: str, value: Any) -> None:
        figures[name] = value
        print(f"{name:<12}{value}", flush=True)

    for blocks in options.blocks:
        side = SIDE if blocks <= FEW else options.deep_side
        found(f"{blocks} blocks", measured(network_of(blocks), Image.effect_noise((side, side), 40).convert("RGB")))
    for side in SIZES:
        found(f"{side} pixels", {"peak_mb": peak_of(side) >> 20, "result_mb": 3 * (SCALE * side) ** 2 >> 20})
    print(keep("upscaling", figures))
    return 0 if all(figures[f"{blocks} blocks"]["share"] <= GOAL for blocks in options.blocks) else 1


def network_of(blocks: int, features: int = FEATURES) -> torch.nn.Module:
    """An RRDB network with random weights, 4×."""
    import_spandrel()
    module: torch.nn.Module = import_module("spandrel.architectures.ESRGAN.__arch.RRDB").RRDBNet(
        scale=SCALE, num_filters=features, num_blocks=blocks
    )
    return module.eval()


def measured(network: Callable[[Tensor], Tensor], image: Image.Image) -> dict[str, float]:
    """What an upscale of the picture costs beside the bare calls; one call before it is not counted."""
    with torch.no_grad():
        network(torch.rand(1, 3, TILE, TILE))
    twice = Twice(network)
    whole = _processor(lambda: _enlarge(image, twice))
    own = whole - sum(twice.job) - sum(twice.bare)
    return {
        "side": image.width,
        "calls": len(twice.bare),
        "own_s": round(own, 3),
        "calls_s": round(sum(twice.job), 3),
        "bare_s": round(sum(twice.bare), 3),
        "share": round((own + sum(twice.job)) / sum(twice.bare), 4),
    }


def _enlarge(image: Image.Image, network: Callable[[Tensor], Tensor]) -> None:
    given = UpscaleRun(TILE, OVERLAP, lambda work: work(), lambda done, of: None)
    enlarge(image, Upscaler("RRDB", by_network(UpscalerNetwork(SCALE, CPU, network))), SCALE, given)


def _processor(work: Callable[[], Any]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def peak_of(side: int) -> int:
    """Bytes that an upscale of a picture of this side takes at its peak beyond what the process had before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return int(pool.apply(_peak, (side,)))


def _peak(side: int) -> int:
    import resource

    torch.set_num_threads(1)
    network = network_of(1, _MEMORY_FEATURES)
    _enlarge(Image.new("RGB", (8, 8)), network)
    before = psutil.Process().memory_info().rss
    _enlarge(Image.effect_noise((side, side), 40).convert("RGB"), network)
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before, 0)
