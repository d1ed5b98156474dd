"""`bench overhead`: what our own code costs around the model, beside the bare calls of UNet and VAE.

Both sides run the default model at its native size and steps, in turns; compared is the processor time that they take, which other work
on the machine hardly changes, and the shortest wall time of each.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import torch

from webui.bench.results import keep
from webui.core.protocol import RunJob
from webui.core.request import GenerationRequest, ResolvedRequest
from webui.engine.bootstrap import make_plan
from webui.local import LocalRunner
from webui.models.model import Model
from webui.settings import Settings, load_settings

GOAL = 0.03


def run(words: Sequence[str]) -> int:
    """Measure, print, keep; 0 when the overhead is within the goal."""
    options = _parser().parse_args(list(words))
    settings = load_settings({"threads": options.threads})
    alone = LocalRunner(settings)
    try:
        request = alone.resolve(GenerationRequest(prompt="a red apple", seed=1, batch_size=options.batch, checkpoint=options.checkpoint))
        whole, bare = measure(alone, settings, request, options.rounds)
    finally:
        alone.close()
    share = statistics.median(whole[0]) / statistics.median(bare[0]) - 1
    wall = min(whole[1]) / min(bare[1]) - 1
    print(f"{request.checkpoint}, {request.width}×{request.height}, {request.steps} steps, batch {request.batch_size}")
    print(f"a generation {min(whole[1]):.3f} s, bare calls {min(bare[1]):.3f} s")
    print(f"overhead {share:.2%} of processor time, {wall:.2%} of wall time (goal {GOAL:.0%})")
    keep("overhead", {"share": share, "wall_share": wall, "generation_seconds": min(whole[1]), "bare_seconds": min(bare[1]), "goal": GOAL})
    return 0 if share <= GOAL else 1


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m webui bench overhead", description="Our own code beside the bare model calls.")
    made.add_argument("--rounds", type=int, default=7)
    made.add_argument("--batch", type=int, default=1)
    made.add_argument("--checkpoint", help="another model than the default one")
    made.add_argument("--threads", type=int, default=0)
    return made


Times = tuple[list[float], list[float]]
"""(processor seconds, wall seconds) of each round."""


def measure(alone: LocalRunner, settings: Settings, request: ResolvedRequest, rounds: int) -> tuple[Times, Times]:
    """A generation and the bare calls, in turns; the first of each is not counted."""
    alone.run(request, lambda event: None)
    plan = make_plan(RunJob(job_id="bench", owner="local", attempt=1, request=request), alone.context, alone.device, settings)
    model = alone.context.models.get(request.checkpoint, request.vae, plan)
    whole: Times = ([], [])
    bare: Times = ([], [])
    bare_calls(model, request)
    for _ in range(rounds):
        _timed(whole, lambda: alone.run(request, lambda event: None))
        _timed(bare, lambda: bare_calls(model, request))
    return whole, bare


def _timed(times: Times, work: Callable[[], object]) -> None:
    processor, wall = time.process_time(), time.perf_counter()
    work()
    times[0].append(time.process_time() - processor)
    times[1].append(time.perf_counter() - wall)


@torch.no_grad()
def bare_calls(model: Model, request: ResolvedRequest) -> None:
    """As many UNet calls as the request has steps, with both prompts together, then the VAE for each picture."""
    batch, height, width = request.batch_size, request.height // model.downscale, request.width // model.downscale
    x = torch.randn(2 * batch, model.latent_channels, height, width, device=model.device, dtype=model.dtype)
    cond = torch.randn(2 * batch, 77, model.text_width, device=model.device, dtype=model.dtype)
    for step in range(request.steps):
        model.unet(x, torch.full((2 * batch,), float(step), device=model.device), cond, return_dict=False)
    for latent in x[:batch].to(model.place.vae_dtype):
        model.vae.decode(latent[None], return_dict=False)[0].float().cpu()  # type: ignore[operator]
