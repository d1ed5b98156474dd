"""`bench speed`: seconds a step and a picture, and peak memory, by precision, attention kernel and layout, beside plain diffusers.

Every row is made by the app's own engine with a freshly loaded model; diffusers' row is its `StableDiffusionPipeline` over the same weights
with its own attention and layout. `--room 4` leaves so many gigabytes of a GPU free (another process holds the rest), so that the plan must
offload; which plan ran stands in the row. Speed does not depend on weights, so random ones do.
"""

import argparse
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from webui.bench.results import keep
from webui.core.events import Event, Failed
from webui.core.job import Plan
from webui.core.request import GenerationRequest, ResolvedRequest
from webui.local import LocalRunner
from webui.settings import Settings, load_settings

Row = dict[str, Any]
DIFFUSERS = "diffusers"
_HOLDER = """
import sys, torch
free, _ = torch.cuda.mem_get_info()
held = torch.empty(max(free - int(float(sys.argv[1]) * 1e9), 0), dtype=torch.uint8, device="cuda")
print("held", flush=True)
sys.stdin.read()
"""


def run(words: Sequence[str]) -> int:
    """Print and keep a table; 1 when a row failed."""
    options = parser().parse_args(list(words))
    rows = [row for room in options.room or [0.0] for row in measure(options, room)]
    for row in rows:
        print(_line(row), flush=True)
    print(keep(options.name, {"size": options.size, "steps": options.steps, "rows": rows}))
    return int(any("error" in row for row in rows))


def parser() -> argparse.ArgumentParser:
    """The bench's flags."""
    made = argparse.ArgumentParser(
        prog="python -m webui bench speed", description="Speed and memory on this device, beside plain diffusers."
    )
    made.add_argument("--checkpoint", help="name of the model (default: the first found)")
    made.add_argument("--models-dir", type=Path, action="append", default=[])
    made.add_argument("--device", default="auto")
    made.add_argument("--dtype", nargs="+", default=["auto"], help="float32, float16, bfloat16")
    made.add_argument("--attention", nargs="+", default=["sdpa"], help=f"sdpa, xformers, tiled, and {DIFFUSERS} for its pipeline")
    made.add_argument("--batch", type=int, nargs="+", default=[1])
    made.add_argument("--size", type=int, default=512)
    made.add_argument("--steps", type=int, default=20)
    made.add_argument("--repeat", type=int, default=3, help="pictures a row; the median counts")
    made.add_argument("--room", type=float, nargs="+", help="gigabytes of the GPU to leave free")
    made.add_argument("--name", default="speed", help="name of the result in docs/bench")
    return made


def measure(options: argparse.Namespace, room: float = 0.0) -> Iterator[Row]:
    """A row for each precision, kernel and batch size; one that cannot be has `error`."""
    with _held(room):
        for dtype in options.dtype:
            for kernel in options.attention:
                yield from _rows(options, dtype, kernel, room)


def _rows(options: argparse.Namespace, dtype: str, kernel: str, room: float) -> Iterator[Row]:
    """One model, all batch sizes."""
    flags = {"dtype": dtype, "devices": (options.device,), "models_dirs": tuple(options.models_dir)}
    alone = LocalRunner(settings := load_settings(flags | ({} if kernel == DIFFUSERS else {"attention": kernel}), environment={}))
    try:
        for batch in options.batch:
            wanted = GenerationRequest(prompt="a red apple", seed=1, batch_size=batch, width=options.size, height=options.size)
            request = alone.resolve(
                wanted.model_copy(update={"steps": options.steps, "checkpoint": options.checkpoint, "sampler": "Euler"})
            )
            yield {"attention": kernel, "batch": batch, "room_gb": room, **_measured(alone, settings, request, kernel, options.repeat)}
    finally:
        alone.close()
        del alone
        _forget()


