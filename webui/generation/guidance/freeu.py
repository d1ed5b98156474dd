"""FreeU, version 2 (Si et al. 2023, arXiv:2309.11497): stronger what comes from below, weaker the low frequencies that skip."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from webui.core.guidance import FreeUOptions
from webui.generation.guiders import GuidanceCall, GuidancePart, GuidanceRun
from webui.models.conditioning import NetworkPatch
from webui.models.patches import UNetPatch, has_blocks

LEFT_OUT = "FreeU was left out: this checkpoint's network is no UNet of Stable Diffusion's make."


def make(run: GuidanceRun) -> GuidancePart | None:
    """FreeU for a run that asks for it; a note instead where the network is of another kind."""
    options = run.request.freeu
    if options is None:
        return None
    if not has_blocks(run.model.unet):
        run.note(LEFT_OUT)
        return None
    unet: Any = run.model.unet
    width = int(unet.config.block_out_channels[0])
    return FreeU(options, {4 * width: (options.b1, options.s1), 2 * width: (options.b2, options.s2)})


class FreeU(GuidancePart):
    """On between a start and an end of the run."""

    def __init__(self, options: FreeUOptions, scales: Mapping[int, tuple[float, float]]) -> None:
        self._options, self._patch = options, FreeUPatch(scales)

    def patches(self, call: GuidanceCall) -> Sequence[NetworkPatch]:
        return (self._patch,) if self._options.start <= call.share <= self._options.end else ()


class FreeUPatch(UNetPatch):
    """`scales`: by the number of channels from below, the factors of what comes from below and of what skips."""

    changes_blocks = True

    def __init__(self, scales: Mapping[int, tuple[float, float]]) -> None:
        self._scales = scales

    @property
    def key(self) -> Hashable:
        return "FreeU", *self._scales.items()

    def join(self, h: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        found = self._scales.get(h.shape[1])
        return (h, skip) if found is None else (strengthened(h, found[0]), low_frequencies_scaled(skip, found[1]))


def strengthened(h: Tensor, factor: float) -> Tensor:
    """The first half of the channels times up to `factor`, most where the channels' mean is largest."""
    mean = h.mean(1, keepdim=True)
    low, high = mean.amin((2, 3), keepdim=True), mean.amax((2, 3), keepdim=True)
    share = (mean - low) / (high - low).clamp(min=torch.finfo(h.dtype).tiny)
    half = h.shape[1] // 2
    return torch.cat([h[:, :half] * ((factor - 1) * share + 1), h[:, half:]], dim=1)


def low_frequencies_scaled(skip: Tensor, factor: float) -> Tensor:
    """The coefficients of frequency -1 and 0 on both sides times `factor`. In float32: half precision has no transform of every size."""
    spectrum = torch.fft.fftn(skip.float(), dim=(-2, -1))
    mask = torch.ones(spectrum.shape[-2:], device=skip.device)
    rows, columns = (torch.tensor([0, side - 1], device=skip.device) for side in mask.shape)
    mask[rows[:, None], columns] = factor
    scaled: Tensor = torch.fft.ifftn(spectrum * mask, dim=(-2, -1)).real
    return scaled.to(skip.dtype)
