"""The ways in which a device can compute a picture, from the fastest to that which takes least memory, and what each takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

from webui.core.family import MemoryEstimate, ModelFacts
from webui.devices.memory import estimate, stored

Dtype = Literal["float32", "bfloat16", "float16"]
Offloading = Literal["none", "model", "sequential"]
Share = Literal["weights", "part", "block"]
Kept = Literal["full", "half", "int8"]
SHARES: dict[Offloading, Share] = {"none": "weights", "model": "part", "sequential": "block"}
"""What of the weights is on the device at once."""


@dataclass(frozen=True)
class Wish:
    """What is to be computed: a batch of this size in pixels by a model, in `dtype` if that fits, else in the `narrower` type if given.

    `weights` and `offload` are the settings.
    """

    facts: ModelFacts
    width: int
    height: int
    batch: int
    dtype: Dtype
    narrower: Dtype | None = None
    weights: str = "auto"
    offload: str = "auto"

    def need(self, dtype: Dtype, weights: Kept, *, split: bool) -> MemoryEstimate:
        """What that takes with its weights kept so; `split`: in small parts."""
        return estimate(stored(self.facts, weights, dtype), self.width, self.height, self.batch, dtype, split=split)


@dataclass(frozen=True)
class Way:
    """How it is computed: what stays in main memory, whether in small parts (rows one by one, the VAE in tiles), how weights are kept."""

    dtype: Dtype
    weights: Kept
    offload: Offloading
    split: bool
    need: MemoryEstimate

    @property
    def peak(self) -> int:
        """Bytes on the device."""
        return cast(int, getattr(self.need, SHARES[self.offload])) + self.need.work


def ways(device: str, wish: Wish) -> Iterator[Way]:
    """From the fastest to that which takes least; on a CPU there is nowhere to offload to.

    What changes no bit comes first: weights as the file has them, then a whole part at a time offloaded. Small parts come after, then
    single blocks, and fewer bits last.
    """
    yield from _in_type(device, wish, wish.dtype)
    if wish.narrower is not None:
        yield from _in_type(device, wish, wish.narrower)


def _in_type(device: str, wish: Wish, dtype: Dtype) -> Iterator[Way]:
    offloads: list[Offloading] = ["none"]
    if device not in ("cpu", "mps"):
        offloads = [each for each in SHARES if wish.offload in ("auto", each)]
    kept = _kept(device, wish, dtype)
    for offload in offloads:
        for weights in kept:
            yield Way(dtype, weights, offload, False, wish.need(dtype, weights, split=False))
        if offload != "none" or len(offloads) == 1:
            for weights in kept:
                yield Way(dtype, weights, offload, True, wish.need(dtype, weights, split=True))


def _kept(device: str, wish: Wish, dtype: Dtype) -> list[Kept]:
    """How weights may be kept. Those of a file in 16 bits are the same numbers so, and only float32 takes more."""
    can_be_half = dtype == "float32" and wish.facts.in_half and wish.facts.memory is None
    if wish.weights == "int8":
        return ["int8"]
    if wish.weights == "half":
        return ["half" if can_be_half else "full"]
    return ["full", "half"] if wish.weights == "auto" and can_be_half and device == "cpu" else ["full"]
