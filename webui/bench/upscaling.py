"""`bench upscaling`: what a 4× upscale of 512² by an RRDB network of 64 features costs beside the bare network's calls, and its memory.

Compared is processor time, in turns: the whole way of a job, cut, converted and joined again, and the network on the same tiles alone.
Memory is each run's peak in a process of its own, for pictures of two sizes.
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import psutil
import torch
from PIL import Image

from webui.bench.results import keep
from webui.generation.upscaling import by_network
from webui.images.tiles import TileGrid
from webui.images.upscaling import enlarge
from webui.models.networks import import_spandrel
from webui.models.upscalers import UpscalerNetwork
from webui.plugins.types import Upscaler, UpscaleRun

GOAL = 1.1
SIDE, TILE, OVERLAP, SCALE = 512, 192, 8, 4
LARGER = 2
"""How much longer the sides of the second picture are whose memory is measured."""
_MEMORY_TILE = 64
CPU = torch.device("cpu")


def run(words: Sequence[str]) -> int:
    """Measure, print, keep; 0 when the cost is within the goal."""
    parser = argparse.ArgumentParser(prog="python -m webui bench upscaling", description="Upscaling beside the bare network's calls.")
    parser.add_argument("--blocks", type=int, default=2, help="RRDB blocks; 23 as Real-ESRGAN has, with fewer our own part counts more")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(list(words))
    torch.set_num_threads(options.threads)
    network, image = network_of(options.blocks), Image.effect_noise((SIDE, SIDE), 40).convert("RGB")
    ours, bare = measured(network, image, options.rounds)
    whole = _processor(lambda: network(_pixels(image)))
    small, large = (peak_of(options.blocks, SIDE // 2 * times) for times in (1, LARGER))
    figures = {
        "blocks": options.blocks,
        "ours_s": round(min(ours), 3),
        "bare_tiles_s": round(min(bare), 3),
        "bare_whole_s": round(whole, 3),
        "share": round(statistics.median(ours) / statistics.median(bare), 4),
        "peak_mb": {str(SIDE // 2): small >> 20, str(SIDE // 2 * LARGER): large >> 20},
        "goal": GOAL,
    }
    for name, value in figures.items():
        print(f"{name:<14}{value}")
    print(keep("upscaling", figures))
    return 0 if float(str(figures["share"])) <= GOAL else 1


def network_of(blocks: int) -> UpscalerNetwork:
    """An RRDB network of 64 features with random weights, 4×."""
    import_spandrel()
    module = import_module("spandrel.architectures.ESRGAN.__arch.RRDB").RRDBNet(scale=SCALE, num_filters=64, num_blocks=blocks)
    return UpscalerNetwork(SCALE, CPU, module.eval())


def measured(network: UpscalerNetwork, image: Image.Image, rounds: int) -> tuple[list[float], list[float]]:
    """(processor seconds of ours, those of the bare calls) of each round; one before them is not counted."""
    upscaler = Upscaler("RRDB", by_network(network))
    given = UpscaleRun(TILE, OVERLAP, lambda work: work(), lambda done, of: None)
    grid = TileGrid(*image.size, TILE, OVERLAP)
    tiles = [_pixels(tile) for tile in grid.cut(image)]
    network(tiles[0])
    ours, bare = list[float](), list[float]()
    for _ in range(rounds):
        ours.append(_processor(lambda: enlarge(image, upscaler, SCALE, given)))
        bare.append(_processor(lambda: [network(tile) for tile in tiles]))
    return ours, bare


def _pixels(image: Image.Image) -> torch.Tensor:
    """In the layout that gives Forge's pixels bit for bit; channels last is a fifth quicker and a grey level off here and there."""
    values = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(1, image.height, image.width, 3)
    return (values.permute(0, 3, 1, 2) / 255).contiguous()


def _processor(work: Callable[[], Any]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def peak_of(blocks: int, side: int) -> int:
    """Bytes that an upscale of a picture of this side takes at its peak beyond what the process had before, in tiles of 64 pixels."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return int(pool.apply(_peak, (blocks, side)))


def _peak(blocks: int, side: int) -> int:
    import resource

    torch.set_num_threads(1)
    upscaler = Upscaler("RRDB", by_network(network_of(blocks)))
    given = UpscaleRun(_MEMORY_TILE, OVERLAP, lambda work: work(), lambda done, of: None)
    enlarge(Image.new("RGB", (_MEMORY_TILE, _MEMORY_TILE)), upscaler, SCALE, given)
    before = psutil.Process().memory_info().rss
    enlarge(Image.effect_noise((side, side), 40).convert("RGB"), upscaler, SCALE, given)
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before, 0)
