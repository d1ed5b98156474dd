"""Weights by block (`lbw=`) in the notation of sd-webui-lora-block-weight. Loads no torch.

BASE is the text encoder, IN00 to IN11, M00 and OUT00 to OUT11 are the UNet's blocks in CompVis' numbers. Blocks that a list leaves out
are off; layers outside of the blocks (time embedding, first and last convolution) are not weighted.
"""

import math
from collections.abc import Mapping

BASE = "BASE"


def _names(ins: str, outs: str) -> tuple[str, ...]:
    return (BASE, *(f"IN{int(n):02}" for n in ins.split()), "M00", *(f"OUT{int(n):02}" for n in outs.split()))


_ALL = _names("0 1 2 3 4 5 6 7 8 9 10 11", "0 1 2 3 4 5 6 7 8 9 10 11")
_PLAIN = _names("1 2 4 5 7 8", "3 4 5 6 7 8 9 10 11")
_XL = _names("4 5 7 8", "0 1 2 3 4 5")
_XL_ALL = _names("0 1 2 3 4 5 6 7 8", "0 1 2 3 4 5 6 7 8")
LISTS: Mapping[int, tuple[str, ...]] = {len(names): names for names in (_XL, _PLAIN, _XL_ALL, _ALL)}
"""The blocks meant by a list of so many numbers."""
_EVEN = {"ALL": 1.0, "NONE": 0.0, "ALL0.5": 0.5}
_PRESETS = {
    "INS": ("IN01 IN02 IN04", "IN04 IN05"),
    "IND": ("IN05 IN07 IN08", "IN07 IN08"),
    "INALL": ("IN01 IN02 IN04 IN05 IN07 IN08", "IN04 IN05 IN07 IN08"),
    "MIDD": ("IN05 IN07 IN08 M00 OUT03 OUT04 OUT05 OUT06", "IN07 IN08 M00 OUT00 OUT01 OUT02"),
    "OUTD": ("OUT03 OUT04 OUT05 OUT06", "OUT00 OUT01 OUT02"),
    "OUTS": ("OUT07 OUT08 OUT09 OUT10 OUT11", "OUT03 OUT04 OUT05"),
    "OUTALL": ("OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11", "OUT00 OUT01 OUT02 OUT03 OUT04 OUT05"),
}
"""That extension's own presets, which leave BASE on, for SD 1.x and 2.x; and what is meant by them in SDXL, which has fewer blocks."""


def read_blocks(text: str, family: str) -> dict[str, float] | None:
    """The weight of each block by a preset's name or a list of numbers, None where it is neither."""
    if text in _EVEN:
        return dict.fromkeys(_ALL, _EVEN[text])
    if text in _PRESETS:
        chosen = {BASE, *_PRESETS[text][family.startswith("sdxl")].split()}
        return {name: float(name in chosen) for name in _ALL}
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        return None
    if len(numbers) not in LISTS or not all(math.isfinite(number) for number in numbers):
        return None
    return dict.fromkeys(_ALL, 0.0) | dict(zip(LISTS[len(numbers)], numbers, strict=True))


def weight_of(block: str, weights: Mapping[str, float] | None) -> float:
    """What a layer's strength is multiplied by."""
    return 1.0 if weights is None else weights.get(block, 1.0)
