"""Noise: one generator per picture, from the CPU's, the device's or CUDA's stream; variations, seed resize, Brownian trees.

The order of draws is A1111's: the first draw of a picture's generator is its start noise, the next ones are what samplers add.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from webui.core.request import NoiseSource
from webui.errors import RequestError
from webui.samplers.brownian import BrownianPath

Shape = Sequence[int]


class Generator(Protocol):
    """A stream of unit normal noise."""

    def normal(self, shape: Shape) -> Tensor:
        """The next float32 noise of this shape."""
        ...


class TorchNoise:
    """torch's generator on one device; its stream differs from device to device."""

    def __init__(self, seed: int, device: str = "cpu") -> None:
        self._generator = torch.Generator(device).manual_seed(seed % 2**64)

    def normal(self, shape: Shape) -> Tensor:
        """The next noise, on the generator's device."""
        return torch.randn(tuple(shape), generator=self._generator, device=self._generator.device, dtype=torch.float32)


_ROUNDS = 10
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (np.uint32(0x9E3779B9), np.uint32(0xBB67AE85))
_LOW = np.uint64(0xFFFFFFFF)


class PhiloxNoise:
    """CUDA's noise on any machine: Philox 4×32-10 (Salmon et al. 2011) and Box–Muller, as cuRAND lays them out for `torch.randn`."""

    def __init__(self, seed: int) -> None:
        seed %= 2**64
        self._key = (seed & 0xFFFFFFFF, seed >> 32)
        self._offset = 0

    def normal(self, shape: Shape) -> Tensor:
        """The next noise, on the CPU."""
        count = math.prod(shape)
        counter = np.zeros((4, count), np.uint32)
        counter[0] = self._offset
        counter[2] = np.arange(count, dtype=np.uint32)
        self._offset += 1
        first, second = _philox(counter, self._key)
        u = first * np.float32(2**-32) + np.float32(2**-33)
        angle = second * np.float32(2**-32 * 2 * math.pi) + np.float32(2**-33 * 2 * math.pi)
        return torch.from_numpy((np.sqrt(-2 * np.log(u)) * np.sin(angle)).astype(np.float32).reshape(tuple(shape)))


def _philox(counter: np.ndarray, key: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Ten rounds; the first two words of the result as float32."""
    words = counter
    keys = [np.uint32(key[0]), np.uint32(key[1])]
    with np.errstate(over="ignore"):
        for _ in range(_ROUNDS):
            products = [words[2 * i].astype(np.uint64) * _MULTIPLIERS[i] for i in (0, 1)]
            high = [(product >> np.uint64(32)).astype(np.uint32) for product in products]
            low = [(product & _LOW).astype(np.uint32) for product in products]
            words = np.stack([high[1] ^ words[1] ^ keys[0], low[1], high[0] ^ words[3] ^ keys[1], low[0]])
            keys = [key + weyl for key, weyl in zip(keys, _WEYL, strict=True)]
    return words[0].astype(np.float32), words[1].astype(np.float32)


def generator(source: NoiseSource, seed: int, device: str = "cpu") -> Generator:
    """One picture's noise: "cpu" (torch on the CPU), "gpu" (torch on `device`), "nv" (CUDA's stream, computed on the CPU)."""
    if source == "nv":
        return PhiloxNoise(seed)
    if source not in ("cpu", "gpu"):
        raise RequestError("noise_source", f"There is no noise source {source!r}. There are cpu, gpu and nv.")
    return TorchNoise(seed, device if source == "gpu" else "cpu")


class ImageNoise:
    """The noise of a batch: every picture has a stream of its own, so that it is the same alone, in a batch, and at any place in it.

    `shape` is [channels, height, width] of one latent. Variation: `variation` pairs each seed with another and a strength in 0..1.
    `resize_from` is the latent (height, width) whose noise is laid into this one ("Resize seed from"). `ensd` is added to the
    seeds for the noise that samplers draw. `next()` gives [batch, channels, height, width] float32 on `device`.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        shape: tuple[int, int, int],
        source: NoiseSource = "cpu",
        *,
        device: str = "cpu",
        variation_seeds: Sequence[int] = (),
        variation_strength: float = 0.0,
        resize_from: tuple[int, int] | None = None,
        ensd: int = 0,
    ) -> None:
        self._seeds, self._shape, self._device = tuple(seeds), shape, device
        self._make: Callable[[int], Generator] = lambda seed: generator(source, seed, device)
        self._variation = tuple(variation_seeds) if variation_strength else ()
        self._strength = variation_strength
        self._resize_from = resize_from if resize_from not in (None, shape[1:]) else None
        self._ensd = ensd
        self._streams: list[Generator] | None = None

    def next(self) -> Tensor:
        """Start noise at the first call, the next noise of each stream after."""
        if self._streams is None:
            return self._first()
        return self._moved([stream.normal(self._shape) for stream in self._streams])

    def sampler(self) -> Callable[[Tensor, Tensor], Tensor]:
        """A noise sampler of this stream, for ancestral samplers."""
        return lambda sigma, sigma_next: self.next()

    def _first(self) -> Tensor:
        streams = [self._make(seed) for seed in self._seeds]
        noise = self._moved([self._start(index, stream) for index, stream in enumerate(streams)])
        self._streams = [self._make(seed + self._ensd) for seed in self._seeds] if self._ensd else streams
        return noise

    def _moved(self, noises: list[Tensor]) -> Tensor:
        return to_device(torch.stack(noises), torch.empty(0, device=self._device))

    def _start(self, index: int, stream: Generator) -> Tensor:
        source_shape = (self._shape[0], *self._resize_from) if self._resize_from else self._shape
        noise = self._make(self._seeds[index]).normal(source_shape) if self._resize_from else stream.normal(self._shape)
        if self._variation:
            noise = slerp(self._strength, noise, self._make(self._variation[index]).normal(source_shape).to(noise.device))
        return _laid_into(noise, stream.normal(self._shape)) if self._resize_from else noise