def _measured(alone: LocalRunner, settings: Settings, request: ResolvedRequest, kernel: str, repeat: int) -> Row:
    from webui.core.protocol import RunJob
    from webui.engine.bootstrap import make_plan
    from webui.errors import WebUIError

    try:
        plan = make_plan(RunJob(job_id="bench", owner="local", attempt=1, request=request), alone.context, alone.device, settings)
        found: Row = {"dtype": plan.dtype, "offload": plan.offload, "channels_last": plan.channels_last and kernel != DIFFUSERS}
        return found | _timed(_diffusers(alone, request, plan) if kernel == DIFFUSERS else _ours(alone, request), request, repeat)
    except (WebUIError, RuntimeError) as error:
        return {"dtype": request.dtype, "error": str(error)}


def _timed(make: Callable[[int], None], request: ResolvedRequest, repeat: int) -> Row:
    """Seconds a picture is the whole way to a saved file; seconds a step from runs of fewer and of all steps."""
    steps = request.steps or 20
    make(steps)
    _forget_peak()
    whole = statistics.median(_seconds(make, steps) for _ in range(repeat))
    short = statistics.median(_seconds(make, max(steps // 4, 1)) for _ in range(repeat))
    a_step = (whole - short) / (steps - max(steps // 4, 1))
    return {
        "seconds": round(whole, 4),
        "seconds_a_picture": round(whole / request.batch_size, 4),
        "ms_a_step": round(a_step * 1000, 2),
        "peak_gb": _peak(),
    }


def _seconds(make: Callable[[int], None], steps: int) -> float:
    began = time.perf_counter()
    make(steps)
    return time.perf_counter() - began


def _ours(alone: LocalRunner, request: ResolvedRequest) -> Callable[[int], None]:
    def make(steps: int) -> None:
        failures: list[str] = []

        def take(event: Event) -> None:
            if isinstance(event, Failed):
                failures.append(event.error.message)

        alone.run(request.model_copy(update={"steps": steps}), take)
        if failures:
            raise RuntimeError(failures[0])

    return make


def _diffusers(alone: LocalRunner, request: ResolvedRequest, plan: Plan) -> Callable[[int], None]:
    """Its pipeline over our loaded parts, as its documentation has it: contiguous, its default attention, one precision for all."""
    import torch
    from diffusers.models.attention_processor import AttnProcessor2_0
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

    model = alone.context.models.get(
        request.checkpoint, None, plan.model_copy(update={"channels_last": False, "packed": False, "offload": "none"})
    )
    parts: dict[str, Any] = {"unet": model.unet, "vae": model.vae.to(model.dtype), "text_encoder": model.text_encoder}
    parts["unet"].set_attn_processor(AttnProcessor2_0())
    torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32 = False, True  # as torch has it: our engine sets them
    scheduler = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
    pipeline: Any = StableDiffusionPipeline(
        **parts, tokenizer=None, scheduler=scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    text = torch.randn(request.batch_size, 77, model.text_width, device=model.device, dtype=model.dtype)
    size = {"width": request.width, "height": request.height}

    def make(steps: int) -> None:
        made = pipeline(
            prompt_embeds=text, negative_prompt_embeds=-text, num_inference_steps=steps, guidance_scale=request.guidance, **size
        )
        for number, image in enumerate(made.images):
            image.save(alone.context.images.root / f"diffusers-{number}.png", compress_level=4)

    return make


@contextmanager
def _held(room: float) -> Iterator[None]:
    """Leave only so many gigabytes of the GPU to this process."""
    if not room:
        yield
        return
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, str(room)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
    finally:
        holder.terminate()
        holder.wait()


def _forget() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _forget_peak() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak() -> float | None:
    """Gigabytes that torch held at most; None without a GPU."""
    import torch

    return round(torch.cuda.max_memory_reserved() / 1e9, 2) if torch.cuda.is_available() else None


def _line(row: Row) -> str:
    name = f"{row['dtype']:<9} {row['attention']:<10} batch {row['batch']:<3}" + (f" room {row['room_gb']:g} GB" if row["room_gb"] else "")
    if "error" in row:
        return f"{name}  {row['error']}"
    peak = "" if row["peak_gb"] is None else f"  peak {row['peak_gb']:.2f} GB"
    return f"{name}  {row['ms_a_step']:8.1f} ms a step  {row['seconds_a_picture']:7.3f} s a picture  offload {row['offload']}{peak}"
