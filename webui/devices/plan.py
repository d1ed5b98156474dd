"""The plan of a job: how this machine will make the pictures; or, before anything starts, a clear word that it cannot."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import torch

from webui.core.family import MemoryEstimate, ModelFacts
from webui.core.job import Plan
from webui.core.request import ResolvedRequest
from webui.devices.machine import cores, memory
from webui.devices.measure import Measurements
from webui.devices.memory import in_tiles, largest_size
from webui.devices.ways import Dtype, Offloading, Way, Wish, ways
from webui.errors import OutOfMemory, RequestError, WebUIError
from webui.settings import Settings

_SPARE = 0.92
"""Part of the free memory that may be planned with."""


def measurements(settings: Settings) -> Measurements:
    """What was measured on this machine before."""
    return Measurements(settings.measured, settings.threads or cores())


def default_dtype(device: str, settings: Settings) -> Dtype:
    """The precision of a request that says auto."""
    if settings.dtype != "auto":
        return settings.dtype
    if device == "cpu":
        return "bfloat16" if measurements(settings).bf16_is_faster() else "float32"
    if device.startswith("cuda"):
        return "float16" if torch.cuda.get_device_capability(device) >= (6, 0) else "float32"
    return "float16"


def plan_for(request: ResolvedRequest, device: str, settings: Settings, facts: ModelFacts, held: int = 0) -> Plan:
    """Fix device, precision, attention, threads, how weights are kept and offloading for a resolved request.

    `held` is what this process holds already and will use again or give back (the loaded model), in bytes.
    Raises `RequestError` on the size or the batch, or `OutOfMemory`, when the estimate says that it cannot fit.
    """
    dtype = request.dtype if request.dtype != "auto" else default_dtype(device, settings)
    may_narrow = device == "cpu" and dtype == "float32" and request.dtype == settings.dtype == "auto"
    width, height = largest_size(request)
    facts = in_tiles(facts, request)
    free = int(memory(device)[1] * _SPARE) + held
    narrower: Dtype | None = "bfloat16" if may_narrow else None
    wish = Wish(facts, width, height, request.batch_size, dtype, narrower, settings.weights, settings.offload)
    way = _cheapest_that_fits(device, free, wish)
    return Plan(
        device=device,
        dtype=way.dtype,
        attention=_attention(settings, device, way.dtype, min(width * height, facts.most_pixels or width * height) // facts.downscale**2),
        threads=(settings.threads or cores()) if device == "cpu" else settings.threads,
        channels_last=device == "cpu" or device.startswith("cuda"),
        packed=_packed(settings, device, way),
        weights=way.weights,
        narrowed=way.dtype != dtype,
        work=way.need.work,
        peak=way.peak,
        offload=way.offload,
        rows=1 if way.split else 0,
        vae_tiles=way.split and not request.tiling,
    )


def plan_of_extras(device: str, settings: Settings) -> Plan:
    """The plan of a job that generates nothing: upscalers see one tile at a time, so that no estimate is needed."""
    return Plan(device=device, dtype="float32", threads=(settings.threads or cores()) if device == "cpu" else settings.threads)


def _attention(settings: Settings, device: str, dtype: Dtype, tokens: int) -> Literal["sdpa", "xformers", "tiled"]:
    if settings.attention != "auto":
        return settings.attention
    if device != "cpu" or dtype != "bfloat16":
        return "sdpa"
    return "tiled" if measurements(settings).tiles_pay(tokens, torch.bfloat16) else "sdpa"


def _packed(settings: Settings, device: str, way: Way) -> bool:
    if device != "cpu" or way.dtype != "bfloat16" or way.weights != "full":
        return False
    return measurements(settings).packing_pays()


def _cheapest_that_fits(device: str, free: int, wish: Wish) -> Way:
    """The first way that fits. Raises `RequestError` or `OutOfMemory` where none does."""
    tried = list(ways(device, wish))
    for way in tried:
        if way.peak <= free:
            return way
    raise _too_large(wish, tried[0].need, tried[-1], free)


def cheaper_plan(plan: Plan, request: ResolvedRequest) -> Plan | None:
    """Return the plan to try when memory ran out with this one; None where nothing takes less."""
    offload: Offloading = plan.offload
    if plan.device not in ("cpu", "mps"):
        offload = "model" if plan.offload == "none" else "sequential"
    less = plan.model_copy(update={"offload": offload, "rows": 1, "vae_tiles": not request.tiling})
    return None if less == plan else less


def _too_large(wish: Wish, need: MemoryEstimate, least: Way, free: int) -> WebUIError:
    def fits(changed: Wish) -> bool:
        return replace(least, need=changed.need(least.dtype, least.weights, split=True)).peak <= free

    what = f"{wish.width}×{wish.height}" + (f" in batches of {wish.batch}" if wish.batch > 1 else "")
    said = f"{what} needs about {_gb(need.total)}, and {_gb(free)} of memory are free."
    if batch := next((count for count in range(wish.batch - 1, 0, -1) if fits(replace(wish, batch=count))), 0):
        return RequestError("batch_size", f"{said} A batch of {batch} fits; raise the batch count instead.")
    if size := next((size for size in _smaller(wish) if fits(replace(wish, width=size[0], height=size[1], batch=1))), None):
        return RequestError("width", f"{said} {size[0]}×{size[1]} fits.")
    weights = least.need.weights
    return OutOfMemory(
        f"The model alone needs {_gb(weights)}, and {_gb(free)} of memory are free.",
        "Close other programs, or choose a smaller model.",
    )


def _smaller(wish: Wish) -> Iterator[tuple[int, int]]:
    step = wish.facts.multiple_of
    for percent in range(95, 5, -5):
        size = wish.width * percent // (100 * step) * step, wish.height * percent // (100 * step) * step
        if min(size) >= 64:
            yield size


def fits_together(requests: Sequence[ResolvedRequest], plan: Plan, facts: ModelFacts, held: int) -> bool:
    """Whether these jobs' pictures may pass through the model at once, by the same estimate as one batch of as many."""
    sizes = [largest_size(request) for request in requests]
    width, height = max(width for width, _ in sizes), max(height for _, height in sizes)
    images = sum(request.batch_size for request in requests)
    if plan.rows:
        return False  # what fits in small parts alone leaves no room
    need = Wish(facts, width, height, images, plan.dtype).need(plan.dtype, plan.weights, split=False)
    return Way(plan.dtype, plan.weights, plan.offload, False, need).peak <= int(memory(plan.device)[1] * _SPARE) + held


def _gb(count: int) -> str:
    return f"{max(count, 0) / 1e9:.1f} GB"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is the device's, or the system's, way to say that its memory is used up."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def is_device_lost(error: BaseException) -> bool:
    """Whether the device is of no more use to this process: after such an error every further call fails too."""
    if not isinstance(error, RuntimeError) or is_out_of_memory(error) or "out of memory" in str(error):
        return False
    return any(words in str(error) for words in ("CUDA error:", "HIP error:", "DEVICE_LOST"))


def out_of_memory(request: ResolvedRequest, plan: Plan) -> OutOfMemory:
    """The error for the user when memory ran out while computing."""
    width, height = largest_size(request)
    smaller = "Try a batch size of 1" if request.batch_size > 1 else f"Try {width * 3 // 32 * 8}×{height * 3 // 32 * 8}"
    where = "main memory" if plan.device == "cpu" else f"memory of {plan.device}"
    further = "" if plan.device == "cpu" or plan.offload == "sequential" else ', or set Offload to "sequential" in Settings'
    return OutOfMemory(f"The {where} did not suffice for {width}×{height}, batch size {request.batch_size}.", f"{smaller}{further}.")
