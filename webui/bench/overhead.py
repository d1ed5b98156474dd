"""`bench overhead`: what our own code adds to the model: a whole job beside the same bare UNet and VAE calls, taken in turns."""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

from webui.alone import JOB, Alone
from webui.bench.results import keep
from webui.core.protocol import RunJob
from webui.core.request import parse_request
from webui.settings import load_settings


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when our share is above 3 %."""
    parser = argparse.ArgumentParser(prog="bench overhead")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--size", type=int, default=0, help="pixels a side; 0 is the model's own")
    parser.add_argument("--checkpoint")
    parser.add_argument("--models-dir", action="append", dest="models_dirs")
    options = parser.parse_args(list(words))
    figures = measure(options)
    for name, value in figures.items():
        print(f"{name:<20}{value:.4g}")
    print(keep("overhead", figures))
    return 0 if figures["overhead_percent"] <= 3 else 1


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Seconds of a job and of its bare calls: the median of pairs, so that other work on the machine touches both."""
    alone = Alone(load_settings({"models_dirs": tuple(options.models_dirs or ())}))
    try:
        body = {
            "prompt": "a red apple",
            "negative_prompt": "blue",
            "steps": options.steps,
            "seed": 1,
            "sampler": "Euler",
            "schedule": "Karras",
        }
        size = {"width": options.size, "height": options.size} if options.size else {}
        request = alone.resolve(parse_request({**body, **size, "checkpoint": options.checkpoint}))
        alone.run(request)
        task = RunJob(job_id=JOB, owner="local", attempt=1, request=request)
        bare = bare_calls(alone, task)
        bare()
        pairs = [(_seconds(lambda: alone.run(request)), _seconds(bare)) for _ in range(options.rounds)]
    finally:
        alone.close()
    shares = [whole / alone_calls - 1 for whole, alone_calls in pairs]
    return {
        "rounds": options.rounds,
        "steps": options.steps,
        "width": float(request.width or 0),
        "job_seconds": statistics.median(whole for whole, _ in pairs),
        "bare_seconds": statistics.median(calls for _, calls in pairs),
        "overhead_percent": statistics.median(shares) * 100,
    }


def bare_calls(alone: Alone, task: RunJob) -> Callable[[], None]:
    """The UNet called once a step on prompt and negative prompt together, then the VAE's decoder once, with nothing around them."""
    import torch

    from webui.engine.workshop import make_plan

    plan = task.plan or make_plan(task, alone.tools, alone.device, load_settings())
    model = alone.tools.pipelines.get(task.request.checkpoint or "", None, plan)
    height, width = (task.request.height or 0) // model.downscale, (task.request.width or 0) // model.downscale
    x = torch.randn(2, model.latent_channels, height, width, device=model.device, dtype=model.dtype)
    cond = torch.randn(2, 77, model.text_width, device=model.device, dtype=model.dtype)
    times = torch.full((2,), 500.0, device=model.device)

    @torch.inference_mode()
    def calls() -> None:
        for _ in range(task.request.steps or 0):
            model.unet(x, times, cond, return_dict=False)
        model.vae.decode(x[:1], return_dict=False)  # type: ignore[operator]

    return calls


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
