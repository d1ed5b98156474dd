"""`compare A B`: how far two pictures are apart, and what differs in how they were made."""

import argparse
import math
from pathlib import Path

import numpy as np

from webui.core.request import FrozenModel
from webui.errors import RequestError
from webui.images.decode import image_bytes, read_image
from webui.settings import Settings


class Difference(FrozenModel):
    """Between two pictures of one size, in units of 1/255: `psnr` in dB (inf when equal), mean and largest difference."""

    psnr: float
    mean: float
    largest: int

    model_config = {**FrozenModel.model_config, "allow_inf_nan": True}


def add(parser: argparse.ArgumentParser) -> None:
    """Two pictures."""
    parser.add_argument("a", type=Path)
    parser.add_argument("b", type=Path)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the difference; 0 when the pixels are equal, 1 when not."""
    difference = compare(_read(arguments.a), _read(arguments.b))
    print(f"PSNR {difference.psnr:.2f} dB   mean difference {difference.mean:.4f}   largest {difference.largest} (of 255)")
    for line in input_differences(arguments.a, arguments.b):
        print(line)
    return 0 if difference.largest == 0 else 1


def compare(a: np.ndarray, b: np.ndarray) -> Difference:
    """Compare two uint8 pictures [height, width, 3]. Raises `RequestError` when their sizes differ."""
    if a.shape != b.shape:
        raise RequestError("b", f"The pictures differ in size: {a.shape[1]}×{a.shape[0]} and {b.shape[1]}×{b.shape[0]}.")
    gap = np.abs(a.astype(np.int16) - b.astype(np.int16))
    error = float(np.mean(gap.astype(np.float64) ** 2))
    return Difference(psnr=10 * math.log10(255**2 / error) if error else math.inf, mean=float(gap.mean()), largest=int(gap.max()))


def input_differences(a: Path, b: Path) -> list[str]:
    """One line per request field (and fact about the run) that differs, by what the pictures' metadata say."""
    from webui.images.metadata import read_generation_info

    left, right = read_generation_info(a), read_generation_info(b)
    names = [*left, *(name for name in right if name not in left)]
    if not (left.get("variation_strength") or right.get("variation_strength")):
        names = [name for name in names if name != "variation_seed"]  # chosen at random and without effect
    return [f"{name}: {left.get(name, '–')} | {right.get(name, '–')}" for name in names if left.get(name) != right.get(name)]


def _read(path: Path) -> np.ndarray:
    return np.asarray(read_image(image_bytes(path, str(path)), str(path)).convert("RGB"))
