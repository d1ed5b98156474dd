"""`bench samplers`: what a sampler costs beyond its model calls, per step, at 64×64×4 latents with a model that costs nothing."""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from webui.bench.results import keep
from webui.core.request import SamplerOptions
from webui.samplers.catalog import BUILTIN_SAMPLERS, Sampler, get_schedule
from webui.samplers.noise import BrownianNoise, ImageNoise
from webui.samplers.planning import plan_levels, sampler_options
from webui.samplers.schedules import model_levels

GOAL = 0.3
SHAPE = (4, 64, 64)


def run(words: Sequence[str]) -> int:
    """Print milliseconds a step for every sampler; 1 when one without a Brownian path is over the goal."""
    options = _parser().parse_args(words)
    torch.set_num_threads(options.threads)
    figures = {sampler.name: measure(sampler, options.steps, options.repeat, options.device) for sampler in BUILTIN_SAMPLERS}
    for sampler in BUILTIN_SAMPLERS:
        own, with_noise = figures[sampler.name]["own"], figures[sampler.name]["with_noise"]
        print(
            f"{sampler.name:<22}{own:7.3f} ms a step{with_noise:9.3f} with its noise ({sampler.noise}){'' if own <= GOAL else '   MISSED'}"
        )
    if not options.dry:
        print(keep("samplers", {"goal_ms": GOAL, "steps": options.steps, "threads": options.threads, "ms_per_step": figures}))
    return int(any(figure["own"] > GOAL for figure in figures.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m webui bench samplers", description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=30, help="runs per sampler; the quickest counts, for a busy machine only adds")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dry", action="store_true", help="do not write docs/bench/samplers.json")
    return parser


def measure(sampler: Sampler, steps: int, repeat: int = 30, device: str = "cpu") -> dict[str, float]:
    """Milliseconds a step: `own` arithmetic (noise is there already), and `with_noise` as pictures draw it."""
    levels = plan_levels(sampler, get_schedule("Automatic"), steps, model_levels("sd1"), SamplerOptions())
    options = {**sampler_options(sampler, SamplerOptions()), **levels.options}
    unit = ImageNoise([1], SHAPE, device=device)
    x = levels.begin(unit.next())
    spare = torch.randn_like(x)
    quiet = {"noise_sampler": lambda sigma, sigma_next: spare} if sampler.noise != "none" else {}
    low, high = levels.noise_range
    drawing = {"brownian": BrownianNoise(x, low, high, [1]), "none": None}.get(sampler.noise, unit.sampler())
    loud = {"noise_sampler": drawing} if drawing is not None else {}
    runs: dict[str, dict[str, Any]] = {"own": quiet, "with_noise": loud}
    times = {"own": repeat, "with_noise": max(repeat // 10, 1)}
    return {
        name: round(min(_once(sampler, x, levels.sigmas, {**options, **noise}) for _ in range(times[name])), 4)
        for name, noise in runs.items()
    }


def _once(sampler: Sampler, x: Tensor, sigmas: Tensor, options: dict[str, Any]) -> float:
    """Milliseconds a step of one run with a model that answers at once."""
    image = torch.zeros_like(x)
    begin = time.perf_counter()
    sampler.function(lambda x, sigma, **extra: image, x, sigmas, **options)
    if x.is_cuda:
        torch.cuda.synchronize()
    return (time.perf_counter() - begin) * 1000 / max(len(sigmas) - 1, 1)
