"""The plan of a job: how this machine will make the pictures; or, before anything starts, a clear word that it cannot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch

from webui.core.family import MemoryEstimate, ModelFacts
from webui.core.job import Plan
from webui.core.request import ResolvedRequest
from webui.devices.machine import cores, memory
from webui.devices.measure import Measurements
from webui.devices.memory import estimate, in_tiles, largest_size, stored
from webui.errors import OutOfMemory, RequestError, WebUIError
from webui.settings import Settings

Dtype = Literal["float32", "bfloat16", "float16"]
Offloading = Literal["none", "model", "sequential"]
Share = Literal["weights", "part", "block"]
_SPARE = 0.92
"""Part of the free memory that may be planned with."""


def measurements(settings: Settings) -> Measurements:
    """What was measured on this machine before."""
    return Measurements(settings.measured)


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
    """Fix device, precision, attention, threads and offloading for a resolved request.

    `held` is what this process holds already and will use again or give back (the loaded model), in bytes.
    Raises `RequestError` on the size or the batch, or `OutOfMemory`, when the estimate says that it cannot fit.
    """
    dtype = request.dtype if request.dtype != "auto" else default_dtype(device, settings)
    width, height = largest_size(request)
    facts = in_tiles(stored(facts, settings.weights, dtype), request)
    free = int(memory(device)[1] * _SPARE) + held
    way = _cheapest_that_fits(settings, device, free, _SizeRequest(facts, width, height, request.batch_size, dtype))
    return Plan(
        device=device,
        dtype=dtype,
        attention=_attention(settings, device, dtype, min(width * height, facts.most_pixels or width * height) // facts.downscale**2),
        threads=(settings.threads or cores()) if device == "cpu" else settings.threads,
        channels_last=device == "cpu" or device.startswith("cuda"),
        packed=_packed(settings, device, dtype),
        weights=settings.weights,
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


def _packed(settings: Settings, device: str, dtype: Dtype) -> bool:
    if device != "cpu" or dtype != "bfloat16" or settings.weights != "full":
        return False
    return measurements(settings).packing_pays()


class _SizeRequest:
    """What was asked for, to find what would fit instead."""

    def __init__(self, facts: ModelFacts, width: int, height: int, batch: int, dtype: Dtype) -> None:
        self.facts, self.width, self.height, self.batch, self.dtype = facts, width, height, batch, dtype

    def need(self, *, split: bool) -> MemoryEstimate:
        return estimate(self.facts, self.width, self.height, self.batch, self.dtype, split=split)

    def smaller_batch(self, fits: "Fits") -> int:
        counts = range(self.batch - 1, 0, -1)
        return next((n for n in counts if fits(estimate(self.facts, self.width, self.height, n, self.dtype, split=True))), 0)

    def smaller_size(self, fits: "Fits") -> tuple[int, int] | None:
        for percent in range(95, 5, -5):
            step = self.facts.multiple_of
            size = self.width * percent // (100 * step) * step, self.height * percent // (100 * step) * step
            if min(size) >= 64 and fits(estimate(self.facts, *size, 1, self.dtype, split=True)):
                return size
        return None


class Fits:
    """Whether a need fits into so many bytes when only `share` of the weights is there at once."""

    def __init__(self, free: int, share: Share) -> None:
        self._free, self._share = free, share

    def __call__(self, need: MemoryEstimate) -> bool:
        return cast(int, getattr(need, self._share)) + need.work <= self._free


@dataclass(frozen=True)
class _Way:
    """A way to compute: what stays in main memory, and whether it is done in small parts (rows one by one, the VAE in tiles)."""

    offload: Offloading
    share: Share
    split: bool
    need: MemoryEstimate

    @property
    def peak(self) -> int:
        return cast(int, getattr(self.need, self.share)) + self.need.work


def _ways(settings: Settings, device: str, wish: _SizeRequest) -> Iterator[_Way]:
    """From the fastest to that which takes least; on a CPU there is nowhere to offload to.

    Offloading a whole part at a time costs little and changes no bit, so it comes before small parts, and those before single blocks.
    """
    shares: dict[Offloading, Share] = {"none": "weights"}
    if device not in ("cpu", "mps"):
        shares |= {"model": "part", "sequential": "block"}
        shares = shares if settings.offload == "auto" else {settings.offload: shares[settings.offload]}
    whole, split = wish.need(split=False), wish.need(split=True)
    for offload, share in shares.items():
        yield _Way(offload, share, False, whole)
        if offload != "none" or len(shares) == 1:
            yield _Way(offload, share, True, split)


def _cheapest_that_fits(settings: Settings, device: str, free: int, wish: _SizeRequest) -> _Way:
    """The first way that fits. Raises `RequestError` or `OutOfMemory` where none does."""
    ways = list(_ways(settings, device, wish))
    for way in ways:
        if way.peak <= free:
            return way
    raise _too_large(wish, ways[0].need, free, Fits(free, ways[-1].share))


def cheaper_plan(plan: Plan, request: ResolvedRequest) -> Plan | None:
    """Return the plan to try when memory ran out with this one; None where nothing takes less."""
    offload: Offloading = plan.offload
    if plan.device not in ("cpu", "mps"):
        offload = "model" if plan.offload == "none" else "sequential"
    less = plan.model_copy(update={"offload": offload, "rows": 1, "vae_tiles": not request.tiling})
    return None if less == plan else less


def _too_large(wish: _SizeRequest, need: MemoryEstimate, free: int, fits: Fits) -> WebUIError:
    what = f"{wish.width}×{wish.height}" + (f" in batches of {wish.batch}" if wish.batch > 1 else "")
    said = f"{what} needs about {_gb(need.total)}, and {_gb(free)} of memory are free."
    if batch := wish.smaller_batch(fits):
        return RequestError("batch_size", f"{said} A batch of {batch} fits; raise the batch count instead.")
    if size := wish.smaller_size(fits):
        return RequestError("width", f"{said} {size[0]}×{size[1]} fits.")
    return OutOfMemory(
        f"The model alone needs {_gb(need.weights)}, and {_gb(free)} of memory are free.",
        "Close other programs, or choose a smaller model.",
    )


def fits_together(requests: Sequence[ResolvedRequest], plan: Plan, facts: ModelFacts, held: int) -> bool:
    """Whether these jobs' pictures may pass through the model at once, by the same estimate as one batch of as many."""
    sizes = [largest_size(request) for request in requests]
    width, height = max(width for width, _ in sizes), max(height for _, height in sizes)
    images = sum(request.batch_size for request in requests)
    share: dict[str, Share] = {"none": "weights", "model": "part", "sequential": "block"}
    if plan.rows:
        return False  # what fits in small parts alone leaves no room
    free = int(memory(plan.device)[1] * _SPARE) + held
    return Fits(free, share[plan.offload])(estimate(stored(facts, plan.weights, plan.dtype), width, height, images, plan.dtype))


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