def slerp(amount: float, low: Tensor, high: Tensor) -> Tensor:
    """Between two noises along the sphere, column by column (dimension 1), as A1111 varies seeds; nearly parallel ones go straight."""
    low_unit, high_unit = low / low.norm(dim=1, keepdim=True), high / high.norm(dim=1, keepdim=True)
    cosine = (low_unit * high_unit).sum(1)
    if cosine.mean() > 0.9995:
        return low * (1 - amount) + high * amount
    angle = torch.acos(cosine)
    sine = torch.sin(angle)
    return (torch.sin((1 - amount) * angle) / sine).unsqueeze(1) * low + (torch.sin(amount * angle) / sine).unsqueeze(1) * high


def _laid_into(noise: Tensor, canvas: Tensor) -> Tensor:
    """Put the middle of one noise into the middle of another of any size."""
    (height, width), (full_height, full_width) = noise.shape[1:], canvas.shape[1:]
    dy, dx = (full_height - height) // 2, (full_width - width) // 2
    rows, columns = (height if dy >= 0 else height + 2 * dy), (width if dx >= 0 else width + 2 * dx)
    top, left, from_top, from_left = max(dy, 0), max(dx, 0), max(-dy, 0), max(-dx, 0)
    result = canvas.clone()
    result[:, top : top + rows, left : left + columns] = noise[:, from_top : from_top + rows, from_left : from_left + columns]
    return result


def to_device(noise: Tensor, like: Tensor) -> Tensor:
    """Noise on the device and in the type of `like`; on an accelerator the copy does not make the caller wait."""
    if noise.device == like.device or like.device.type != "cuda":
        return noise.to(like)
    return noise.pin_memory().to(like.device, non_blocking=True).to(like.dtype)


class BrownianNoise:
    """A noise sampler: unit noise of one Brownian path per picture between two levels, of its own seed whatever the batch.

    Levels outside `sigma_min` … `sigma_max` count as the nearest inside. The way down, which samplers go, is minus the way up, as in
    k-diffusion.
    """

    def __init__(self, x: Tensor, sigma_min: float, sigma_max: float, seeds: Sequence[int], source: NoiseSource = "cpu") -> None:
        shape, device = tuple(x.shape[1:]), str(x.device)
        # Float32 numbers, as A1111's are: the tree's places depend on the last digit.
        low, high = (float(np.float32(level)) for level in (sigma_min, sigma_max))
        self._paths = [BrownianPath(low, high, int(seed), lambda node: generator(source, node, device).normal(shape)) for seed in seeds]
        self._like = x

    def __call__(self, sigma: Tensor | float, sigma_next: Tensor | float) -> Tensor:
        low, high = sorted((float(sigma), float(sigma_next)))
        path = torch.stack([increment(low, high) for increment in self._paths])
        way = -1.0 if sigma > sigma_next else 1.0
        return to_device(path, self._like) * (way / math.sqrt(max(high - low, 1e-20)))
